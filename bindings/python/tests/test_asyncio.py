# SPDX-License-Identifier: MIT
"""Clients and servers under asyncio in one process: objects, calls, logins,
transports."""
import asyncio
import gc
import logging
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest
import unittest.mock
import weakref

import libpb
from libpb import _core
from libpb.connection import RemoteReference
from libpb.endpoints import Endpoint
from served import LOCAL, Point, Trouble, Thing, View, Root, Derived, Both, Person, Pair


class Objects(Pair):
    async def test_given_back_when_collected(self):
        thing = await self.root.call("give", "thing")
        again = await self.root.call("give", "thing")
        self.assertEqual((thing, hash(thing)), (again, hash(again)))
        self.assertNotEqual(thing, self.root)
        self.assertEqual(self.counts(), (1, 0))
        self.assertTrue(await self.root.call("is it", thing))
        del thing
        await self.echo()
        self.assertEqual(self.counts(), (1, 0))
        again.release()
        again.release()
        await self.echo()
        self.assertEqual(self.counts(), (0, 0))

    async def test_collected_with_a_cycle(self):
        thing = await self.root.call("new")
        cycle = [thing]
        cycle.append(cycle)
        del thing, cycle
        gc.collect()
        await self.echo()
        self.assertEqual(self.counts(), (0, 0))

    async def test_collected_in_another_thread(self):
        held = [await self.root.call("new")]
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        await self.all_given_back()

    async def all_given_back(self):
        """Waits until all references are released, without a call, which would do
        that."""
        async def wait():
            while self.counts() != (0, 0):
                await asyncio.sleep(0)

        await asyncio.wait_for(wait(), 20)

    async def test_an_object_goes_when_the_peer_drops_it(self):
        thing = Thing()
        gone = weakref.ref(thing)
        await self.root.call("keep", thing)
        del thing
        self.assertEqual(self.counts(), (0, 1))
        self.assertIsNotNone(gone())
        self.root_object.kept = None
        await self.echo()
        await self.echo()
        self.assertEqual(self.counts(), (0, 0))
        self.assertIsNone(gone())

    async def test_another_thread_may_not_call(self):
        outcome = []
        call = self.root.begin

        def use():
            try:
                call("echo", (), None, 0, None)
            except RuntimeError as e:
                outcome.append(str(e))

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        self.assertEqual(outcome, ["a connection belongs to the thread of its loop"])

    async def test_what_is_not_served(self):
        for method in "hidden", "root_object", "__init__", "kept", "x\0y", "":
            with self.subTest(method):
                with self.assertRaises((libpb.RemoteError, ValueError)) as caught:
                    await self.root.call(method)
                if isinstance(caught.exception, libpb.RemoteError):
                    self.assertTrue(caught.exception.check(libpb.NoSuchMethod))

    async def test_names_of_arguments(self):
        got = await self.root.call("echo", self=1, method=2, timeout=3)
        self.assertEqual(got[1], {"self": 1, "method": 2, "timeout": 3})
        with self.assertRaisesRegex(libpb.RemoteError, "TypeError"):
            await self.root.call("is it", 1, 2)

    async def test_given_back_whatever_else_has_gone(self):
        thing = await self.root.call("new")
        self.root.begin("keep", (Thing(),), None, 0, None)
        await self.echo()
        await self.root.call("keep", None)  # the Thing above goes here
        del thing
        await self.all_given_back()
        self.assertEqual(self.client.counts()["exported"], 0)

    async def test_published(self):
        connection, = self.server.connections
        connection.publish("other", Derived())
        self.assertEqual(await self.client.for_name("other").call("echo"), "derived")
        with self.assertRaisesRegex(libpb.RemoteError, "Invalid Object ID"):
            await self.client.for_name("nobody").call("echo")
        with self.assertRaises(TypeError):
            connection.publish("thing", object())

    async def test_views(self):
        await self.root.call("keep", View())
        self.root_object.view = View()
        view = await self.root.call("give", "view")
        self.assertEqual(await view.call("whose", 1), (None, (1,)))

    async def test_a_reference_of_another_connection(self):
        async with libpb.connect(f"tcp:127.0.0.1:{self.server.port}") as other:
            thing = await other.call("new")
            with self.assertRaises(libpb.Error):
                await self.root.call("echo", thing)


