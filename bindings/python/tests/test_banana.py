# SPDX-License-Identifier: MIT
"""Banana with libpb: the same expressions, bytes, state and exceptions as without."""
import unittest

from compared import (TestCase, captures, graph, mutated, on_libpb, outcome, random_of,
                      seeds, shape)
from libpb import accelerate
from twisted.spread import banana, jelly


class Recorder(banana.Banana):
    """Records the expressions that it receives, and the protocol's state at that time."""

    def __init__(self, dialect=b"pb"):
        banana.Banana.__init__(self)
        self.setPrefixLimit(64)
        self.currentDialect = dialect
        self.seen = []

    def expressionReceived(self, expression):
        self.seen.append((expression, self.buffer, list(self.listStack)))


def receive(data, cuts, dialect=b"pb", cls=Recorder, switch=()):
    """Feeds the pieces between the cuts, and returns all that was recorded."""
    p = cls(dialect)
    states = []
    for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, len(data)])):
        if i in switch:
            (accelerate.uninstall if accelerate.installed() else accelerate.install)()
        states.append(outcome(p.dataReceived, data[a:b]))
        states.append((p.buffer, p.listStack))
        if "raised" in states[-2]:
            break
    return p.seen, states


def encoded(value, dialect=b"pb"):
    b = Recorder(dialect)
    pieces = []
    b._encode(value, pieces.append)
    return b"".join(pieces)


def fragment(rnd):
    return rnd.choice((
        b"\x81", b"\x05\x81", b"\x05\x83", b"\x7f\x7f\x7f\x7f\x07\x85",
        b"\x01" * 30 + b"\x86", b"\x03\x82abc", b"\x82", b"\x00\x82",
        b"\x84?\xf0" + bytes(6), b"\x01\x84" + bytes(8), b"\x02\x80", b"\x80",
        b"\x03\x80", b"\x01\x80", b"\x1a\x87", b"\x08\x87", b"\x00\x81", b"\x00\x00\x81",
        b"\x40\x00\x00\x80", b"\x00\x87", b"\x20\x87", b"\x88", b"\x01" * 70))


