# SPDX-License-Identifier: MIT
"""Sessions between two ends in one program: values, counts, exceptions, misuse."""
import asyncio
import dataclasses
import datetime
import decimal
import enum
import gc
import logging
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import weakref

import libpb
from libpb import _core
from libpb.connection import RemoteReference
from libpb.endpoints import Endpoint
from libpb.flavors import COPIES

LOCAL = "tcp:0:interface=127.0.0.1"


@libpb.copyable("test.Point")
@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    others: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        if self.x == 13:
            raise ValueError("13 brings bad luck")


@libpb.copyable("test.Fixed")
@dataclasses.dataclass(frozen=True)
class Fixed:
    name: str
    held: object = None


@libpb.copyable("test.Plain")
class Plain:
    pass


@libpb.copyable("test.Own")
class Own:
    def getStateToCopyFor(self, avatar):
        return (1, avatar and avatar.name)

    def setCopyableState(self, state):
        self.state = state


@libpb.copyable("test.Trouble")
class Trouble(Exception):
    pass


class Colour(enum.IntEnum):
    RED = 4


class Thing(libpb.Referenceable):
    pass


class View(libpb.Viewable):
    @libpb.view
    def whose(self, avatar, *args):
        return avatar and avatar.name, args


class Root(libpb.Root):
    def __init__(self):
        self.thing, self.kept = Thing(), None

    @libpb.remote
    def echo(self, /, *args, **kwargs):
        return args, kwargs

    @libpb.remote
    def keep(self, it):
        self.kept = it

    @libpb.remote
    def give(self, name):
        return getattr(self, name)

    @libpb.remote
    def new(self):
        return Thing()

    @libpb.remote("is it")
    def is_it(self, it):
        return it is self.thing

    @libpb.remote
    async def wait(self):
        await asyncio.Event().wait()

    @libpb.remote
    def fail(self, kind):
        if kind == "trouble":
            trouble = Trouble()
            trouble.why = "all of it"
            raise trouble
        if kind == "object":
            return object()
        if kind == "deep":
            deep = []
            for _ in range(100000):
                deep = [deep]
            return deep
        raise {"value": ValueError("bad"), "both": Both("two")}[kind]

    @libpb.remote
    async def forward(self, ref, method):
        return await ref.call(method, "value")

    def hidden(self):
        raise AssertionError("a peer called it")


class Derived(Root):
    def echo(self, *args):
        return "derived"


class Both(KeyError, ConnectionError):
    pass


class Person(libpb.Avatar):
    def __init__(self, name, mind):
        self.name, self.mind, self.left = name, mind, 0

    @libpb.perspective
    def get(self, what):
        return {"view": View, "own": Own}[what]()

    @libpb.perspective
    def same(self, view):
        return isinstance(view, View)

    async def logout(self):
        self.left += 1


class Pair(unittest.IsolatedAsyncioTestCase):
    """A server with a Root, and a client of it."""

    root_class = Root
    options: dict = {}

    async def asyncSetUp(self):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        self.root_object = self.root_class()
        self.server = await libpb.serve(LOCAL, self.root_object, **self.options)
        self.client = await libpb.connect(f"tcp:127.0.0.1:{self.server.port}")
        self.root = self.client.root

    async def asyncTearDown(self):
        self.client.close()
        self.server.close()
        await self.server.wait_closed()
        await self.client.wait_closed()

    async def echo(self, *values):
        got, kwargs = await self.root.call("echo", *values)
        self.assertEqual(kwargs, {})
        return got

    def counts(self):
        """(exported, held) of the server."""
        connection, = self.server.connections
        counts = connection.counts()
        return counts["exported"], counts["held"]