class Calls(Pair):
    async def test_exceptions(self):
        with self.assertRaises(libpb.RemoteError) as caught:
            await self.root.call("fail", "both")
        e = caught.exception
        self.assertEqual(e.value, "'two'")
        self.assertIs(e.check(ValueError, OSError, KeyError), OSError)
        self.assertEqual(e.check("exceptions.LookupError"), "exceptions.LookupError")
        self.assertEqual(e.traceback, "Traceback unavailable\n")

    async def test_an_exception_that_is_registered(self):
        with self.assertRaises(Trouble) as caught:
            await self.root.call("fail", "trouble")
        self.assertEqual(caught.exception.why, "all of it")

    async def test_answers_that_cannot_be_sent(self):
        for kind, text in ("object", "cannot be sent"), ("deep", "4096"):
            with self.assertRaisesRegex(libpb.RemoteError, text):
                await self.root.call("fail", kind)

    async def test_forwarded(self):
        class Failing(libpb.Referenceable):
            @libpb.remote
            def get(self, kind):
                raise Both(kind)

        with self.assertRaises(libpb.RemoteError) as caught:
            await self.root.call("forward", Failing(), "get")
        self.assertIs(caught.exception.check(ConnectionError), ConnectionError)
        self.assertTrue(caught.exception.type.endswith("Both"))

    async def test_cancel_and_time_out(self):
        with self.assertRaises(libpb.CallTimeout):
            await self.root.options(timeout=0.02).call("wait")
        call = self.root.call("wait")
        self.assertEqual(self.client.counts()["pending"], 1)
        self.assertTrue(call.cancel())
        self.assertFalse(call.cancel())
        self.assertEqual(self.client.counts()["pending"], 0)
        with self.assertRaises(asyncio.CancelledError):
            await call
        with self.assertRaises(ValueError):
            self.root.options(timeout=0)

    async def test_no_answer(self):
        self.assertIsNone(await self.root.options(answer=False).call("keep", 5))
        await self.echo()
        self.assertEqual(self.root_object.kept, 5)

    async def test_many(self):
        answers = await asyncio.gather(*[self.root.call("echo", i) for i in range(10000)])
        self.assertEqual(answers, [((i,), {}) for i in range(10000)])

    async def test_closed_while_calls_wait(self):
        calls = [self.root.call("wait") for _ in range(3)]
        await self.echo()
        self.client.close()
        for call in calls:
            with self.assertRaises(libpb.ConnectionLost):
                await call
        with self.assertRaises(libpb.DeadReferenceError):
            await self.root.call("echo")
        await self.client.wait_closed()
        self.assertIsNone(self.client.reason)
        self.assertEqual(self.client.counts(), dict.fromkeys(self.client.counts(), 0))

    async def test_garbage_ends_it(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: " + b"x" * 64)
        while await reader.read(1000):
            pass
        writer.close()
        self.assertEqual(len(self.server.connections), 1)

    async def test_a_callback_of_disconnect_is_taken_back(self):
        told = []
        self.root.notify_on_disconnect(told.append)
        self.root.notifyOnDisconnect(told.append)
        self.root.dont_notify_on_disconnect(told.append)
        self.client.close()
        self.assertEqual(told, [self.root])
        with self.assertRaises(libpb.DeadReferenceError):
            self.root.notify_on_disconnect(told.append)


class Peers(unittest.IsolatedAsyncioTestCase):
    async def test_python_2(self):
        """Its native strings are bytes on the wire, in both directions."""
        async with libpb.serve(LOCAL, Root(), profile="python2") as server, \
                libpb.connect(f"tcp:127.0.0.1:{server.port}",
                              profile="python2") as client:
            args, kwargs = await client.call("echo", "text", Point(1, 2), k=b"native")
            self.assertEqual((args, kwargs), (("text", Point(1, 2)), {"k": b"native"}))
            with self.assertRaises(libpb.RemoteError) as caught:
                await client.call("fail", "value")
            self.assertEqual(caught.exception.type, "exceptions.ValueError")
            self.assertIs(caught.exception.check(ValueError), ValueError)

    async def test_sizes(self):
        long = "x" * 1000000
        async with libpb.serve(LOCAL, Root(), size_limit=2000000) as server, \
                libpb.connect(f"tcp:127.0.0.1:{server.port}",
                              size_limit=2000000) as client:
            self.assertEqual((await client.call("echo", long))[0], (long,))

    async def test_a_method_that_closes(self):
        class Closing(libpb.Root):
            def root_object(self, connection):
                self.connection = connection
                return self

            @libpb.remote
            def close(self):
                self.connection.close()

        async with libpb.serve(LOCAL, Closing()) as server:
            client = await libpb.connect(f"tcp:127.0.0.1:{server.port}")
            with self.assertRaises(libpb.ConnectionLost):
                await client.call("close")
            await client.wait_closed()

    async def test_a_peer_that_takes_nothing(self):
        """A server that closes drops it; until then drain() waits."""
        with unittest.mock.patch("libpb.connection._LINGER", 0.1):
            async with libpb.serve(LOCAL, Root()) as server:
                with socket.create_connection(("127.0.0.1", server.port)) as silent_peer:
                    silent_peer.setblocking(False)
                    await asyncio.sleep(0.01)
                    client = _core.Session(unittest.mock.Mock(), RemoteReference, {},
                                           False, None, 0, None, False, 0)
                    client.recv(silent_peer.recv(1000), 0)
                    call = client.root().begin("echo", ("x" * 600000,), None, 0, None)
                    sent = client.send(0)
                    loop = asyncio.get_running_loop()
                    flood = asyncio.ensure_future(
                        self.flood(loop, silent_peer, sent, client))
                    connection, = server.connections
                    while connection.counts()["queued"] < 2 ** 20:
                        await asyncio.sleep(0)
                    drained = asyncio.ensure_future(connection.drain())
                    await asyncio.sleep(0)
                    self.assertFalse(drained.done())
                    server.close()
                    await asyncio.wait_for(server.wait_closed(), 20)
                    await drained
                    flood.cancel()
                    del call
                    client.lost(None)

    async def flood(self, loop, silent_peer, sent, client):
        while True:
            await loop.sock_sendall(silent_peer, sent)
            client.root().begin("echo", ("x" * 600000,), None, 0, lambda *a: None)
            sent = client.send(0)

    async def test_collected_when_closed(self):
        async with libpb.serve(LOCAL, Root()) as server:
            client = await libpb.connect(f"tcp:127.0.0.1:{server.port}")
            waiting = client.call("wait")
            kept = weakref.ref(client)
            client.close()
            await client.wait_closed()
            with self.assertRaises(libpb.ConnectionLost):
                await waiting
            del client, waiting
            await asyncio.sleep(0.01)
            gc.collect()
            self.assertIsNone(kept())


class Overridden(Pair):
    root_class = Derived

    async def test_is_still_served(self):
        self.assertEqual(await self.root.call("echo"), "derived")


class Tracebacks(Pair):
    options = {"unsafe_tracebacks": True}

    async def test_are_sent(self):
        with self.assertRaises(libpb.RemoteError) as caught:
            await self.root.call("fail", "value")
        self.assertIn("in fail", caught.exception.traceback)


class Logins(unittest.IsolatedAsyncioTestCase):
    def realm(self, name, mind):
        if name == "banned":
            raise libpb.Error("not you")
        self.person = Person(name, mind)
        return self.person

    async def serve(self, **options):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        server = await libpb.serve(LOCAL, portal=libpb.Portal(self.realm, **options))
        self.where = f"tcp:127.0.0.1:{server.port}"
        return server

    async def test_users(self):
        users = {"alice": "se\u00e7ret", b"bob": b"\xff", "banned": "x"}
        async with await self.serve(users=users):
            for name, password in ("alice", "se\u00e7ret"), (b"bob", b"\xff"):
                async with libpb.connect(self.where, login=(name, password)) as client:
                    view = await client.call("get", "view")
                    name = name if isinstance(name, str) else name.decode()
                    self.assertEqual(await view.call("whose"), (name, ()))
                    self.assertTrue(await client.call("same", view))
                    own = await client.call("get", "own")
                    self.assertEqual(own.state, (1, name))
                    with self.assertRaisesRegex(libpb.RemoteError,
                                                "AttributeError.*perspective_no"):
                        await client.call("no")
                    self.assertEqual(self.person.left, 0)
                await asyncio.sleep(0.01)
                self.assertEqual(self.person.left, 1)
            async with libpb.connect(self.where, login=("alice", "se\u00e7ret"),
                                     name_as_text=True) as client:
                client.avatar.release()
                await client.login("bob", b"\xff")
                self.assertEqual(self.person.name, "bob")
            for login in ("alice", "no"), ("eve", "x"), ("", ""):
                with self.assertRaises(libpb.LoginFailed):
                    await libpb.connect(self.where, login=login)
            with self.assertRaises(libpb.LoginFailed):
                await libpb.connect(self.where, anonymous=True)
            with self.assertRaisesRegex(libpb.RemoteError, "not you"):
                await libpb.connect(self.where, login=("banned", "x"))

    async def test_logged_out_when_given_back(self):
        async with await self.serve(anonymous=True):
            async with libpb.connect(self.where, anonymous=True) as client:
                self.assertIsNone(self.person.name)
                client.avatar.release()
                with self.assertRaises(libpb.DeadReferenceError):
                    await client.call("get", "view")
                await client.login(None)
                for _ in range(3):
                    await asyncio.sleep(0.01)

    async def test_checker(self):
        async def checker(name):
            await asyncio.sleep(0)
            if name == "broken":
                raise OSError("no database")
            return {"alice": "secret"}.get(name)

        async with await self.serve(checker=checker):
            async with libpb.connect(self.where, login=("alice", "secret")):
                pass
            with self.assertRaises(libpb.LoginFailed):
                await libpb.connect(self.where, login=("eve", "secret"))
            with self.assertRaisesRegex(libpb.RemoteError, "no database"):
                await libpb.connect(self.where, login=("broken", "secret"))

    async def test_no_avatar(self):
        self.realm = lambda name, mind: Thing()
        async with await self.serve(anonymous=True):
            with self.assertRaisesRegex(libpb.RemoteError, "not an Avatar"):
                await libpb.connect(self.where, anonymous=True)


class Transports(unittest.IsolatedAsyncioTestCase):
    async def test_unix(self):
        with tempfile.TemporaryDirectory() as folder:
            async with libpb.serve(f"unix:{folder}/socket", Root()):
                async with libpb.connect(f"unix:{folder}/socket") as client:
                    self.assertEqual((await client.call("echo", 1))[0], (1,))

    async def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                            "-subj", "/CN=localhost", "-addext",
                            "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                            certificate], check=True, capture_output=True)
            async with libpb.serve("tls:0:interface=127.0.0.1:"
                                   f"privateKey={key}:certKey={certificate}",
                                   Root()) as server:
                trusting = ssl.create_default_context(cafile=certificate)
                where = f"tls:localhost:{server.port}"
                for options in {"ssl": trusting}, {}:
                    more = "" if options else f":trustRoots={certificate}"
                    async with libpb.connect(where + more, **options) as client:
                        self.assertEqual(await client.call("echo"), ((), {}))
                        self.assertIsNotNone(client.get_extra_info("ssl_object"))
                with self.assertRaises(libpb.ConnectionLost):
                    await libpb.connect(where)

    async def test_no_server(self):
        async with libpb.serve(LOCAL, Root()) as server:
            port = server.port
        with self.assertRaisesRegex(libpb.ConnectionLost, f"tcp:127.0.0.1:{port}"):
            await libpb.connect(f"tcp:127.0.0.1:{port}")

    async def test_a_server_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            with self.assertRaisesRegex(libpb.ConnectionLost, "0.05 seconds"):
                await libpb.connect(f"tcp:127.0.0.1:{silent.getsockname()[1]}",
                                    timeout=0.05)

    def test_endpoints(self):
        for text, args in [("tcp:h:1", {"host": "h", "port": "1"}),
                           ("h:1", {"host": "h", "port": "1"}),
                           ("tcp:port=2:host=a\\:b", {"host": "a:b", "port": "2"}),
                           ("tcp:[::1]:3", {"host": "::1", "port": "3"}),
                           ("unix:/a=b", {"path": "/a=b"})]:
            self.assertEqual(Endpoint(text).args, args)
        for text in "x", "udp:h:1", "tcp:h", "tcp:h:p", "tcp:h:1:2", "unix:":
            with self.subTest(text), self.assertRaises(ValueError):
                Endpoint(text)
        with self.assertRaisesRegex(ValueError, "privateKey"):
            Endpoint("tls:1", server=True)


if __name__ == "__main__":
    unittest.main()
