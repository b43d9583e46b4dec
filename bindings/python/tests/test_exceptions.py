# SPDX-License-Identifier: MIT
"""An exception of a program's own code ends one call, not the connection with all of its
calls: in methods, copies, realms, checkers and root objects."""
import asyncio
import logging
import unittest
import unittest.mock

import libpb
from served import LOCAL, Pair, Person, Root


class OwnEnd(BaseException):
    pass


RAISED = [asyncio.CancelledError, GeneratorExit, OwnEnd, StopIteration,
          StopAsyncIteration, ValueError]


def raising(kind):
    raise kind("so")


@libpb.copyable("test.Reluctant")
class Reluctant:
    """Raises when it is sent, or when it arrives."""

    def __init__(self, kind, at):
        self.kind, self.at = kind, at

    def getStateToCopy(self):
        if self.at == "send":
            raising(self.kind)
        return RAISED.index(self.kind)

    def setCopyableState(self, state):
        raising(RAISED[state])


class View(libpb.Viewable):
    @libpb.view
    def end(self, avatar, which):
        raising(RAISED[which])


class Ending(Root):
    @libpb.remote
    def end(self, which):
        raising(RAISED[which])

    @libpb.remote
    async def end_later(self, which):
        await asyncio.sleep(0)
        raising(RAISED[which])

    @libpb.remote
    def end_future(self, which):
        future = asyncio.get_running_loop().create_future()
        if RAISED[which] is asyncio.CancelledError:
            future.cancel("so")
        else:
            future.set_exception(OwnEnd("so"))
        return future

    @libpb.remote
    def reluctant(self, which, at):
        return Reluctant(RAISED[which], at)

    @libpb.remote
    def get_view(self):
        return View()


class Methods(Pair):
    root_class = Ending

    async def ends(self, kind, call):
        """Checks that a call fails with that exception while another one waits."""
        with self.assertRaises(libpb.RemoteError) as caught:
            await call
        self.assertEqual(caught.exception.type.rpartition(".")[2], kind)

    async def test_each_ends_its_call_only(self):
        waiting = self.root.call("wait")
        view = await self.root.call("get_view")
        for which, kind in enumerate(RAISED):
            name = kind.__name__
            with self.subTest(name):
                await self.ends(name, self.root.call("end", which))
                later = "RuntimeError" if kind is StopIteration else name
                await self.ends(later, self.root.call("end_later", which))
                await self.ends(name, view.call("end", which))
                await self.ends(name, self.root.call("reluctant", which, "send"))
        await self.ends("CancelledError", self.root.call("end_future", 0))
        await self.ends("OwnEnd", self.root.call("end_future", 2))
        self.assertFalse(waiting.done())
        self.assertFalse(self.client.closed)
        waiting.cancel()

    async def test_arguments_and_answers(self):
        for which, kind in enumerate(RAISED):
            ends_coroutines = kind in (StopIteration, GeneratorExit)
            raised = RuntimeError if ends_coroutines else kind
            with self.subTest(kind.__name__):
                with self.assertRaises(raised):
                    await self.root.call("echo", Reluctant(kind, "send"))
                with self.assertRaises(raised):
                    await self.root.call("reluctant", which, "arrive")
                await self.ends(kind.__name__,
                                self.root.call("echo", Reluctant(kind, "arrive")))
        self.assertFalse(self.client.closed)

    async def test_disconnect_callbacks(self):
        told = []
        self.client.notify_on_disconnect(lambda client: raising(GeneratorExit))
        self.client.notify_on_disconnect(told.append)
        self.client.close()
        self.assertEqual(told, [self.client])


