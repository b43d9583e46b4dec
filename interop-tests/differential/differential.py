#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Random object graphs through Twisted and through libpb, byte for byte.

    differential.py PROGRAM [--graphs N] [--seed SEED]

PROGRAM is roundtrip, which does libpb's part. For each graph:

- Twisted jellies it and writes it in banana; so does libpb, from the same graph: the
  bytes must be the same, or both must refuse.
- Twisted reads its bytes, and writes what it got; so does libpb: the same again. Where
  Twisted cannot read its own bytes, libpb must refuse them too, or write what it read.

Prints the seed; on a failure the smallest graph found that fails in the same way.
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import time

import graphs
import twisted
from twisted.spread import banana, jelly


class Wire:
    """Where banana writes to."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


class Reader(banana.Banana):
    def expressionReceived(self, expression):
        self.expression = expression


def coder(kind):
    b = kind(isClient=1)
    b.transport = Wire()
    b.connectionMade()
    b._selectDialect(b"pb")
    return b


WRITER = coder(banana.Banana)


class Ordered:
    """A set that keeps its order: in place of set while Twisted reads and writes again,
    because the order of a set that Python builds anew is nobody's business."""

    def __init__(self, items):
        self.items = dict.fromkeys(items)

    def __iter__(self):
        return iter(self.items)

    __hash__ = None


class OrderedFrozen(Ordered):
    def __eq__(self, other):
        return type(other) is OrderedFrozen and self.items.keys() == other.items.keys()

    def __hash__(self):
        return hash(frozenset(self.items))


# By these names Twisted writes them, where it leaves a place of a cycle unfilled.
Ordered.__module__ = OrderedFrozen.__module__ = "builtins"
Ordered.__name__, OrderedFrozen.__name__ = "set", "frozenset"


def write(o):
    WRITER.transport.data = b""
    WRITER.sendEncoded(jelly.jelly(o))
    return WRITER.transport.data


def write_again(data):
    """What Twisted writes of what it reads."""
    names = jelly.jelly.__globals__
    names["set"], names["frozenset"] = Ordered, OrderedFrozen
    try:
        reader = coder(Reader)
        reader.dataReceived(data)
        return write(jelly.unjelly(reader.expression))
    finally:
        del names["set"], names["frozenset"]


def attempt(f, *args):
    """The result, or None and the exception."""
    try:
        return f(*args), None
    except Exception as e:
        return None, e


class Libpb:
    """The program that does libpb's part."""

    def __init__(self, program):
        version = ".".join(str(n) for n in sys.version_info[:2])
        profile = f"{twisted.__version__}-py{version}"
        self.process = subprocess.Popen([program, profile], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def take(self):
        head = self.process.stdout.read(5)
        if len(head) < 5:
            sys.exit("roundtrip has died")
        good, length = struct.unpack("<BI", head)
        data = self.process.stdout.read(length)
        return (data, None) if good else (None, data.decode())

    def run(self, description, data):
        text = json.dumps(description).encode()
        self.process.stdin.write(struct.pack("<I", len(text)) + text +
                                 struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        return self.take(), self.take()


class Checker:
    def __init__(self, program):
        self.libpb = Libpb(program)
        self.refused = self.stumbled = 0

    def check(self, o):
        """None, or what went wrong with a graph: its kind, then what there is to see."""
        description = graphs.describe(o, {})
        data, refused = attempt(write, o)
        (ours, our_refusal), (again, again_refusal) = self.libpb.run(description, data or b"")
        if refused:
            self.refused += 1
            return None if our_refusal else ("written", refused, ours.hex())
        if our_refusal:
            return ("refused", our_refusal, data.hex())
        if ours != data:
            return ("written otherwise", data.hex(), ours.hex())
        theirs, stumble = attempt(write_again, data)
        if stumble:
            self.stumbled += 1
            if again_refusal or again == data:
                return None
            return ("read otherwise, where Twisted cannot", data.hex(), again.hex())
        if again_refusal:
            return ("cannot be read", again_refusal, data.hex())
        if again != theirs:
            return ("read otherwise", theirs.hex(), again.hex())
        return None


def shrink(checker, recorded, kind):
    """Takes choices away, or makes them 0, as long as the graph fails in the same way."""

    def fails(choices):
        try:
            failure = checker.check(graphs.graph(graphs.Choices(recorded=choices)))
        except RecursionError:
            return False
        return failure is not None and failure[0] == kind

    size = len(recorded)
    while size:
        at = 0
        while at < len(recorded):
            without = recorded[:at] + recorded[at + size:]
            zeroed = recorded[:at] + [0] * min(size, len(recorded) - at) + recorded[at + size:]
            if fails(without):
                recorded = without
            elif zeroed != recorded and fails(zeroed):
                recorded = zeroed
                at += size
            else:
                at += size
        size //= 2
    return recorded


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--graphs", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", time.time())))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    checker = Checker(options.program)
    for i in range(options.graphs):
        choices = graphs.Choices(seed=f"{options.seed}/{i}")
        failure = checker.check(graphs.graph(choices))
        if failure:
            recorded = shrink(checker, choices.taken, failure[0])
            smallest = graphs.graph(graphs.Choices(recorded=recorded))
            failure = checker.check(smallest)
            print(f"graph {i} of seed {options.seed}: {failure[0]}")
            print("  graph ", json.dumps(graphs.describe(smallest, {})))
            print("  first ", failure[1])
            print("  second", failure[2])
            return 1
    print(f"{options.graphs} graphs the same; {checker.refused} refused by both, "
          f"{checker.stumbled} that Twisted cannot read back")
    return 0


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:  # the order of sets, as far as it is ours
        os.execve(sys.executable, [sys.executable, "-B", *sys.argv],
                  {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
