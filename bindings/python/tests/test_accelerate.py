# SPDX-License-Identifier: MIT
"""install() and uninstall() of libpb.accelerate; services with it; leaks."""
import gc
import inspect
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from compared import TestCase, on_libpb, outcome, shape
from libpb import accelerate
from twisted.internet import defer, error, reactor
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogBeginner
from twisted.python import failure, log
from twisted.spread import banana, flavors, jelly, pb

PLACES = [(banana.Banana, "dataReceived"), (banana.Banana, "sendEncoded"),
          (banana.Banana, "_encode"), (jelly._Jellier, "jelly"),
          (jelly._Unjellier, "unjelly"), (jelly, "jelly"), (jelly, "unjelly"),
          (pb, "jelly"), (pb, "unjelly")]


def functions():
    return [getattr(owner, name) for owner, name in PLACES]


class Installing(unittest.TestCase):
    def tearDown(self):
        accelerate.uninstall()

    def test_install_and_uninstall(self):
        before = functions()
        self.assertFalse(accelerate.installed())
        accelerate.install()
        self.assertTrue(accelerate.installed())
        during = functions()
        for a, b in zip(before, during):
            self.assertIsNot(a, b)
            self.assertEqual(inspect.signature(a), inspect.signature(b))
            for name in ("__name__", "__qualname__", "__module__", "__doc__",
                         "__defaults__"):
                self.assertEqual(getattr(a, name), getattr(b, name))
        accelerate.install()
        self.assertEqual(functions(), during)
        accelerate.uninstall()
        self.assertEqual(functions(), before)
        self.assertFalse(accelerate.installed())
        accelerate.uninstall()
        self.assertEqual(functions(), before)

    def test_what_others_put_there_stays(self):
        accelerate.install()
        ours = banana.Banana.dataReceived
        theirs = lambda self, chunk: ours(self, chunk)
        banana.Banana.dataReceived = theirs
        try:
            accelerate.uninstall()
            self.assertIs(banana.Banana.dataReceived, theirs)
            self.assertEqual(banana.decode(banana.encode([1, b"x"])), [1, b"x"])
        finally:
            accelerate.install()
            accelerate.uninstall()
            banana.Banana.dataReceived = accelerate_original

    def test_names_that_were_taken_before(self):
        took = jelly.jelly, jelly.unjelly
        accelerate.install()
        value = ["x", {1: (2,)}]
        self.assertEqual(took[1](took[0](value)), value)

    def run_python(self, *args, **env):
        done = subprocess.run([sys.executable, "-B", *args], env={**os.environ, **env},
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def test_as_a_program(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "script.py")
            with open(script, "w") as f:
                f.write(textwrap.dedent("""
                    import os, sys
                    from twisted.spread import pb
                    from libpb import accelerate
                    print(__name__, sys.argv[1:], accelerate.installed(),
                          pb.jelly.__code__.co_filename == accelerate.__file__,
                          sys.path[0] == os.path.dirname(os.path.abspath(__file__)))
                """))
            self.assertIn("__main__ ['x'] True", self.run_python(
                "-m", "libpb.accelerate", script, "x"))
            said = "__main__ ['a', '-b'] True True True\n"
            run = ["-m", "libpb.accelerate"]
            self.assertEqual(self.run_python(*run, script, "a", "-b"), said)
        module = self.run_python(*run, "-m", "timeit", "-n", "1", "-r", "1",
                                 "import twisted.spread.jelly, libpb.accelerate as a; "
                                 "print(a.installed())")
        self.assertIn("True", module)

    def test_by_the_environment(self):
        """The .pth file does nothing unless LIBPB_ACCELERATE is set; then it waits for
        Twisted."""
        with open(os.path.join(os.path.dirname(os.path.realpath(accelerate.__file__)),
                               "..", "libpb-accelerate.pth")) as f:
            line = f.read()
        code = line + textwrap.dedent("""
            import sys
            print("libpb" in sys.modules, "twisted" in sys.modules)
            import twisted.spread.pb
            from libpb import accelerate
            print(accelerate.installed(), twisted.spread.pb.unjelly.__code__.co_filename
                  == accelerate.__file__)
        """)
        for switch in ("", "0", "off", "False", "no"):
            self.assertEqual(self.run_python("-c", code, LIBPB_ACCELERATE=switch),
                             "False False\nFalse False\n")
        for switch in ("1", "on", "Yes", "true", "children"):
            self.assertEqual(self.run_python("-c", code, LIBPB_ACCELERATE=switch),
                             "False False\nTrue True\n")
        self.assertEqual(self.run_python("-c", code, LIBPB_ACCELERATE="flase"),
                         "libpb: LIBPB_ACCELERATE='flase' has no effect: it is on, children "
                         "or off (see python -m libpb.accelerate --help)\n"
                         "False False\nFalse False\n")

    def test_children(self):
        """A program that is accelerated takes the switch out of its environment."""
        code = ("import os, _libpb_accelerate as a; a.start(); before = a.SWITCH in "
                "os.environ; import twisted.spread.pb; print(before, os.environ.get("
                "a.SWITCH))")
        self.assertEqual(self.run_python("-c", code, LIBPB_ACCELERATE="on"),
                         "True None\n")
        self.assertEqual(self.run_python("-c", code, LIBPB_ACCELERATE="children"),
                         "True children\n")


accelerate_original = banana.Banana.dataReceived


class Echo(pb.Root):
    def __init__(self):
        self.kept = []

    def remote_echo(self, *args, **kw):
        return args, kw

    def remote_keep(self, thing):
        self.kept.append(thing)

    def remote_fail(self):
        raise ValueError("no\u00f6")

    def remote_error(self):
        raise pb.Error("known")

    def remote_later(self, thing):
        d = defer.Deferred()
        reactor.callLater(0, d.callback, thing)
        return d

    def remote_bad(self):
        return object()

    def remote_copy(self):
        return Copied(1)

    def remote_self(self):
        return self


class Copied(pb.Copyable, pb.RemoteCopy):
    def __init__(self, x):
        self.x = x
        self.me = [self]

    def getStateToCopyFor(self, perspective):
        return {"x": self.x, "me": self.me, "for": perspective}


class Cached(pb.Cacheable):
    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"a": 1}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)


