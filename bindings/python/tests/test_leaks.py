# SPDX-License-Identifier: MIT
"""No conversion leaks objects or memory. PB_MESSAGES is the number of messages for each
test; with a debug build of Python, references are counted instead of memory blocks."""
import gc
import os
import sys
import unittest

import libpb
from compared import on_libpb
from libpb import banana, jelly
from twisted.internet.testing import StringTransport
from twisted.spread import banana as theirs_banana, jelly as theirs, pb

MESSAGES = int(os.environ.get("PB_MESSAGES", "20000"))
BLOCKS = 300        # that caches may still take
RESIDENT = 4 << 20  # bytes, likewise


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def values():
    shared = [1, "two"]
    cycle = [shared]
    cycle.append(cycle)
    return [shared, cycle, {"a": (shared, {1, "b"}), b"c": 2**90, "d": None}, "x" * 5000,
            [1.5, True, frozenset([b"y"])]]


class Leaks(unittest.TestCase):
    def bounded(self, work):
        """Runs work often, and checks for growth after the first tenth, which fills
        caches."""
        count = getattr(sys, "gettotalrefcount", sys.getallocatedblocks)
        for _ in range(MESSAGES // 10):
            work()
        gc.collect()
        blocks, bytes_ = count(), resident()
        for _ in range(MESSAGES):
            work()
        gc.collect()
        self.assertLess(count() - blocks, BLOCKS)
        self.assertLess(resident() - bytes_, RESIDENT)

    def each(self, work):
        turn = iter(())

        def one():
            nonlocal turn
            for value in turn:
                return work(value)
            turn = iter(values())
            return work(next(turn))
        self.bounded(one)

    def test_plain(self):
        self.each(lambda v: jelly.loads(jelly.dumps(v)))

    def test_plain_by_value(self):
        import decimal
        self.each(lambda v: jelly.loads(jelly.dumps([v, decimal.Decimal("1.5")])))

    def test_plain_errors(self):
        data = jelly.dumps([1, {"a": [2.5, "text"]}], "none")

        def broken(_):
            for bad in (data[:-3], data + b"\x00", data.replace(b"list", b"os.x"),
                        data.replace(b"text", b"\xff\xff\xff\xff")):
                try:
                    jelly.loads(bad, "none")
                except libpb.Error:
                    pass
            try:
                jelly.dumps([{"a": object()}])
            except libpb.Error:
                pass
        self.each(broken)

    def test_banana(self):
        self.each(lambda v: banana.decode(banana.encode(jelly.jelly(v), "pb"), "pb"))

    def test_under_twisted(self):
        def work(v):
            theirs.unjelly(theirs_banana.decode(theirs_banana.encode(theirs.jelly(v))))
        on_libpb(self.each, work)

    def test_calls_under_twisted(self):
        class Root(pb.Root):
            def remote_echo(self, x):
                return x

        def calls():
            client, server = pb.Broker(True), pb.Broker(False)
            client.factory = pb.PBClientFactory()
            server.factory = pb.PBServerFactory(Root())
            pipes = {client: StringTransport(), server: StringTransport()}
            for broker, transport in pipes.items():
                broker.makeConnection(transport)

            def pump():
                moved = True
                while moved:
                    moved = False
                    for here, there in ((client, server), (server, client)):
                        data = pipes[here].value()
                        pipes[here].clear()
                        if data:
                            there.dataReceived(data)
                            moved = True
            pump()
            root = client.remoteForName("root")

            def call(v):
                results = []
                root.callRemote("echo", v).addBoth(results.append)
                pump()
                self.assertEqual(len(results), 1)
                self.assertNotIsInstance(results[0], Exception)
            self.each(call)
        on_libpb(calls)


if __name__ == "__main__":
    unittest.main()
