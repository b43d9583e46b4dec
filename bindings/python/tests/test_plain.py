# SPDX-License-Identifier: MIT
"""libpb.banana and libpb.jelly, compared with Twisted's."""
import dataclasses
import datetime
import decimal
import subprocess
import sys
import threading
import unittest

import libpb
from compared import graph, mutated, random_of, seeds, shape
from libpb import banana, jelly
from twisted.spread import banana as theirs_banana, jelly as theirs


@libpb.copyable("tests.Point")
@dataclasses.dataclass
class Point:
    x: int = 0
    y: object = None


def their_dumps(value):
    return theirs_banana.encode(theirs.jelly(value))


def their_loads(data):
    return theirs.unjelly(theirs_banana.decode(data))


VALUES = [
    None, True, False, 0, -1, 2**31 - 1, 2**31, -2**31, 2**70, -2**440, 1.5, float("inf"),
    "", "h\u00e9", b"", b"list", b"\xff" * 70, [], (), {}, set(), frozenset(),
    [1, [2, (3,)]], {"a": 1, b"b": None, 3: [4.5], (5, 6): {7}}, {1, "a"},
    frozenset([b"x"]), datetime.datetime(2026, 1, 2, 3, 4, 5, 6),
    datetime.date(2026, 1, 2), datetime.time(3, 4, 5, 6), datetime.timedelta(-1, 2, 3),
    decimal.Decimal("-1.50"), [datetime.date(1, 1, 1), decimal.Decimal("1E+3")],
]


