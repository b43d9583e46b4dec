#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Compares the bytes that Twisted and libpb write for random object graphs.

    differential.py PROGRAM [--graphs N] [--seed SEED]

PROGRAM is roundtrip, which runs libpb. For each graph:

- Twisted jellies it and encodes it in banana; so does libpb, from the same graph: the
  bytes have to be equal, or both have to fail.
- Twisted decodes its bytes, and encodes the result; so does libpb: the bytes have to be
  equal again. Where Twisted cannot decode its own bytes, libpb has to fail too, or write
  the same bytes again.

Prints the seed; after a difference, the smallest graph found that differs in the same
way."""

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


class Transport:
    """Collects the data that banana writes."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


class Reader(banana.Banana):
    def expressionReceived(self, expression):
        self.expression = expression


def connected_banana(cls):
    """A banana.Banana, or an object of a subclass, that has negotiated the dialect."""
    b = cls(isClient=1)
    b.transport = Transport()
    b.connectionMade()
    b._selectDialect(b"pb")
    return b


WRITER = connected_banana(banana.Banana)


class OrderedSet:
    """A set that keeps its order. It replaces set while Twisted decodes and encodes
    again, because a set that Python builds has no defined order."""

    def __init__(self, items):
        self.items = dict.fromkeys(items)

    def __iter__(self):
        return iter(self.items)

    __hash__ = None


class OrderedFrozenset(OrderedSet):
    def __eq__(self, other):
        return (type(other) is OrderedFrozenset
                and self.items.keys() == other.items.keys())

    def __hash__(self):
        return hash(frozenset(self.items))


# Twisted writes these names where it leaves a reference of a cycle unresolved.
OrderedSet.__module__ = OrderedFrozenset.__module__ = "builtins"
OrderedSet.__name__, OrderedFrozenset.__name__ = "set", "frozenset"


def encode(o):
    """The bytes that Twisted writes for an object."""
    WRITER.transport.data = b""
    WRITER.sendEncoded(jelly.jelly(o))
    return WRITER.transport.data


def reencode(data):
    """The bytes that Twisted writes for the object that it decodes from these."""
    names = jelly.jelly.__globals__
    names["set"], names["frozenset"] = OrderedSet, OrderedFrozenset
    try:
        reader = connected_banana(Reader)
        reader.dataReceived(data)
        return encode(jelly.unjelly(reader.expression))
    finally:
        del names["set"], names["frozenset"]


def attempt(f, *args):
    """The result and None, or None and the exception."""
    try:
        return f(*args), None
    except Exception as e:
        return None, e


class Libpb:
    """The program roundtrip, whose input and output are described in roundtrip.c."""

    def __init__(self, program):
        version = ".".join(str(n) for n in sys.version_info[:2])
        profile = f"{twisted.__version__}-py{version}"
        self.process = subprocess.Popen([program, profile], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def _read_result(self):
        head = self.process.stdout.read(5)
        if len(head) < 5:
            sys.exit("roundtrip has ended")
        good, length = struct.unpack("<BI", head)
        data = self.process.stdout.read(length)
        return (data, None) if good else (None, data.decode())

    def run(self, description, data):
        """The results of encoding the described object and of re-encoding the data, each
        as bytes and error, of which one is None."""
        text = json.dumps(description).encode()
        self.process.stdin.write(struct.pack("<I", len(text)) + text +
                                 struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        return self._read_result(), self._read_result()


class Checker:
    def __init__(self, program):
        self.libpb = Libpb(program)
        self.rejected = self.unreadable = 0

    def check(self, o):
        """None, or the kind of the difference and two details to print."""
        description = graphs.describe(o, {})
        data, error = attempt(encode, o)
        encoded, reencoded = self.libpb.run(description, data or b"")
        if error:
            self.rejected += 1
            return None if encoded[1] else ("only libpb encodes it", error,
                                            encoded[0].hex())
        if encoded[1]:
            return ("only Twisted encodes it", encoded[1], data.hex())
        if encoded[0] != data:
            return ("encoded differently", data.hex(), encoded[0].hex())
        return self._check_reencoded(data, *reencoded)

    def _check_reencoded(self, data, ours, our_error):
        theirs, error = attempt(reencode, data)
        if error:
            self.unreadable += 1
            if our_error or ours == data:
                return None
            return ("decoded differently, where Twisted fails", data.hex(), ours.hex())
        if our_error:
            return ("only Twisted decodes it", our_error, data.hex())
        if ours != theirs:
            return ("decoded differently", theirs.hex(), ours.hex())
        return None


def shrink(checker, recorded, kind):
    """Removes choices, or sets them to 0, as long as the graph differs in the same
    way."""

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
            zeros = [0] * min(size, len(recorded) - at)
            zeroed = recorded[:at] + zeros + recorded[at + size:]
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
    parser.add_argument("--seed", type=int,
                        default=int(os.environ.get("SEED", time.time())))
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
    print(f"{options.graphs} graphs without a difference; {checker.rejected} that both "
          f"reject, {checker.unreadable} that Twisted cannot decode")
    return 0


if __name__ == "__main__":
    if "PYTHONHASHSEED" not in os.environ:  # it determines the order of sets
        os.execve(sys.executable, [sys.executable, "-B", *sys.argv],
                  {**os.environ, "PYTHONHASHSEED": "0"})
    sys.exit(main())