class Cache(pb.RemoteCache):
    def observe_set(self, **state):
        vars(self).update(state)


pb.setUnjellyableForClass(Copied, Copied)
pb.setUnjellyableForClass(Cached, Cache)


class Pair:
    """Two brokers connected in memory. Records the bytes that each writes."""

    def __init__(self, root, client=pb.Broker, server=pb.Broker):
        server_factory, client_factory = pb.PBServerFactory(root), pb.PBClientFactory()
        server_factory.protocol, client_factory.protocol = server, client
        self.server = server_factory.buildProtocol(None)
        self.client = client_factory.buildProtocol(None)
        self.written = []
        for broker in (self.server, self.client):
            broker.makeConnection(StringTransport())
        self.pump()
        self.root = self.client.remoteForName("root")

    def pump(self):
        moved = True
        while moved:
            moved = False
            for a, b in ((self.server, self.client), (self.client, self.server)):
                data = a.transport.value()
                a.transport.clear()
                if data:
                    moved = True
                    self.written.append(data)
                    b.dataReceived(data)

    def call(self, what, *args, **kw):
        got = []
        d = (self.root if isinstance(what, str) else what[0]).callRemote(
            what if isinstance(what, str) else what[1], *args, **kw)
        d.addBoth(got.append)
        self.pump()
        return [str(x) if isinstance(x, failure.Failure) else x for x in got]

    def close(self):
        for broker in (self.client, self.server):
            broker.connectionLost(failure.Failure(error.ConnectionDone()))


