# SPDX-License-Identifier: MIT
"""A Twisted client that is controlled by lines on its standard input. METHOD LITERAL...
calls a method of the root, and prints the answer; "keep" before METHOD keeps the answer
as well. "drop" releases all kept answers. "counts" prints the counts of the broker."""

import gc

from twisted.internet import defer, reactor, stdio
from twisted.protocols import basic
from twisted.spread import pb

import values
from peers import peer


class Mine(pb.Referenceable):
    """The object that literals refer to as "mine"."""


class Lines(basic.LineReceiver):
    delimiter = b"\n"

    def __init__(self, root):
        self.root, self.mine, self.kept = root, Mine(), []

    def connectionMade(self):
        self.root.notifyOnDisconnect(lambda _: print("lost"))
        print("ready")

    def lineReceived(self, line):
        self.answer(line)  # the next line may be read before this Deferred fires

    @defer.inlineCallbacks
    def answer(self, line):
        method, *words = line.decode().split()
        if method == "counts":
            print(peer.counts(self.root.broker))
            return
        if method == "drop":
            self.kept = []
            gc.collect()
            print("dropped")
            return
        keep = method == "keep"
        if keep:
            method, *words = words
        args = [values.parse(word, mine=self.mine) for word in words]
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
