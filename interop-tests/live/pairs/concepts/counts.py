# SPDX-License-Identifier: MIT
"""Counts of references: one object in many places, sent home, dropped early and late, by
both sides; and what a broker does when there are too many."""

from twisted.internet import defer
from twisted.spread import pb

from pairs import pair
from pairs.pair import say
from peers import peer


class Counts(pb.Root):
    def __init__(self):
        self.told, self.kept = pair.Told("the server's"), []

    def remote_twice(self):
        return [self.told, (self.told,), {"again": self.told}]

    def remote_fresh(self, count):
        return [pair.Told("fresh") for _ in range(count)]

    def remote_mine(self, *values):
        """How many of these are the server's own object."""
        return sum(value is self.told for value in values)

    def remote_keep(self, values):
        self.kept += values
        return len(self.kept)

    def remote_drop(self):
        self.kept = []

    def remote_call_all(self):
        calls = [kept.callRemote("tell", n) for n, kept in enumerate(self.kept)]
        return defer.gatherResults(calls)

    def remote_back(self):
        return list(self.kept)

    def remote_tables(self, broker=None):
        return peer.tables(self.broker)

    def rootObject(self, broker):
        self.broker = broker
        return self


def counts(factory):
    root = yield factory.getRootObject()
    tables = lambda: pair.tell("the server keeps", root.callRemote("tables"))

    # theirs, held here
    twice = yield root.callRemote("twice")
    say("one object:", twice[0] == twice[1][0] == twice[2]["again"])
    yield tables()
    yield pair.tell("mine", root.callRemote("mine", twice[0], twice[2]["again"], root))
    again = yield root.callRemote("twice")
    say("and again:", again[0] == twice[0])
    del twice
    yield tables()
    yield pair.tell("tell", again[0].callRemote("tell", 1))
    del again
    yield tables()
    fresh = yield root.callRemote("fresh", 5)
    say("alike:", fresh[0] == fresh[1])
    yield tables()
    del fresh
    yield tables()

    # ours, held there
    mine = pair.Told("the client's")
    yield pair.tell("keep", root.callRemote("keep", [mine, mine]))
    yield pair.tell("call all", root.callRemote("call_all"))
    yield pair.tell("keep", root.callRemote("keep", [mine]))
    back = yield root.callRemote("back")
    say("came home:", [value is mine for value in back])
    say("the client keeps", peer.tables(root.broker))
    yield root.callRemote("drop")
    yield tables()


def too_many(factory):
    """Twisted lets 1025 through, for it counts the root too: one more is an error, and so
    again until something is given back."""
    root = yield factory.getRootObject()
    yield pair.tell("keep", root.callRemote("keep", [pair.Told("x") for _ in range(1000)]))
    fresh = yield root.callRemote("fresh", 1000)
    say("fresh:", len(fresh))
    more = yield root.callRemote("fresh", 24)
    yield pair.tell("one more", root.callRemote("fresh", 1))
    more.pop()
    yield pair.tell("one instead", root.callRemote("mine"))
    more += yield root.callRemote("fresh", 1)
    say("more:", len(more))
    yield pair.tell("tables", root.callRemote("tables"))
    del fresh, more
    yield root.callRemote("drop")
    yield pair.tell("tables", root.callRemote("tables"))


def gone_for_good(factory):
    """The fourth reference too many ends the connection."""
    root = yield factory.getRootObject()
    fresh = yield root.callRemote("fresh", 1024)
    for _ in range(3):
        yield pair.tell("one more", root.callRemote("fresh", 1))
    root.callRemote("fresh", 1).addErrback(lambda f: None)
    yield pair.gone(root)
    del fresh


pair.main({
    "counts": (lambda: peer.serve(Counts()), counts),
    "too-many": (lambda: peer.serve(Counts()), too_many),
    "gone": (lambda: peer.serve(Counts()), gone_for_good),
})
