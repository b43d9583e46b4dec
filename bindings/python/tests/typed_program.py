# SPDX-License-Identifier: MIT
"""A program that uses all of the package, for test_typing.py to check with mypy."""
from __future__ import annotations

import asyncio
import dataclasses
from typing import Any, AsyncIterator, Callable, List, Optional

import libpb
import libpb.accelerate
from libpb import banana, jelly


@libpb.copyable("shop.Item")
@dataclasses.dataclass
class Item:
    name: str
    price: int = 0


@libpb.copyable("shop.SoldOut")
class SoldOut(Exception):
    pass


@libpb.cacheable("shop.Stock")
class Stock(libpb.Cacheable):
    def __init__(self) -> None:
        self.observers: List[libpb.RemoteReference] = []

    def state_to_cache(self, avatar: Any, observer: libpb.RemoteReference) -> Any:
        self.observers.append(observer)
        return {"count": 1}

    def stopped_observing(self, avatar: Any, observer: libpb.RemoteReference) -> None:
        self.observers.remove(observer)


@libpb.cacheable("shop.Stock")
class Shown(libpb.RemoteCache):
    count: int

    @libpb.observe("count")
    def set_count(self, count: int) -> None:
        self.count = count


class View(libpb.Viewable):
    @libpb.view
    def whose(self, avatar: Optional[User]) -> Optional[str]:
        return avatar.name if avatar else None


class Proxy(libpb.Referenceable):
    def find_method(self, method: str) -> Optional[Callable[..., Any]]:
        return None


class Root(libpb.Root):
    def root_object(self, connection: libpb.Connection) -> libpb.Referenceable:
        connection.notify_on_disconnect(lambda connection: None)
        return self

    @libpb.remote
    def add(self, a: int, b: int) -> int:
        return a + b

    @libpb.remote("later")
    async def answer_later(self, *, seconds: float = 0) -> Item:
        await asyncio.sleep(seconds)
        return Item("pen", self.add(1, 2))

    @libpb.remote
    async def read(self, collector: libpb.RemoteReference) -> None:
        await libpb.send_pages(collector, [b"a", b"b"])
        await libpb.send_pages(collector, self.pages())

    async def pages(self) -> AsyncIterator[bytes]:
        yield b"c"


class User(libpb.Avatar):
    def __init__(self, name: str) -> None:
        self.name = name

    @libpb.perspective
    def whoami(self) -> str:
        return self.name

    async def logout(self) -> None:
        await asyncio.sleep(0)


def realm(name: Optional[str], mind: Any, connection: libpb.Connection) -> User:
    return User(name or "nobody")


async def serve() -> None:
    portal = libpb.Portal(realm, {"alice": "secret"}, anonymous=True)
    async with libpb.serve("tcp:0", portal=portal, max_calls=100) as server:
        port: Optional[int] = server.port
        print(port, len(server.connections))
        await server.stop(1)
    other: libpb.Server = await libpb.serve("unix:/tmp/x:mode=600", Root())
    await other.run(timeout=5)


async def call() -> None:
    client: libpb.Client = await libpb.connect("tcp:localhost:1", login=("a", "b"))
    root: libpb.RemoteReference = client.root
    waiting: libpb.Call = root.call("add", 1, 2, key=3)
    print(await waiting, await client.options(timeout=1.5).call("later"))
    async for page in libpb.get_pages(root, "read"):
        print(page)
    try:
        await client.call("fail")
    except libpb.LoginFailed:
        pass
    except libpb.RemoteError as e:
        print(e.type, e.value, e.traceback, e.parents, e.check(ValueError, "x.Y"))
    except (libpb.ConnectionLost, libpb.CallTimeout, libpb.DeadReferenceError) as lost:
        print(lost)
    root.release()
    client.close()
    await client.wait_closed()
    async with libpb.Service("tcp:localhost:1", wait=1.0) as service:
        print(await service.call("add", 1, 2))


def convert() -> bytes:
    taster = jelly.Taster()
    taster.allow_instances_of(Item)
    value = jelly.loads(jelly.dumps(Item("pen")), taster=taster)
    print(value, banana.decode(banana.encode([1])), libpb.__version__)
    libpb.accelerate.install()
    print(libpb.accelerate.installed(), libpb.accelerate.status()["functions"])
    libpb.accelerate.uninstall()
    return jelly.dumps(value, "none")
