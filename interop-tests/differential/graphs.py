# SPDX-License-Identifier: MIT
"""Random object graphs from a list of choices, and their lossless JSON.

A choice is a small number. A graph becomes smaller if its list becomes shorter: when the
list is exhausted, all further choices are 0, which is always the simplest one.
"""

import datetime
import decimal
import random


class Plain:
    """An instance with its __dict__ as its state."""


class Other(Plain):
    """A second class of instances."""


class Choices:
    """Random choices from a seed, or those of a recorded list."""

    def __init__(self, seed=None, recorded=None):
        self.random = None if seed is None else random.Random(seed)
        self.recorded = recorded or []
        self.taken = []

    def below(self, n):
        """A number from 0 to n - 1."""
        if self.random:
            choice = self.random.randrange(n)
        elif len(self.taken) < len(self.recorded):
            choice = self.recorded[len(self.taken)] % n
        else:
            choice = 0
        self.taken.append(choice)
        return choice

    def pick(self, things):
        return things[self.below(len(things))]


WORDS = "None class list tuple reference dereference dictionary remote message".split()
CHARACTERS = "a \0\n'\\\xe9\xff\u4e2d\uffff\U0001f600\U0010ffff"
FLOATS = [0.0, -0.0, 1.0, 1.5, -2.25, 0.1, 1e308, 5e-324, float("inf"), -float("inf"),
          float("nan")]
DECIMALS = ["0", "-0", "1.50", "-1E+3", "9.99E-30", "123456789012345678901234567890"]
ODD_DECIMALS = ["NaN", "sNaN", "Infinity", "-Infinity", "NaN12"]


def integer(c):
    bits = c.pick([0, 3, 7, 8, 14, 30, 31, 32, 62, 63, 64, 65, 128, 447, 448, 449])
    n = c.pick([0, 1, (1 << bits) - 1, 1 << bits, c.below(1 << bits)])
    if n >= 1 << 448 and c.below(8):
        n = 5
    return -n if c.below(2) else n


def text(c):
    return "".join(c.pick(CHARACTERS) for _ in range(c.pick([1, 0, 2, 5])))


def date_or_time(c):
    return c.pick([
        lambda: datetime.datetime(2001 + c.below(30), 1 + c.below(12), 1 + c.below(28),
                                  c.below(24), c.below(60), c.below(60), c.below(10**6)),
        lambda: datetime.date(1 + c.below(9999), 1 + c.below(12), 1 + c.below(28)),
        lambda: datetime.time(c.below(24), c.below(60), c.below(60), c.below(10**6)),
        lambda: datetime.timedelta(c.below(20001) - 10000, c.below(86400),
                                   c.below(10**6)),
    ])()


def decimal_number(c):
    return decimal.Decimal(c.pick(ODD_DECIMALS if c.below(30) == 29 else DECIMALS))


def scalar(c):
    return c.pick([
        lambda: None, lambda: c.below(100), lambda: c.below(2) == 1, lambda: integer(c),
        lambda: c.pick(FLOATS), lambda: c.pick(WORDS), lambda: text(c),
        lambda: c.pick(WORDS).encode(),
        lambda: bytes(c.below(256) for _ in range(c.below(9))),
        lambda: date_or_time(c), lambda: decimal_number(c),
        lambda: c.pick([Plain, Other, int, decimal.Decimal]),
    ])()


def is_hashable(o):
    try:
        hash(o)
    except TypeError:
        return False
    return True


class GraphBuilder:
    """Builds a tree, then adds references between its parts."""

    def __init__(self, choices):
        self.c = choices
        self.size_left = choices.pick([8, 25, 80, 250])
        self.made = []

    def hashable(self, depth):
        o = self.value(depth)
        return o if is_hashable(o) else self.c.below(1000)

    def value(self, depth):
        c = self.c
        self.size_left -= 1
        if depth > 9 or self.size_left < 0 or c.below(8) < (1 if depth == 0 else 4):
            return scalar(c)
        if self.made and c.below(5) == 4:
            return c.pick(self.made)
        o = c.pick([self.list, self.tuple, self.dict, self.instance, self.set,
                    self.frozenset])(depth + 1)
        self.made.append(o)
        return o

    def some(self, make, depth):
        return [make(depth) for _ in range(self.c.below(7))]

    def list(self, depth):
        return self.some(self.value, depth)

    def tuple(self, depth):
        return tuple(self.some(self.value, depth))

    def set(self, depth):
        return set(self.some(self.hashable, depth))

    def frozenset(self, depth):
        return frozenset(self.some(self.hashable, depth))

    def dict(self, depth):
        return {self.hashable(depth): self.value(depth) for _ in range(self.c.below(7))}

    def instance(self, depth):
        o = self.c.pick([Plain, Other])()
        for _ in range(self.c.pick([1, 2, 3, 2, 1, 3, 2, 0])):
            setattr(o, self.c.pick("xyz"), self.value(depth))
        return o

    def add_reference(self):
        """Puts one of the containers into another, or into itself."""
        target, o = self.c.pick(self.made), self.c.pick(self.made)
        if isinstance(target, list):
            target.append(o)
        elif isinstance(target, Plain):
            setattr(target, self.c.pick("xyzk"), o)
        elif isinstance(target, set) and is_hashable(o):
            target.add(o)
        elif isinstance(target, dict):
            if is_hashable(o) and self.c.below(2):
                target[o] = self.c.pick(self.made)
            else:
                target[self.c.below(10)] = o

    def graph(self):
        root = self.value(0)
        if self.made:
            for _ in range(self.c.pick([0, 1, 2, 5, 12])):
                self.add_reference()
        return root


def graph(choices):
    return GraphBuilder(choices).graph()


def qualified(cls):
    return cls.__module__ + "." + cls.__qualname__


def describe(o, seen):
    """The lossless JSON of o, as described in interop-tests/captures/README.md. `seen`
    has the numbers of the containers that have been described, by id."""
    if o is None or o is True or o is False:
        return o
    kind = type(o)
    if kind is int:
        return {"int": str(o)}
    if kind is float:
        return {"float": o.hex()}
    if kind is str:
        return {"str": o}
    if kind is bytes:
        return {"bytes": o.hex()}
    if kind is type:
        return {"class": qualified(o)}
    if kind is decimal.Decimal:
        return {"decimal": str(o)}
    if kind is datetime.datetime:
        return {"datetime": [o.year, o.month, o.day, o.hour, o.minute, o.second,
                             o.microsecond]}
    if kind is datetime.date:
        return {"date": [o.year, o.month, o.day]}
    if kind is datetime.time:
        return {"time": [o.hour, o.minute, o.second, o.microsecond]}
    if kind is datetime.timedelta:
        return {"timedelta": [o.days, o.seconds, o.microseconds]}
    if id(o) in seen:
        return {"ref": seen[id(o)]}
    number = seen[id(o)] = len(seen) + 1
    if isinstance(o, dict):
        content = [[describe(k, seen), describe(v, seen)] for k, v in o.items()]
        return {"id": number, "dict": content}
    if isinstance(o, Plain):
        return {"id": number, "instance": qualified(kind),
                "state": describe(o.__dict__, seen)}
    return {"id": number, kind.__name__: [describe(x, seen) for x in o]}
