# SPDX-License-Identifier: MIT
"""Reads random bytes and expressions with libpb.jelly: test_fuzz.py [SECONDS [SEED]].
Whatever they are, what comes is a value or a libpb.Error; and a value that can be written
is the same when it is read again. Prints the input of the first that is neither."""
import sys
import time

import libpb
from compared import graph, mutated, random_of, seeds, shape
from libpb import banana, jelly

SECONDS = 3
MOST_KEPT = 2000  # inputs that were read, to be changed again
MOST_BYTES = 4096


@libpb.copyable("tests.Pair")
class Pair:
    def __init__(self, left=None, right=None):
        self.left, self.right = left, right


HEADS = (b"list", b"tuple", b"dictionary", b"set", b"frozenset", b"reference",
         b"dereference", b"unicode", b"None", b"boolean", b"datetime", b"date", b"time",
         b"timedelta", b"decimal", b"instance", b"class", b"module", b"function",
         b"method", b"persistent", b"unpersistable", b"tests.Pair", b"", b"other")


class Fuzzer:
    def __init__(self, seed):
        self.rnd = random_of(seed)
        self.inputs = [*seeds("jelly"), *seeds("banana"), *seeds("session")]
        self.inputs += [jelly.dumps(graph(self.rnd)) for _ in range(50)]
        self.inputs.append(jelly.dumps([Pair(1, [Pair()]), Pair("a", b"b")]))
        self.began = len(self.inputs)
        self.read = self.refused = self.again = 0

    def taster(self):
        """None mostly, or one that allows some of the types."""
        if self.rnd.random() < 0.7:
            return None
        taster = jelly.Taster()
        if self.rnd.random() < 0.5:
            taster.allow_instances_of(Pair)
        taster.allow_types(*self.rnd.sample(HEADS, 3))
        return taster

    def keep(self, data):
        """Keeps an input that was read, in place of a random one once there are many."""
        if len(data) > MOST_BYTES:
            return
        if len(self.inputs) < MOST_KEPT:
            self.inputs.append(data)
        else:
            self.inputs[self.rnd.randrange(self.began, MOST_KEPT)] = data

    def check_again(self, value, dialect):
        """Writes a value, and compares it with what is read from that."""
        try:
            written = jelly.dumps(value, dialect)
        except libpb.Error:
            return
        twice = jelly.loads(written, dialect)
        if shape(twice) != shape(value):
            raise AssertionError(f"{value!r} comes back as {twice!r}")
        self.again += 1

    def read_bytes(self, data):
        dialect = self.rnd.choice(("pb", "none"))
        try:
            value = jelly.loads(data, dialect, taster=self.taster())
        except libpb.Error:
            self.refused += 1
            return
        self.read += 1
        self.keep(data)
        self.check_again(value, dialect)

    def changed(self, expression, depth=0):
        """An expression with some members replaced."""
        rnd = self.rnd
        if rnd.random() < 0.08:
            return rnd.choice((0, 1, -1, 2**31, -2**70, 0.5, b"\xff", [], None, "text",
                               {}, rnd.choice(HEADS), expression))
        if not isinstance(expression, list) or depth > 50:
            return expression
        members = [self.changed(m, depth + 1) for m in expression]
        if rnd.random() < 0.05:
            members.insert(0, rnd.choice(HEADS))
        return members

    def read_expression(self, data):
        try:
            expression = self.changed(banana.decode(data, "pb"))
            value = jelly.unjelly(expression, self.taster())
        except (libpb.Error, TypeError):  # a TypeError for no expression
            self.refused += 1
            return
        self.read += 1
        self.check_again(value, "pb")

    def run(self, seconds):
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at:
            data = mutated(self.rnd, self.rnd.choice(self.inputs))
            try:
                self.read_bytes(data)
                self.read_expression(data)
            except BaseException:
                print(f"input {data!r}", file=sys.stderr)
                raise


def main(seconds=SECONDS, seed="fuzz"):
    print(f"seed {seed}", flush=True)
    fuzzer = Fuzzer(seed)
    fuzzer.run(float(seconds))
    print(f"{fuzzer.read} read, {fuzzer.refused} refused, {fuzzer.again} the same again, "
          f"{len(fuzzer.inputs) - fuzzer.began} kept")
    if not (fuzzer.read and fuzzer.refused and fuzzer.again):
        sys.exit("nothing was tried")


main(*sys.argv[1:])
