# SPDX-License-Identifier: MIT
"""The C type Session without asyncio, with damaged input, and its memory."""
import asyncio
import ctypes
import decimal
import gc
import logging
import os
import random
import sys
import unittest

import libpb
from libpb import _core
from libpb.connection import Protocol, RemoteReference
from libpb.flavors import COPIES
from served import LOCAL, Point, Fixed, Plain, Thing, View, Root, Person


class Handler:
    """A handler that does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: None


class Answering(Handler):
    """A handler that answers each call with its arguments."""

    flatten = Protocol.flatten
    fill = Protocol.fill
    failure = Protocol.failure
    unpersistable = Protocol.unpersistable
    _old = False

    def dispatch(self, request, target, role, method, args, kwargs, avatar):
        try:
            request.answer([args, kwargs], avatar)
        except libpb.Error:
            pass

    def check(self, attempt):
        attempt.accept(attempt.username or b"")

    def realm(self, attempt, avatar_id):
        attempt.grant(Person("x", attempt.mind), lambda: None)


class Bare(unittest.TestCase):
    """The C type without an event loop."""

    def session(self, handler=None, server=True, root=None, copies=None):
        return _core.Session(handler or Handler(), RemoteReference, copies or {}, server,
                             root, 0, None, False, 0)

    def talk(self, client, server):
        while True:
            out, back = client.send(0), server.send(0)
            if not out and not back:
                return
            server.recv(out, 0)
            client.recv(back, 0)

    def test_left_alone(self):
        for server in True, False:
            session = self.session(server=server)
            session.root()
            del session

    def test_arguments(self):
        for args in [(), (1,) * 9, (Handler(), int, {}, True, None, 0, None, False, 0),
                     (Handler(), RemoteReference, {}, True, None, -1, None, False, 0),
                     (Handler(), RemoteReference, {}, True, None, 0, "python1", False, 0),
                     (Handler(), RemoteReference, {1: 2}, True, None, 0, None, False, 0)]:
            with self.assertRaises((TypeError, ValueError)):
                _core.Session(*args)
        for cls in _core.Call, _core.Request, _core.Attempt:
            with self.assertRaises(TypeError):
                cls()

    def test_what_ends_the_loop_is_raised(self):
        class Stops(Handler):
            def dispatch(self, *args):
                raise KeyboardInterrupt

        server = self.session(Stops(), root=Thing())
        client = self.session(server=False)
        root = client.root()
        with self.assertRaises(KeyboardInterrupt):
            root.begin("x", (), None, 0, lambda *a: None)
            self.talk(client, server)
        client.close()
        server.close()

    def test_recv_in_recv(self):
        raised = []

        class Again(Handler):
            def dispatch(self, *args):
                try:
                    server.recv(b"", 0)
                except RuntimeError as e:
                    raised.append(e)

        server = self.session(Again(), root=Thing())
        client = self.session(server=False)
        client.root().begin("x", (), None, 0, None)
        self.talk(client, server)
        self.assertEqual(len(raised), 1)
        client.close()
        server.close()

    def converse(self):
        """The bytes of a conversation that uses most features: those to the server and
        those to the client."""
        class Serving(Answering):
            def dispatch(self, request, target, role, method, *rest):
                if method == "fail":
                    request.fail("x.E builtins.ValueError", "bad", None)
                else:
                    super().dispatch(request, target, role, method, *rest)

        to_server, to_client = b"", b""
        for root in Thing(), "portal":
            server = self.session(Serving(), root=root, copies=COPIES)
            client = self.session(Serving(), server=False, copies=COPIES)
            held = []
            remote, cycle = client.root(), [Point(1, 2), Fixed("f"), Thing(), 2 ** 70]
            cycle.append((cycle, {1: {2.5, "x"}}, decimal.Decimal("1.5")))
            client.login(b"x", b"y", False, Thing(), 0, lambda *a: held.append(a))
            for method in "echo", "fail":
                remote.begin(method, (cycle, View()), {"k": b"v"}, 0,
                             lambda *a: held.append(a))
            for _ in range(20):
                out, back = client.send(0), server.send(0)
                to_server, to_client = to_server + out, to_client + back
                if out:
                    server.recv(out, 0)
                if back:
                    client.recv(back, 0)
            self.assertEqual(len(held), 3)
            client.close()
            server.close()
        return (to_server, "server"), (to_client, "client")

    def test_damaged_streams(self):
        """Damaged input can only end the session."""
        dice = random.Random(4)
        streams = self.converse()
        for _ in range(int(os.environ.get("LIBPB_FUZZ", 2000))):
            stream, role = dice.choice(streams)
            damaged = bytearray(stream)
            for _ in range(dice.randint(0, 4)):
                at = dice.randrange(len(damaged))
                damaged[at:at + dice.choice([0, 1, 1, 1, 9])] = dice.choice(
                    [b"", bytes([dice.randrange(256)]), bytes([damaged[at] ^ 1]),
                     stream[at // 2:at // 2 + 30]])
            session = self.session(Answering(), server=role == "server",
                                   root=dice.choice([Thing(), "portal"]), copies=COPIES)
            if role == "client":
                session.login(b"x", b"y", False, None, 0, lambda *a: None)
                for _ in range(3):
                    session.root().begin("x", (Thing(),), None, 0, lambda *a: None)
            cut = dice.randrange(len(damaged))
            for part in damaged[:cut], damaged[cut:]:
                session.recv(bytes(part), 0)
                session.send(0)
            session.lost(None)

    def test_nothing_is_kept(self):
        thing = Thing()
        before = sys.getrefcount(thing)
        for _ in range(3):
            server = self.session(root=thing)
            client = self.session(server=False)
            answers = []
            client.root().begin("x", (Thing(), [thing]), {"k": thing}, 0,
                                lambda *a: answers.append(a))
            self.talk(client, server)
            client.lost(None)
            server.lost("it broke")
            self.assertEqual(len(answers), 1)
            del client, server
        gc.collect()
        self.assertEqual(sys.getrefcount(thing), before)


class Leaks(unittest.IsolatedAsyncioTestCase):
    """Repeated calls and connections do not take more memory, in Python or in C."""

    async def calls(self, root):
        cycle = [Point(1, 2), Fixed("f"), 2 ** 70, decimal.Decimal("1.5"), {1: {2, 3}}]
        itself, point = ([],), Point(5)
        cycle += [cycle, {"x": (cycle, cycle)}, point]
        point.others.append(point)
        itself[0].append(itself)
        await root.call("echo", cycle, Thing(), await root.call("new"), k=Plain())
        refused = [root.call("fail", kind) for kind in ("value", "trouble", "object")]
        refused += [root.call("echo", [cycle, object()]), root.call("echo", itself),
                    root.options(timeout=0.001).call("wait")]
        for outcome in await asyncio.gather(*refused, return_exceptions=True):
            self.assertIsInstance(outcome, Exception)
        root.call("wait").cancel()

    async def round(self, times):
        async with libpb.serve(LOCAL, Root()) as server:
            async with libpb.connect(f"tcp:127.0.0.1:{server.port}") as root:
                for _ in range(times):
                    await self.calls(root)
        portal = libpb.Portal(Person, {"a": "b"})
        async with libpb.serve(LOCAL, portal=portal) as server:
            where = f"tcp:127.0.0.1:{server.port}"
            async with libpb.connect(where, login=("a", "b"), mind=Thing()) as avatar:
                await avatar.call("get", "view")
            with self.assertRaises(libpb.LoginFailed):
                await libpb.connect(where, login=("a", "c"))

    def memory(self):
        gc.collect()
        try:
            info = ctypes.CDLL(None).mallinfo2
        except AttributeError:
            return sys.getallocatedblocks(), 0
        info.restype = type("mallinfo2", (ctypes.Structure,), {
            "_fields_": [(f"f{i}", ctypes.c_size_t) for i in range(10)]})
        return sys.getallocatedblocks(), info().f7  # uordblks

    async def test_nothing_grows(self):
        asyncio.get_running_loop().set_debug(False)
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        grown, before = [], (0, 0)
        for _ in range(20):  # until Python's own caches are full
            await self.round(200)
            await asyncio.sleep(0.01)
            now = self.memory()
            grown.append((now[0] - before[0], now[1] - before[1]))
            before = now
            if grown[-1][0] < 100 and grown[-1][1] < 200 * 24:
                return
        self.fail(f"blocks and bytes more after each round: {grown}")


if __name__ == "__main__":
    unittest.main()
