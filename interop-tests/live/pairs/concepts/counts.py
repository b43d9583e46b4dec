# SPDX-License-Identifier: MIT
"""Reference counts, on both sides: one object sent several times, sent back to its owner,
released early and late; and a broker's reaction to too many references."""

from twisted.internet import defer
from twisted.spread import pb

from pairs import pair
from peers import peer


class Counts(pb.Root):
    def __init__(self):
        self.printer, self.kept = pair.Printer("the server's"), []

    def remote_twice(self):
        return [self.printer, (self.printer,), {"again": self.printer}]

    def remote_fresh(self, count):
        return [pair.Printer("fresh") for _ in range(count)]

    def remote_mine(self, *values):
        """How many of these are the server's own object."""
        return sum(value is self.printer for value in values)

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

    def remote_counts(self):
        return peer.counts(self.broker)

    def rootObject(self, broker):
        self.broker = broker
        return self


def counts(factory):
    root = yield factory.getRootObject()

    # References of the client to objects of the server.
    twice = yield root.callRemote("twice")
    print("one object:", twice[0] == twice[1][0] == twice[2]["again"])
    yield pair.print_server_counts(root, "the server keeps")
    values = twice[0], twice[2]["again"], root
    yield pair.print_result("mine", root.callRemote("mine", *values))
    del values
    again = yield root.callRemote("twice")
    print("and again:", again[0] == twice[0])
    del twice
    yield pair.print_server_counts(root, "the server keeps")
    yield pair.print_result("tell", again[0].callRemote("tell", 1))
    del again
    yield pair.print_server_counts(root, "the server keeps")
    fresh = yield root.callRemote("fresh", 5)
    print("equal:", fresh[0] == fresh[1])
    yield pair.print_server_counts(root, "the server keeps")
    del fresh
    yield pair.print_server_counts(root, "the server keeps")

    # References of the server to an object of the client.
    mine = pair.Printer("the client's")
    yield pair.print_result("keep", root.callRemote("keep", [mine, mine]))
    yield pair.print_result("call all", root.callRemote("call_all"))
    yield pair.print_result("keep", root.callRemote("keep", [mine]))
    back = yield root.callRemote("back")
    print("sent back:", [value is mine for value in back])
    print("the client keeps", peer.counts(root.broker))
    yield root.callRemote("drop")
    yield pair.print_server_counts(root, "the server keeps")


def too_many(factory):
    """Twisted allows 1025 references, the root included. Each further one is an error
    until the peer releases one."""
    root = yield factory.getRootObject()
    printers = [pair.Printer("x") for _ in range(1000)]
    yield pair.print_result("keep", root.callRemote("keep", printers))
    del printers
    fresh = yield root.callRemote("fresh", 1000)
    print("fresh:", len(fresh))
    more = yield root.callRemote("fresh", 24)
    yield pair.print_result("one more", root.callRemote("fresh", 1))
    more.pop()
    yield pair.print_result("one instead", root.callRemote("mine"))
    more += yield root.callRemote("fresh", 1)
    print("more:", len(more))
    yield pair.print_server_counts(root, "counts")
    del fresh, more
    yield root.callRemote("drop")
    yield pair.print_server_counts(root, "counts")


def gone_for_good(factory):
    """The fourth reference above the limit closes the connection."""
    root = yield factory.getRootObject()
    fresh = yield root.callRemote("fresh", 1024)
    for _ in range(3):
        yield pair.print_result("one more", root.callRemote("fresh", 1))
    root.callRemote("fresh", 1).addErrback(lambda f: None)
    yield pair.closed(root)
    del fresh


pair.main({
    "counts": (lambda: peer.serve(Counts()), counts),
    "too-many": (lambda: peer.serve(Counts()), too_many),
    "gone": (lambda: peer.serve(Counts()), gone_for_good),
})
