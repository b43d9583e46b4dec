# SPDX-License-Identifier: MIT
"""Does the same work with and without libpb under Twisted, and compares the outcomes."""
import glob
import gzip
import json
import os
import random
import re
import sys
import types
import unittest

try:
    import twisted.spread  # noqa: F401
except ImportError:
    sys.exit(77)  # automake's number for a test that is skipped

from libpb import accelerate

TREE = os.path.abspath(os.environ.get("srcdir", os.path.join(os.path.dirname(__file__),
                                                             "..", "..", "..")))


def without_addresses(value):
    return re.sub("0x[0-9a-f]+", "", f"{type(value)}{value!r}")


def shape(value):
    """A value as text that distinguishes shared objects from equal ones. No recursion."""
    words, seen, todo = [], {}, [value]
    while todo:
        v = todo.pop()
        if isinstance(v, types.FunctionType):  # what closes a container
            words.append(v())
            continue
        name = type(v).__name__
        if isinstance(v, (list, tuple, set, frozenset, dict)) or hasattr(v, "__dict__") \
                and not isinstance(v, (type, types.ModuleType)):
            if id(v) in seen:
                words.append(f"<{seen[id(v)]}>")
                continue
            seen[id(v)] = len(seen)
            words.append(f"{name}(")
            todo.append(lambda: ")")
            if isinstance(v, dict):
                for k, x in reversed(v.items()):
                    todo += [x, k]
            elif isinstance(v, (list, tuple)):
                todo += reversed(v)
            elif isinstance(v, (set, frozenset)):  # in any order
                todo += sorted(v, key=without_addresses)
            if hasattr(v, "__dict__"):
                todo.append(vars(v))
            if isinstance(v, BaseException):
                todo.append(v.args)
        else:
            words.append(f"{name} {v!r}")
    return " ".join(words)


def outcome(work, *args):
    """The outcome of a call: the shape of the result, or the exception."""
    try:
        return shape(work(*args))
    except RecursionError:
        return "RecursionError"  # Its text depends on where it is noticed.
    except Exception as e:
        return f"raised {type(e).__module__}.{type(e).__qualname__}: {e}"


def on_libpb(work, *args):
    accelerate.install()
    try:
        return work(*args)
    finally:
        accelerate.uninstall()


class TestCase(unittest.TestCase):
    maxDiff = 3000

    def same(self, work, *args):
        """Compares the outcomes with and without libpb, and returns the outcome."""
        plain = outcome(work, *args)
        self.assertEqual(on_libpb(outcome, work, *args), plain)
        return plain

    def same_raised(self, text, work, *args):
        self.assertIn(text, self.same(work, *args))

    def same_returned(self, work, *args):
        self.assertNotIn("raised", self.same(work, *args)[:6])


def seeds(kind):
    """The seeds of the fuzz targets."""
    folder = os.path.join(TREE, "libpb", "fuzz", "seeds", kind)
    for path in sorted(glob.glob(os.path.join(folder, "*"))):
        with open(path, "rb") as f:
            yield f.read()


def captures(pattern="*-py3"):
    """(name, rows) of each capture of a scenario or vector."""
    folder = os.path.join(TREE, "interop-tests", "captures", pattern, "*.jsonl.gz")
    for path in sorted(glob.glob(folder)):
        with gzip.open(path, "rt") as f:
            yield path, [json.loads(line) for line in f]


def mutated(rnd, data):
    """The bytes with some random changes."""
    data = bytearray(data)
    for _ in range(rnd.randint(1, 4)):
        at = rnd.randrange(len(data) + 1)
        what = rnd.randrange(5)
        if what == 0 and at < len(data):
            data[at] ^= 1 << rnd.randrange(8)
        elif what == 1:
            byte = rnd.choice((0, 1, 2, 3, 0x7f, *range(0x80, 0x89), 0xff))
            data[at:at] = bytes([byte])
        elif what == 2:
            del data[at:at + rnd.randint(1, 4)]
        elif what == 3 and at < len(data):
            data[at] = rnd.randrange(0x80, 0x88)
        else:
            end = at + rnd.randint(1, 12)
            data[at:at] = data[at:end]
    return bytes(data)


def graph(rnd, size=12, leaves=None):
    """A random object of built-in types, with shared and cyclic references."""
    made = []

    def leaf():
        return rnd.choice((
            None, True, False, 0, 1, -1, rnd.getrandbits(31), -rnd.getrandbits(70),
            rnd.getrandbits(40), 0.5, -1e300, "", "list", "h\u00e9 \u4e16", "x" * 200,
            b"", b"list", b"None", b"\x00\xff", *(leaves or ())))

    def node(depth):
        if made and rnd.random() < 0.2:
            return rnd.choice(made)
        kind = rnd.randrange(8) if depth < 5 else 7
        n = rnd.randrange(size // 3 + 1)
        if kind in (0, 1):
            made.append([])
            which = made[-1]
            which.extend(node(depth + 1) for _ in range(n))
            return which
        if kind == 2:
            which = {}
            made.append(which)
            for _ in range(n):
                key = leaf() if rnd.random() < 0.8 else (leaf(), leaf())
                which[key] = node(depth + 1)
            return which
        if kind == 3:
            made.append(tuple(node(depth + 1) for _ in range(n)))
            return made[-1]
        if kind == 4:
            made.append({leaf() for _ in range(n)})
            return made[-1]
        if kind == 5:
            made.append(frozenset((leaf(), leaf()) for _ in range(n)))
            return made[-1]
        return leaf()

    return node(0)


def random_of(name):
    return random.Random(name)
