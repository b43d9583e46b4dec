# SPDX-License-Identifier: MIT
"""Values between two sessions in one process: those that are sent, those refused."""
import dataclasses
import datetime
import decimal
import unittest

import libpb
from libpb.flavors import COPIES
from served import Point, Fixed, Plain, Colour, Person, Pair


class Values(Pair):
    async def test_types(self):
        values = (
            None, True, False, 0, -5, 2 ** 63 - 1, -2 ** 63, 2 ** 63, 2 ** 440, -2 ** 440,
            1.5, float("inf"), "", "\u20ac\0", b"", b"\xff", [], (), {}, set(),
            frozenset(), [1, (2, [3]), {4: {5}}], {(1, "x"): frozenset([b"y"])},
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
                 (itself, "tuple that contains itself"), (aware, "time zone"),
                 (decimal.Decimal("Infinity"), "'F'"), (aware.timetz(), "time zone"),
                 (2 ** 449, "448|prefix|integer"), ("x" * (640 * 1024 + 1), "655360"),
                 ({1: object}, "builtins.type")]
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
        with self.assertRaisesRegex(RuntimeError, "changed size"):
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
        (got, again), _ = await self.root.call("echo", ValueError("as value"),
                                               [KeyError(1)])
        self.assertIsInstance(got, libpb.RemoteError)
        self.assertEqual((got.type, got.value), ("builtins.ValueError", "as value"))
        self.assertIs(again[0].check(LookupError), LookupError)


if __name__ == "__main__":
    unittest.main()
