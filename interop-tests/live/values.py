# SPDX-License-Identifier: MIT
"""Values of every kind that jelly has, as Python literals, and some without a literal.
Sets have a single element or small ints, whose order is the same in C and Python."""

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


def parse(literal, **names):
    """The value of a literal, which may refer to these names."""
    return eval(literal, {"datetime": datetime, "Decimal": decimal.Decimal, **names})


def _cyclic_list():
    cyclic = [1]
    cyclic.append(cyclic)
    return cyclic


def _cyclic_dict():
    cyclic = {}
    cyclic["inside"] = ([cyclic],)
    return cyclic


def _shared_list():
    shared = ["shared"]
    return [shared, shared, (shared,)]


# Functions that make values without a literal, by name.
MADE = {
    "infinity": lambda: float("inf"),
    "minus_infinity": lambda: -float("inf"),
    "not_a_number": lambda: float("nan"),
    "cyclic_list": _cyclic_list,
    "cyclic_dict": _cyclic_dict,
    "shared_list": _shared_list,
    "kilobytes": lambda: bytes(range(256)) * 16,
}
