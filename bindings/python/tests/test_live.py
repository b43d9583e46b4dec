# SPDX-License-Identifier: MIT
"""Sessions against Twisted, with each side in each role."""
import asyncio
import dataclasses
import importlib.util
import os
import subprocess
import sys
import unittest

import libpb

PEER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "twisted_peer.py")


@libpb.copyable("shop.Item")
@dataclasses.dataclass
class Item:
    name: str
    price: int = 0
    parts: list = dataclasses.field(default_factory=list)


class SoldOut(libpb.Error):
    """An exception with the name that the peer expects."""


SoldOut.__module__ = "shop"


class Two(libpb.Referenceable):
    @libpb.remote
    def three(self, n):
        return [1, 2, n]


class Mind(libpb.Referenceable):
    @libpb.remote
    def answer(self, question):
        return question.upper()

    @libpb.remote
    def sell(self):
        raise SoldOut("no more")

    @libpb.remote
    async def break_down(self):
        raise ValueError("not \ud800 sendable")


class View(libpb.Viewable):
    @libpb.view
    def whose(self, avatar):
        return avatar and avatar.name


class Pages(libpb.Referenceable):
    @libpb.remote
    async def read(self, collector):
        await libpb.send_pages(collector, [b"abc", b"de", b"f"])


class Service(libpb.Referenceable):
    two = Two()

    def __init__(self, connection):
        self.connection = connection

    @libpb.remote
    def getTwo(self):
        return self.two

    @libpb.remote
    def isTwo(self, two):
        return two is self.two

    @libpb.remote
    def echo(self, *args, **kwargs):
        return [args, kwargs]

    @libpb.remote
    async def later(self, value):
        await asyncio.sleep(0.01)
        return value

    @libpb.remote
    def fail(self, kind):
        raise {"sold out": SoldOut("no more"), "error": libpb.Error("so"),
               "key": KeyError("missing")}[kind]

    @libpb.remote
    def item(self, name):
        return Item(name, 5, [Item("part", 1)])

    @libpb.remote
    def describe(self, item):
        return [type(item).__name__, item.name, item.price, [p.name for p in item.parts]]

    @libpb.remote
    def call(self, ref, method, *args):
        return ref.call(method, *args)

    @libpb.remote
    def view(self):
        return View()

    @libpb.remote
    def counts(self):
        counts = self.connection.counts()
        return [counts["exported"], counts["held"]]

    @libpb.remote
    async def pages(self, collector, n):
        await libpb.send_pages(collector, ["x" * i for i in range(1, n + 1)])

    def find_method(self, method):
        if method == "anything at all":
            return lambda *args: [method, *args]

    @libpb.remote
    async def drop(self):
        self.connection.close()


class Root(libpb.Root):
    def root_object(self, connection):
        return Service(connection)


class Person(libpb.Avatar):
    def __init__(self, name, mind, left):
        self.name, self.mind, self.left = name, mind, left

    @libpb.perspective
    def whoami(self):
        return self.name

    @libpb.perspective
    async def ask(self, question):
        return await self.mind.call("answer", question)

    @libpb.perspective
    def view(self):
        return View()

    def logout(self):
        self.left.append(self.name)


