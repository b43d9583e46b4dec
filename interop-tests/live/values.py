# SPDX-License-Identifier: MIT
"""Values of every kind that jelly knows, as Python prints them, and some that have no
literal. Sets have one element, or ints, for their order is not compared."""

import datetime
import decimal

LITERALS = [
    "None", "True", "False",
    "0", "1", "-1", "127", "128", "2147483647", "-2147483648", "2147483648",
    "-2147483649", "9223372036854775807", "-9223372036854775809",
    str(2**447), str(-(2**448) + 1),
    "0.0", "-0.0", "1.5", "1e+16", "1e-05", "5e-324", "1.7976931348623157e+308", "0.1",
    "''", "'text'", "'list'", "'it\\'s \"so\"'", "'\\x00\\n\\x7f'",
    "'\u00e9\u20ac\U0001f600'",
    "b''", "b'bytes'", "b'list'", "b'\\x00\\xff\"'",
    "[]", "[1, [2, [3, []]]]", "()", "(1,)", "((), ((),))",
    "{}", "{'a': None, b'a': 1, 2: 'x', (1, 2): [3]}", "{1.5: {}}",
    "set()", "{1, 2, 3}", "{'only'}", "frozenset()", "frozenset({1})",
    "{frozenset({1}): {('a',)}}",
    "datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)",
    "datetime.date(1, 1, 1)", "datetime.time(0, 0)",
    "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)",
    "Decimal('1.50')", "Decimal('-12')", "Decimal('1E+3')",
]


def of(literal, **names):
    """What Python makes of a literal, in which these names may stand too."""
    return eval(literal, {"datetime": datetime, "Decimal": decimal.Decimal, **names})


def _loop():
    loop = [1]
    loop.append(loop)
    return loop


def _knot():
    knot = {}
    knot["inside"] = ([knot],)
    return knot


def _twice():
    one = ["shared"]
    return [one, one, (one,)]


# By name, each made anew: what no literal can say.
MADE = {
    "infinity": lambda: float("inf"),
    "minus_infinity": lambda: -float("inf"),
    "not_a_number": lambda: float("nan"),
    "loop": _loop,
    "knot": _knot,
    "twice": _twice,
    "kilobytes": lambda: bytes(range(256)) * 16,
}