class Jelly(unittest.TestCase):
    def test_bytes_are_twisteds(self):
        for value in VALUES:
            with self.subTest(value=value):
                self.assertEqual(jelly.dumps(value, "none"), their_dumps(value))
                self.assertEqual(jelly.jelly(value),
                                 theirs_banana.decode(their_dumps(value)))

    def test_goes_and_comes_back(self):
        for value in VALUES:
            for dialect in ("pb", "none"):
                with self.subTest(value=value, dialect=dialect):
                    data = jelly.dumps(value, dialect)
                    self.assertEqual(shape(jelly.loads(data, dialect)), shape(value))
                    self.assertEqual(shape(jelly.unjelly(jelly.jelly(value))),
                                     shape(value))

    def test_graphs_are_as_twisteds(self):
        rnd = random_of("plain")
        compared = 0
        for _ in range(2000):
            value = graph(rnd)
            try:
                data = their_dumps(value)
                expected = shape(their_loads(data))
            except Exception:  # Twisted's own faults with cycles
                continue
            self.assertEqual(jelly.dumps(value, "none"), data)
            self.assertEqual(shape(jelly.loads(data, "none")), expected)
            compared += 1
        self.assertGreater(compared, 1000)

    def test_what_is_shared_stays_so(self):
        inner = [1]
        outer = jelly.loads(jelly.dumps([inner, {"a": inner}]))
        self.assertIs(outer[0], outer[1]["a"])
        inner.append(inner)
        again = jelly.loads(jelly.dumps(inner))
        self.assertIs(again[1], again)

    def test_registered_classes(self):
        point = jelly.loads(jelly.dumps([Point(1, [2]), "beside"]))[0]
        self.assertEqual(point, Point(1, [2]))
        self.assertEqual(jelly.jelly(Point(3)),
                         [b"tests.Point", [b"dictionary", [[b"unicode", b"x"], 3],
                                           [[b"unicode", b"y"], [b"None"]]]])

    def test_what_cannot_be_jellied(self):
        for value, text in ((object(), "builtins.object cannot be jellied"),
                            ([1, print], "cannot be jellied"), ("\ud800", "surrogates")):
            with self.subTest(value=value), self.assertRaises(Exception) as raised:
                jelly.dumps(value)
            self.assertIn(text, str(raised.exception))
        with self.assertRaises(libpb.BananaError):
            jelly.dumps(b"x" * (640 * 1024 + 1))
        with self.assertRaises(libpb.BananaError):
            jelly.dumps([2**500])

    def test_what_is_refused(self):
        for expression, kind, text in (
                ([b"os.system", b"x"], libpb.InsecureJelly, "os.system"),
                ([b"remote", 1], libpb.Error, ""),
                ([b"unicode", b"\xff"], libpb.JellyError, ""),
                ([b"dictionary", [[b"list"], 1]], libpb.Error, "unhashable"),
                ([b"dereference", 5], libpb.Error, ""),
                ([], libpb.Error, "")):
            with self.subTest(expression=expression), self.assertRaises(kind) as raised:
                jelly.unjelly(expression)
            self.assertIn(text, str(raised.exception))
        whole = jelly.dumps([1, "a"])
        for cut in range(len(whole)):
            with self.assertRaises(libpb.Error):
                jelly.loads(whole[:cut])
        with self.assertRaises(libpb.Error):
            jelly.loads(whole + b"\x01\x81")

    def test_mutations_are_read_as_twisted_reads_them(self):
        rnd = random_of("mutations")
        values = [*VALUES, *(graph(rnd) for _ in range(60))]
        wholes = [jelly.dumps(v, "none") for v in values]
        wholes += [*seeds("jelly"), *seeds("banana"), *seeds("session")]
        read = refused = 0
        for whole in wholes:
            for _ in range(40):
                data = mutated(rnd, whole)
                for ours, twisteds in ((banana.decode, theirs_banana.decode),
                                       (lambda d: jelly.loads(d, "none"), their_loads)):
                    theirs_banana._i.listStack = []  # An error leaves open lists in it.
                    with self.subTest(data=data, ours=ours):
                        try:
                            value = shape(ours(data))
                        except libpb.Error as e:
                            if "follow the expression" in str(e):
                                continue  # Twisted reads the first one alone.
                            with self.assertRaises(Exception):
                                twisteds(data)
                            refused += 1
                        else:
                            self.assertEqual(shape(twisteds(data)), value)
                            read += 1
        self.assertGreater(read, 500)
        self.assertGreater(refused, 500)
        theirs_banana._i.listStack = []

    def test_mutations_of_the_pb_dialect_end_in_a_value_or_an_error(self):
        rnd = random_of("mutations of pb")
        for whole in [*(jelly.dumps(v) for v in VALUES), *seeds("session")]:
            for _ in range(60):
                try:
                    jelly.loads(mutated(rnd, whole))
                except libpb.Error:
                    pass

    def test_in_threads(self):
        results = []
        workers = [threading.Thread(target=lambda: results.append(
            jelly.loads(jelly.dumps([decimal.Decimal(1)])))) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(results, [[decimal.Decimal(1)]] * 4)

    def test_needs_no_twisted(self):
        code = ("import sys; from libpb import banana, jelly; "
                "jelly.loads(jelly.dumps([1])); sys.exit('twisted' in sys.modules)")
        self.assertEqual(subprocess.call([sys.executable, "-c", code]), 0)

    def test_a_dialect_there_is_not(self):
        with self.assertRaisesRegex(ValueError, "'pb' or 'none', not 'xml'"):
            jelly.dumps(1, "xml")


class Banana(unittest.TestCase):
    def test_as_twisteds(self):
        for expression in (0, -5, 2**40, 1.25, b"", b"list", [],
                           [1, [b"None", [2.0]], -2**90]):
            data = banana.encode(expression)
            self.assertEqual(data, theirs_banana.encode(expression))
            self.assertEqual(banana.decode(data), expression)
            self.assertEqual(banana.decode(banana.encode(expression, "pb"), "pb"),
                             expression)

    def test_what_it_refuses(self):
        for expression in ("text", None, {}, 2**500):
            with self.subTest(expression=expression), \
                    self.assertRaises(libpb.BananaError):
                banana.encode(expression)
        for data in (b"", b"\x02\x80\x01\x81", b"\x01\x81\x01\x81", b"\x01\x89",
                     b"\x01\x87"):
            with self.subTest(data=data), self.assertRaises(libpb.BananaError):
                banana.decode(data)


if __name__ == "__main__":
    unittest.main()