class Receiving(TestCase):
    def test_every_split(self):
        data = encoded([b"message", 1, b"root", [b"tuple", [b"unicode", b"x" * 20],
                                                 -2**40, 1.5,
                                                2**100, [], [[[]]]], True]) * 2
        for a in range(1, len(data)):
            self.same(receive, data, [a])
        self.same(receive, data, list(range(1, len(data))))

    def test_random_streams(self):
        rnd = random_of("streams")
        for _ in range(1500):
            data = b"".join(fragment(rnd) for _ in range(rnd.randint(1, 12)))
            cuts = sorted(rnd.randrange(len(data) + 1) for _ in range(rnd.randrange(4)))
            dialect = rnd.choice((b"pb", b"none", None, bytearray(b"pb")))
            self.same(receive, data, cuts, dialect)

    def test_random_expressions(self):
        rnd = random_of("expressions")
        for _ in range(200):
            data = b"".join(encoded(jelly.jelly(graph(rnd))) for _ in range(3))
            cuts = sorted(rnd.randrange(len(data) + 1) for _ in range(rnd.randrange(5)))
            self.same(receive, data, cuts)
            self.same(receive, mutated(rnd, data), cuts)

    def test_seeds(self):
        rnd = random_of("seeds")
        for seed in [*seeds("banana"), *seeds("jelly"), *seeds("session")]:
            for data in (seed, *(mutated(rnd, seed) for _ in range(30))):
                for dialect in (b"pb", b"none"):
                    self.same(receive, data, [len(data) // 2], dialect)

    def test_captures(self):
        seen = 0
        for name, rows in captures():
            for side in ("client", "server"):
                chunks = [bytes.fromhex(row["hex"]) for row in rows
                          if row.get("from") == side and "hex" in row]
                data = b"".join(chunks)
                if 0 < len(data) < 100000:
                    cuts = [sum(map(len, chunks[:i])) for i in range(1, len(chunks))]
                    self.same(receive, data, cuts)
                    seen += 1
        self.assertGreater(seen, 100)

    def test_switching_between_chunks(self):
        rnd = random_of("switching")
        for _ in range(50):
            data = b"".join(encoded(jelly.jelly(graph(rnd))) for _ in range(2))
            cuts = sorted(rnd.randrange(len(data) + 1) for _ in range(6))
            plain = shape(receive(data, cuts))
            switched = on_libpb(lambda: shape(receive(data, cuts, switch=(1, 3, 4))))
            self.assertEqual(switched, plain)

    def test_odd_chunks(self):
        for chunk in (b"", bytearray(b"\x01\x81"), memoryview(b"\x01\x81"), "text", None,
                      3):
            self.same(lambda: Recorder().dataReceived(chunk))
            def after():
                p = Recorder()
                p.dataReceived(b"\x01")
                p.dataReceived(chunk)
                return p.seen, p.buffer
            self.same(after)

    def test_limits_of_the_module(self):
        def limited(size):
            before = banana.SIZE_LIMIT
            banana.SIZE_LIMIT = size
            try:
                return receive(b"\x05\x82hello\x05\x80" + b"\x01\x81" * 5, []), \
                    outcome(encoded, [b"hello"]), outcome(encoded, [1] * 5)
            finally:
                banana.SIZE_LIMIT = before
        for size in (4, 5, 6, 0, -1, 2.5, 2**70, None, "x"):
            self.same(limited, size)

    def test_prefix_limits(self):
        for limit in (1, 2, 9, 10, 64, 65, 0, 2.0, 1000):
            def limited():
                p = Recorder()
                p.setPrefixLimit(limit)
                return (outcome(p.dataReceived, b"\x01" * 10 + b"\x81"), p.seen,
                        outcome(p._encode, 2**70, lambda b: None),
                        outcome(p._encode, -2**70, lambda b: None),
                        outcome(p._encode, 2**62, lambda b: None), p.buffer)
            self.same(limited)

    def test_changes_while_receiving(self):
        """Changes by a callback apply to the next expression of the same chunk."""
        class Changing(Recorder):
            def expressionReceived(self, expression):
                Recorder.expressionReceived(self, expression)
                if expression == 1:
                    self.currentDialect = b"none"
                elif expression == 2:
                    self.prefixLimit = 1
                elif expression == 3:
                    self.incomingVocabulary = {8: b"changed"}
                elif expression == 4:
                    self.listStack.append((2, []))
                elif expression == 5:
                    raise ValueError("five")
        for first in range(1, 6):
            data = bytes([1, 0x87, first, 0x81, 8, 0x87, 1, 2, 0x81, 9, 0x81])
            self.same(receive, data, [], b"pb", Changing)
            self.same(receive, data, [3], b"pb", Changing)

    def test_overridden(self):
        class GotItem(Recorder):
            def gotItem(self, item):
                self.seen.append(("item", item))
                Recorder.gotItem(self, item)

        class CallExpression(Recorder):
            def callExpressionReceived(self, obj):
                self.seen.append(("call", obj))
                Recorder.callExpressionReceived(self, obj)

        class Vocabulary(Recorder):
            incomingVocabulary = {8: b"eight"}
            outgoingVocabulary = {b"eight": 8}

        class Encoding(Recorder):
            def _encode(self, obj, write):
                if isinstance(obj, str):
                    obj = obj.encode()
                Recorder._encode(self, obj, write)

        def encode(cls):
            p = cls()
            pieces = []
            p._encode(["eight", b"eight", b"list"], pieces.append)
            return b"".join(pieces)

        for cls in (GotItem, CallExpression, Vocabulary, Encoding):
            self.same(receive, encoded([b"list", [1, b"a"]]), [5], b"pb", cls)
            self.same(encode, cls)

    def test_attributes_of_an_instance(self):
        def work():
            p = Recorder()
            got = []
            p.expressionReceived = got.append
            p.dataReceived(b"\x01\x81")
            p.gotItem = lambda item: got.append(("item", item))
            p.dataReceived(b"\x02\x81")
            return got
        self.same_returned(work)

    def test_without_a_connection(self):
        self.same(lambda: banana.Banana().dataReceived(b"\x01\x81"))
        self.same(lambda: banana.Banana().sendEncoded([1]))

    def test_module_functions(self):
        rnd = random_of("functions")
        for _ in range(100):
            value = jelly.jelly(graph(rnd))
            self.same(lambda: banana.decode(banana.encode(value)))
        self.same(banana.decode, b"\x01")
        self.same(banana.decode, b"")
        self.same(banana.encode, {})


class Sending(TestCase):
    def test_values(self):
        class MyList(list):
            pass
        class MyInt(int):
            pass
        values = [
            0, 1, -1, 127, 128, 2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**63, -2**63,
            2**64, 2**448 - 1, 2**448, -2**448 + 1, -2**448, True, False, 1.5,
            float("inf"), -0.0, b"", b"list", b"None", b"unpersistable", [], (), [[], ()],
            MyList([1]), MyInt(3), None, "text", {}, [1, "text"], [1, [2, None]],
            b"x" * 655360, b"x" * 655361, [0] * 655361, set(), 1j]
        for value in values:
            for dialect in (b"pb", b"none", None, b"other", "pb", bytearray(b"pb")):
                self.same(encoded, value, dialect)

    def test_depth(self):
        for depth in (50, 99, 100, 101, 150, 300, 5000):
            value = []
            for _ in range(depth):
                value = [value]
            self.same(lambda: encoded(value))

    def test_what_was_written_before_an_error(self):
        def work():
            pieces = []
            try:
                Recorder()._encode([1, [b"x", None]], pieces.append)
            except banana.BananaError as e:
                return b"".join(pieces), str(e)
        self.same_returned(work)

    def test_transport(self):
        class Transport:
            def __init__(self):
                self.written = []

            def write(self, data):
                self.written.append(data)

        def work(value):
            p = Recorder()
            p.transport = Transport()
            return outcome(p.sendEncoded, value), p.transport.written
        for value in ([b"message", 1, 2.5], [None], 2**500):
            self.same_returned(work, value)

    def test_symbols(self):
        def work(change):
            p = Recorder()
            change(p)
            pieces = []
            p._encode([b"list", b"word", 7], pieces.append)
            return b"".join(pieces)
        for change in (lambda p: p.outgoingSymbols.update({b"word": 9}),
                       lambda p: p.outgoingSymbols.pop(b"list"),
                       lambda p: p.outgoingSymbols.update({b"list": 99}),
                       lambda p: setattr(p, "outgoingSymbols", {}),
                       lambda p: setattr(p, "_largestInt", 5),
                       lambda p: setattr(p, "_largestLongInt", 5),
                       lambda p: delattr(p, "_smallestInt")):
            self.same(work, change)


if __name__ == "__main__":
    unittest.main()
