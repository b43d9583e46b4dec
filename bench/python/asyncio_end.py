# SPDX-License-Identifier: MIT
"""One end of cpu.py under asyncio with libpb: `asyncio_end.py serve`, or `call PORT
[CASE]...`."""
import asyncio
import dataclasses
import sys

import libpb
from cases import OUTSTANDING, chosen, cpu, report


@libpb.copyable("bench.Item")
@dataclasses.dataclass
class Item:
    number: int
    name: str = "item"
    parts: list = dataclasses.field(default_factory=lambda: [1, 2, 3])


@libpb.cacheable("bench.Stock")
class Stock(libpb.Cacheable):
    def state_to_cache(self, avatar, observer):
        self.observer = observer
        return {"count": 0}


@libpb.cacheable("bench.Stock")
class Shown(libpb.RemoteCache):
    @libpb.observe("count")
    def set_count(self, count):
        self.count = count


class Root(libpb.Root):
    stock_held, thing = Stock(), libpb.Root()

    @libpb.remote
    def echo(self, x):
        return x

    @libpb.remote
    def copy(self, n):
        return [Item(i) for i in range(n)]

    @libpb.remote
    def fail(self):
        raise libpb.Error("no")

    @libpb.remote
    def reference(self):
        return self.thing

    @libpb.remote
    def stock(self):
        return self.stock_held

    @libpb.remote
    def update(self):
        return self.stock_held.observer.call("count", 1)

    @libpb.remote
    def cpu(self):
        return cpu()


async def serve():
    async with libpb.serve("tcp:0:interface=127.0.0.1", Root()) as server:
        print(server.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def call(port):
    async with libpb.connect(f"tcp:127.0.0.1:{port}") as root:
        stock = await root.call("stock")
        for name, method, args, calls in chosen():
            for _ in range(2):  # the first time warms up
                theirs, own = await root.call("cpu"), cpu()
                for _ in range(calls // OUTSTANDING):
                    await asyncio.gather(
                        *[root.call(method, *args) for _ in range(OUTSTANDING)],
                        return_exceptions=True)
                own = cpu() - own
                theirs = await root.call("cpu") - theirs
            report(name, own, theirs, calls // OUTSTANDING * OUTSTANDING)
        del stock


asyncio.run(serve() if sys.argv[1] == "serve" else call(sys.argv[2]))