class Values(Pair):
    async def test_types(self):
        values = (
            None, True, False, 0, -5, 2 ** 63 - 1, -2 ** 63, 2 ** 63, 2 ** 440, -2 ** 440, 1.5,
            float("inf"), "", "\u20ac\0", b"", b"\xff", [], (), {}, set(), frozenset(),
            [1, (2, [3]), {4: {5}}], {(1, "x"): frozenset([b"y"])},
            datetime.datetime(2020, 2, 29, 23, 59, 58, 999999), datetime.date(1, 1, 1),
            datetime.time(1, 2, 3, 4), datetime.timedelta(-1, 2, 3),
            datetime.timedelta(999999999), decimal.Decimal("-1.50E+7"))
        got = await self.echo(*values)
        self.assertEqual(got, values)
        self.assertEqual([type(v) for v in got], [type(v) for v in values])

    async def test_subclasses_of_built_in_types(self):
        class Names(dict):
            pass

        got = await self.echo(Colour.RED, Names(a=1))
        self.assertEqual([type(v) for v in got], [int, dict])

    async def test_refused(self):
        deep = []
        for _ in range(100000):
            deep = [deep]
        itself = ([],)
        itself[0].append(itself)
        aware = datetime.datetime.now(datetime.timezone.utc)
        cases = [(object(), "cannot be sent"), (Person("x", None), "login only"),
                 (bytearray(b"x"), "bytearray"), ("\ud800", "surrogates"), (deep, "4096"),
                 (itself, "tuple that holds itself"), (aware, "time zone"),
                 (decimal.Decimal("Infinity"), "'F'"), (aware.timetz(), "time zone"), (2 ** 449, "448|prefix|integer"),
                 ("x" * (640 * 1024 + 1), "655360"), ({1: object}, "builtins.type")]
        for value, text in cases:
            with self.subTest(text):
                with self.assertRaisesRegex((libpb.Error, UnicodeEncodeError), text):
                    await self.root.call("echo", [value])
        self.assertEqual(await self.echo(1), (1,))
        self.assertEqual(self.client.counts(), dict.fromkeys(self.client.counts(), 0))

    async def test_changed_meanwhile(self):
        class Growing:
            def getStateToCopy(self):
                held[len(held)] = 1
                return {}

        libpb.copyable("test.Growing")(Growing)
        held = {0: Growing()}
        with self.assertRaisesRegex(RuntimeError, "changed its size"):
            await self.root.call("echo", held)

    async def test_cycles(self):
        cycle = [1]
        cycle.append({"it": cycle, "two": (cycle, cycle)})
        got, = await self.echo(cycle)
        self.assertIs(got[1]["it"], got)
        self.assertIs(got[1]["two"][1], got)
        point = Point(1)
        point.others += [point, [point]]
        got, = await self.echo(point)
        self.assertIs(got.others[0], got)
        self.assertIs(got.others[1][0], got)
        one, other = [], []
        one.append(other)
        other.append(one)
        got, again = await self.echo(one, other)
        self.assertIs(got[0], again)
        self.assertIs(again[0], got)

    async def test_shared(self):
        shared = (1, [2])
        one, other, inner = await self.echo(shared, shared, [shared[1]])
        self.assertIs(one, other)
        self.assertIs(inner[0], one[1])

    async def test_copies(self):
        plain = Plain()
        plain.a, plain.b = 1, [Fixed("f")]
        got = await self.echo(Point(1, 2), Fixed("g", Point(3)), plain)
        self.assertEqual(got[:2], (Point(1, 2), Fixed("g", Point(3))))
        self.assertEqual(vars(got[2]), {"a": 1, "b": [Fixed("f")]})

    async def test_a_frozen_copy_that_holds_itself(self):
        held = []
        fixed = Fixed("f", held)
        held.append(fixed)
        got, = await self.echo(fixed)
        self.assertIs(got.held[0], got)

    async def test_copies_that_are_refused(self):
        lucky = Point(1)
        lucky.x = 13
        with self.assertRaisesRegex(libpb.RemoteError, "13 brings bad luck"):
            await self.root.call("echo", lucky)
        del COPIES["test.Plain"]
        try:
            with self.assertRaises(libpb.RemoteError) as caught:
                await self.root.call("echo", Plain())
            self.assertTrue(caught.exception.check(libpb.InsecureJelly))
        finally:
            COPIES["test.Plain"] = Plain
        await self.echo(Plain())

    async def test_registered_later(self):
        @libpb.copyable("test.Later")
        @dataclasses.dataclass
        class Later:
            n: int

        self.assertEqual(await self.echo(Later(3)), (Later(3),))

    async def test_misuse_of_copyable(self):
        with self.assertRaisesRegex(TypeError, "needs a name"):
            libpb.copyable(Plain)
        with self.assertRaisesRegex(TypeError, "something else"):
            libpb.copyable("x.Y")(type("Y", (dict,), {}))

    async def test_exceptions_as_values(self):
        (got, again), _ = await self.root.call("echo", ValueError("as value"), [KeyError(1)])
        self.assertIsInstance(got, libpb.RemoteError)
        self.assertEqual((got.type, got.value), ("builtins.ValueError", "as value"))
        self.assertIs(again[0].check(LookupError), LookupError)


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
        await asyncio.sleep(0)
        await self.echo()
        self.assertEqual(self.counts(), (0, 0))

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

    async def test_published(self):
        connection, = self.server.connections
        connection.publish("other", Derived())
        self.assertEqual(await self.client.for_name("other").call("echo"), "derived")
        with self.assertRaisesRegex(libpb.RemoteError, "Invalid Object ID"):
            await self.client.for_name("nobody").call("echo")

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
                    with self.assertRaisesRegex(libpb.RemoteError, "AttributeError.*perspective_no"):
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
            with self.assertRaisesRegex(libpb.RemoteError, "no Avatar"):
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
                                   f"privateKey={key}:certKey={certificate}", Root()) as server:
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
        server = await asyncio.start_server(lambda r, w: asyncio.sleep(60), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with self.assertRaisesRegex(libpb.ConnectionLost, "0.05 seconds"):
            await libpb.connect(f"tcp:127.0.0.1:{port}", timeout=0.05)
        server.close()

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


class Handler:
    """Takes all that a session tells, and does nothing."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: None


class Bare(unittest.TestCase):
    """The C type, without a loop."""

    def session(self, handler=None, server=True, root=None, copies=None):
        return _core.Session(handler or Handler(), RemoteReference, copies or {}, server, root,
                             0, None, False, 0)

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


if __name__ == "__main__":
    unittest.main()
