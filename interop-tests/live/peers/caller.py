# SPDX-License-Identifier: MIT
"""A Twisted client on strings: each line that it reads is METHOD LITERAL..., called on
the root, or "tables" for what its broker keeps. It prints what the answer is. "keep"
before METHOD keeps the answer, "drop" gives up all that was kept."""

import gc

from twisted.internet import defer, reactor, stdio
from twisted.protocols import basic
from twisted.spread import pb

import values
from peers import peer


class Mine(pb.Referenceable):
    """Stands in literals as "mine"."""


class Lines(basic.LineReceiver):
    delimiter = b"\n"

    def __init__(self, root):
        self.root, self.mine, self.kept = root, Mine(), []

    def connectionMade(self):
        self.root.notifyOnDisconnect(lambda _: print("lost"))
        print("ready")

    def lineReceived(self, line):
        self.answer(line)  # whose Deferred is no reason to stop reading

    @defer.inlineCallbacks
    def answer(self, line):
        method, *words = line.decode().split()
        if method == "tables":
            print(peer.tables(self.root.broker))
            return
        if method == "drop":
            self.kept = []
            gc.collect()
            print("dropped")
            return
        keep = method == "keep"
        if keep:
            method, *words = words
        args = [values.of(word, mine=self.mine) for word in words]
        try:
            answer = yield self.root.callRemote(method, *args)
        except pb.RemoteError as e:
            print("failed", e.remoteType.decode(), e.args[0])
            return
        except Exception as e:
            print("failed", type(e).__name__)
            return
        if keep:
            self.kept.append(answer)
        print("mine" if answer is self.mine else
              "reference" if isinstance(answer, pb.RemoteReference) else repr(answer))

    def connectionLost(self, reason):
        peer.stop()


connecting = peer.connect().getRootObject()
connecting.addCallbacks(lambda root: stdio.StandardIO(Lines(root)), peer.stop)
reactor.run()