class Services(TestCase):
    def setUp(self):
        self.logged = []
        log.addObserver(self.note)

    def tearDown(self):
        log.removeObserver(self.note)

    def note(self, event):
        self.logged.append(event)

    def conversation(self, **brokers):
        del self.logged[:]
        pair = Pair(Echo(), **brokers)
        said = []
        for args, kw in (((), {}), ((1, "a", [b"x"], {"k": None}), {"key": (1,)}),
                         (([],) * 2, {}), ((2**500,), {}), ((object(),), {}),
                         ((1,), {"pbanswer": 0})):
            try:
                said.append(shape(pair.call("echo", *args, **kw)))
            except Exception as e:
                said.append(repr(e))
        for name in ("fail", "error", "bad", "missing", "copy"):
            said.append(shape([(x.x, x.me[0] is x) if isinstance(x, Copied) else str(x)
                               for x in pair.call(name)]))
        said.append([x is y for x, y in zip(pair.call("self"), [pair.root])])
        thing = pb.Referenceable()
        pair.call("keep", thing)
        kept = pair.server.localObjects[b"root"].object.kept
        said.append((len(pair.client.localObjects), type(kept[0]).__name__, kept[0].luid))
        del kept[:]
        pair.pump()
        said.append(len(pair.client.localObjects))
        cached = Cached()
        pair.call("keep", cached)
        said.append((vars(kept[0])["a"], len(cached.observers)))
        for observer in cached.observers:
            observer.callRemote("set", a=[2, (3,)])
        pair.pump()
        said.append(kept[0].a)
        pair.close()
        said.append(len(cached.observers))
        written = [data for data in pair.written if b"Traceback" not in data]
        logged = [str(e.get("failure", e.get("message")))[:30] for e in self.logged]
        return said, written, logged

    def test_conversation(self):
        self.same_returned(self.conversation)

    def test_conversation_of_own_brokers(self):
        class Broker(pb.Broker):
            def serialize(self, *args, **kw):
                return pb.Broker.serialize(self, *args, **kw)

            def expressionReceived(self, sexp):
                seen.append(repr(sexp))
                pb.Broker.expressionReceived(self, sexp)

            def proto_message(self, *args):
                seen.append("message")
                pb.Broker.proto_message(self, *args)

        def work():
            nonlocal seen
            seen = []
            return self.conversation(client=Broker, server=Broker), \
                [x for x in seen if "Traceback" not in x]
        seen = []
        self.same_returned(work)

    def test_conversation_while_switching(self):
        plain = Pair(Echo())
        told = [shape(plain.call("echo", [i], "x")) for i in range(20)]
        pair = Pair(Echo())
        again = []
        for i in range(20):
            (accelerate.install if i % 2 else accelerate.uninstall)()
            again.append(shape(pair.call("echo", [i], "x")))
        accelerate.uninstall()
        self.assertEqual(told, again)
        self.assertEqual(plain.written, pair.written)


class Leaks(unittest.TestCase):
    def growth(self, work, times):
        """The objects and memory blocks that remain after many runs."""
        for _ in range(200):
            work()
        gc.collect()
        blocks, objects = sys.getallocatedblocks(), len(gc.get_objects())
        for _ in range(times):
            work()
        gc.collect()
        return sys.getallocatedblocks() - blocks, len(gc.get_objects()) - objects

    def check(self, work, times=3000, plain=(0, 0)):
        """A leak grows in each round; Python's own caches grow until they are full."""
        accelerate.install()
        try:
            for _ in range(5):
                blocks, objects = self.growth(work, times)
                if blocks - plain[0] < times // 20 and objects - plain[1] < times // 20:
                    return
        finally:
            accelerate.uninstall()
        self.fail(f"{blocks} blocks and {objects} objects more after {times} runs")

    def test_codec(self):
        shared = [1]
        value = [shared, shared, {"a": (1, 2.5, None, True), 1: {2}}, "x" * 100, 2**70,
                 2**100]

        def work():
            data = banana.encode(jelly.jelly(value))
            return jelly.unjelly(banana.decode(data))
        self.check(work)

    def test_cycles(self):
        def work():
            value = ([], {})
            value[0].append(value)
            value[1][1] = value
            got = jelly.unjelly(jelly.jelly(value))
            got[0].clear()
            got[1].clear()
            value[0].clear()
            value[1].clear()
        self.check(work)

    def test_refusals(self):
        def work():
            outcome(jelly.unjelly, [b"list", [b"unicode", b"\xff"]])
            outcome(jelly.unjelly, [b"dictionary", [[b"list"], [b"tuple", [b"x"]]]])
            outcome(jelly.unjelly, [b"list", [b"tuple", [b"other"]]],
                    jelly.globalSecurity)
            outcome(jelly.jelly, [1, {"a": ["\ud800"]}])
            outcome(banana.decode, b"\x03\x80\x01\x81\x02\x80\x88")
            outcome(banana.encode, [1, [2, None]])
            banana._i.listStack = []
        self.check(work, 1000)

    def test_conversation(self):
        pair = Pair(Echo())

        def work():
            pair.call("echo", {"id": 1, "name": "x"}, key=[1.5])
            pair.call("keep", pb.Referenceable())
            pair.server.localObjects[b"root"].object.kept.clear()
            pair.pump()
            pair.call("copy")
            del pair.written[:]
        self.check(work, 1000, self.growth(work, 1000))


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    unittest.main()