class RootObjects(unittest.IsolatedAsyncioTestCase):
    async def test_a_client_is_refused(self):
        for kind in RAISED:
            class Failing(libpb.Root):
                def root_object(self, connection):
                    raise kind("so")

            with self.subTest(kind.__name__), self.assertLogs("libpb", "ERROR") as logs:
                async with libpb.serve(LOCAL, Failing()) as server:
                    with self.assertRaises(libpb.ConnectionLost):
                        async with libpb.connect(f"tcp:127.0.0.1:{server.port}",
                                                 timeout=20) as client:
                            await client.call("anything")
                self.assertIn("its root object could not be made", logs.output[0])

    async def test_knows_the_connection(self):
        class Knowing(libpb.Root):
            def root_object(self, connection):
                connection.publish("other", Root())
                self.peer = connection.peer
                return Root()

        root = Knowing()
        async with libpb.serve(LOCAL, root) as server:
            async with libpb.connect(f"tcp:127.0.0.1:{server.port}") as client:
                other = client.for_name("other")
                self.assertEqual(await other.call("echo", 1), ((1,), {}))
                self.assertEqual(await client.call("echo", 2), ((2,), {}))
                self.assertEqual(root.peer, client.get_extra_info("sockname"))


class Logins(unittest.IsolatedAsyncioTestCase):
    async def refused(self, kind, portal):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        async with libpb.serve(LOCAL, portal=portal) as server:
            where = f"tcp:127.0.0.1:{server.port}"
            async with libpb.connect(where) as client:
                with self.assertRaises(libpb.RemoteError) as caught:
                    await client.login("alice", "secret")
                self.assertEqual(caught.exception.type.rpartition(".")[2], kind)
                self.assertFalse(client.closed)

    async def test_realms_and_checkers(self):
        async def raising_later(kind):
            await asyncio.sleep(0)
            raising(kind)

        users = {"alice": "secret"}
        for kind in RAISED:
            later = RuntimeError if kind is StopIteration else kind
            with self.subTest(kind.__name__):
                await self.refused(kind.__name__,
                                   libpb.Portal(lambda *a: raising(kind), users))
                await self.refused(later.__name__,
                                   libpb.Portal(lambda *a: raising_later(kind), users))
                await self.refused(kind.__name__, libpb.Portal(
                    Person, checker=lambda name: raising(kind)))
                await self.refused(later.__name__, libpb.Portal(
                    Person, checker=lambda name: raising_later(kind)))

    async def test_logouts(self):
        class Sad(Person):
            def logout(self):
                raise GeneratorExit("at once")

        class SadLater(Person):
            async def logout(self):
                await asyncio.sleep(0)
                raise asyncio.CancelledError("later")

        logging.getLogger("libpb").setLevel(logging.ERROR)
        for realm, text in (Sad, "at once"), (SadLater, "later"):
            portal = libpb.Portal(realm, {"alice": "x"})
            with self.assertLogs("libpb", "ERROR") as logs:
                async with libpb.serve(LOCAL, portal=portal) as server:
                    where = f"tcp:127.0.0.1:{server.port}"
                    async with libpb.connect(where, login=("alice", "x")) as client:
                        client.avatar.release()
                        await client.login("alice", "x")
            self.assertEqual([str(r.exc_info[1]) for r in logs.records], [text] * 2)


class Tracebacks(Pair):
    async def test_are_made_where_they_are_written_only(self):
        """The log gets the exception, and makes a traceback if some handler writes it."""
        with unittest.mock.patch("traceback.format_exception",
                                 side_effect=AssertionError("it was made")), \
                unittest.mock.patch("traceback.print_exception",
                                    side_effect=AssertionError("it was made")):
            for _ in range(3):
                with self.assertRaisesRegex(libpb.RemoteError, "bad"):
                    await self.root.call("fail", "value")
        with self.assertLogs("libpb", "ERROR") as logs:
            with self.assertRaisesRegex(libpb.RemoteError, "bad") as caught:
                await self.root.call("fail", "value")
        record, = logs.records
        self.assertIn("builtins.ValueError: bad", record.getMessage())
        self.assertEqual(str(record.exc_info[1]), "bad")
        self.assertIsNotNone(record.exc_info[2])
        self.assertEqual(caught.exception.traceback, "Traceback unavailable\n")


if __name__ == "__main__":
    unittest.main()