@unittest.skipUnless(importlib.util.find_spec("twisted"), "Twisted is missing")
class CallsTwisted(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.peer = subprocess.Popen(
            [sys.executable, "-B", PEER, "serve"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        cls.port, cls.portal_port = [int(cls.peer.stdout.readline()) for _ in range(2)]

    @classmethod
    def tearDownClass(cls):
        cls.peer.stdin.close()
        cls.peer.wait(20)
        cls.peer.stdout.close()

    async def line(self):
        """The next line of the peer's output."""
        loop = asyncio.get_running_loop()
        line = loop.run_in_executor(None, self.peer.stdout.readline)
        return (await asyncio.wait_for(line, 20)).strip()

    def connect(self, **options):
        return libpb.connect(f"tcp:127.0.0.1:{self.port}", **options)

    def connect_portal(self, **options):
        return libpb.connect(f"tcp:127.0.0.1:{self.portal_port}", **options)

    async def expect_empty(self, client):
        """Checks that the tables of both sides are empty."""
        self.assertEqual(await client.call("tables"), [0, 0, 0])
        self.assertEqual(client.counts(), dict.fromkeys(client.counts(), 0))

    async def test_references(self):
        async with self.connect() as client:
            two = await client.call("getTwo")
            self.assertEqual(await two.callRemote("three", 12), [1, 2, 12])
            self.assertIs(await client.call("isTwo", two), True)
            again = await client.call("getTwo")
            self.assertEqual(two, again)
            self.assertEqual(client.counts()["held"], 2)
            again.release()
            with self.assertRaises(libpb.DeadReferenceError):
                await again.call("three", 1)
            self.assertEqual((await two.call("three", 1))[2], 1)
            del two, again
            await self.expect_empty(client)

    async def test_values(self):
        values = [None, True, False, 0, -1, 2 ** 31, 2 ** 400, -2 ** 300, 1.5, b"\0\xff",
                  "\u00fc\0", [], [1, [2]], (), (1, (2,)), {},
                  {"a": 1, 2: b"c", (3,): None}]
        async with self.connect() as client:
            self.assertEqual(await client.call("echo", *values, k=values),
                             [tuple(values), {"k": values}])
            got = await client.call("echo", {1, 2}, frozenset([3]))
            self.assertEqual(got, [({1, 2}, frozenset([3])), {}])

    async def test_shared_and_cyclic(self):
        shared, cycle = [1], [2]
        cycle.append({"it": cycle})
        async with self.connect() as client:
            (one, other, back), _ = await client.call("echo", shared, shared, cycle)
            self.assertIs(one, other)
            self.assertIs(back[1]["it"], back)

    async def test_big_values(self):
        text = "x" * 640 * 1024
        async with self.connect() as client:
            self.assertEqual(await client.call("echo", text), [(text,), {}])
            with self.assertRaisesRegex(libpb.Error, "655360"):
                await client.call("echo", text + "x")
            await self.expect_empty(client)

    async def test_failures(self):
        async with self.connect() as client:
            with self.assertRaises(libpb.RemoteError) as caught:
                await client.call("fail", "sold out")
            self.assertEqual(caught.exception.value, "no more")
            self.assertTrue(caught.exception.type.endswith("SoldOut"))
            self.assertIs(caught.exception.check(KeyError, libpb.Error), libpb.Error)
            with self.assertRaises(libpb.RemoteError) as caught:
                await client.call("fail", "key")
            self.assertIs(caught.exception.check(LookupError), LookupError)
            self.assertIsNone(caught.exception.check(ValueError))
            with self.assertRaises(libpb.RemoteError) as caught:
                await client.call("nothing")
            self.assertTrue(caught.exception.check(libpb.NoSuchMethod, AttributeError))
            self.assertEqual(await client.call("trap", Mind(), "sell"),
                             ["shop.SoldOut", "no more"])
            self.assertEqual(await client.call("trap", Mind(), "break_down"),
                             ["builtins.ValueError", "not \\ud800 sendable"])
            await self.expect_empty(client)

    async def test_built_in_exceptions(self):
        async with self.connect() as client:
            for kind in (ValueError, KeyError, OSError, ZeroDivisionError, RuntimeError,
                         UnicodeError, NotImplementedError):
                with self.assertRaises(kind) as caught:
                    await client.call("fail_as", kind.__name__)
                self.assertIsInstance(caught.exception, libpb.RemoteError)
            with self.assertRaises(libpb.RemoteError) as caught:
                await client.call("fail_as", "StopIteration")
            self.assertNotIsInstance(caught.exception, StopIteration)

    async def test_paging(self):
        async with self.connect() as client:
            sizes = [len(page) async for page in libpb.get_pages(client, "pages", 4500)]
            self.assertEqual(sizes, [1000] * 4 + [500])
            self.assertEqual(await client.call("collect", Pages(), "read"), [3, 2, 1])
            await client.call("echo")
            await self.expect_empty(client)
            with self.assertRaises(libpb.RemoteError):
                async for page in libpb.get_pages(client, "fail"):
                    pass

    async def test_methods_by_name(self):
        class Any(libpb.Referenceable):
            def find_method(self, method):
                return (lambda *args: [method, *args]) if method != "no" else None

        async with self.connect() as client:
            self.assertEqual(await client.call("call_by_name", Any(), "do it", 5),
                             ["do it", 5])
            with self.assertRaisesRegex(libpb.RemoteError, "No such method: remote_no"):
                await client.call("call_by_name", Any(), "no")

    async def test_copies(self):
        async with self.connect() as client:
            self.assertEqual(await client.call("item", "pen"),
                             Item("pen", 5, [Item("part", 1)]))
            self.assertEqual(await client.call("describe", Item("ink", 3, [Item("lid")])),
                             ["Item", "ink", 3, ["lid"]])

    async def test_calls_back(self):
        async with self.connect() as client:
            self.assertEqual(await client.call("call", Mind(), "answer", "why"), "WHY")
            mind = Mind()
            await client.call("keep", mind)
            self.assertEqual(client.counts()["exported"], 1)
            await client.call("forget")
            await self.expect_empty(client)

    async def test_waiting(self):
        async with self.connect() as client:
            with self.assertRaises(libpb.CallTimeout):
                await client.options(timeout=0.05).call("never")
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(client.call("never"), 0.05)
            self.assertEqual(client.counts()["pending"], 0)
            self.assertIsNone(await client.options(answer=False).call("echo"))
            self.assertEqual(await client.call("later", 5), 5)

    async def test_many(self):
        async with self.connect() as client:
            calls = [client.call("echo", i) for i in range(10000)]
            answers = await asyncio.gather(*calls)
            self.assertEqual(answers, [[(i,), {}] for i in range(10000)])
            await self.expect_empty(client)

    async def test_disconnect(self):
        async with self.connect() as client:
            told = []
            root = client.root
            root.notify_on_disconnect(told.append)
            client.notify_on_disconnect(told.append)
            waiting = client.call("never")
            with self.assertRaises(libpb.ConnectionLost):
                await client.call("drop")
            with self.assertRaises(libpb.ConnectionLost):
                await waiting
            await client.wait_closed()
            self.assertEqual(told, [root, client])
            self.assertTrue(client.closed)
            self.assertIsInstance(client.reason, libpb.ConnectionLost)
            with self.assertRaises(libpb.DeadReferenceError):
                await root.call("echo")

    async def test_login(self):
        async with self.connect_portal(login=("alice", "secret"), mind=Mind()) as client:
            self.assertEqual(await client.call("whoami"), b"alice")
            self.assertEqual(await client.call("ask", "how"), "HOW")
        self.assertEqual(await self.line(), "logout alice")
        async with self.connect_portal(anonymous=True) as client:
            self.assertEqual(await client.call("whoami"), b"anonymous")
        self.assertEqual(await self.line(), "logout anonymous")

    async def test_wrong_login(self):
        for login in ("alice", "wrong"), ("eve", "secret"):
            with self.assertRaises(libpb.LoginFailed) as caught:
                await self.connect_portal(login=login)
            error = caught.exception
            self.assertTrue(error.check("twisted.cred.error.UnauthorizedLogin"))


@unittest.skipUnless(importlib.util.find_spec("twisted"), "Twisted is missing")
class TwistedCalls(unittest.IsolatedAsyncioTestCase):
    async def test_all(self):
        left = []
        portal = libpb.Portal(lambda name, mind: Person(name or "nobody", mind, left),
                              {"alice": "secret"}, anonymous=True)
        async with libpb.serve("tcp:0:interface=127.0.0.1", Root()) as server, \
                libpb.serve("tcp:0:interface=127.0.0.1", portal=portal) as portal_server:
            with self.assertLogs("libpb", "ERROR"):
                client = await asyncio.create_subprocess_exec(
                    sys.executable, "-B", PEER, "call", str(server.port),
                    str(portal_server.port), stderr=asyncio.subprocess.PIPE)
                _, said = await asyncio.wait_for(client.communicate(), 120)
            self.assertEqual(client.returncode, 0, said.decode())
            self.assertEqual(left, ["alice", "nobody"])


if __name__ == "__main__":
    unittest.main()
