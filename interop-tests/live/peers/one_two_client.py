# SPDX-License-Identifier: MIT
"""The client of the example: asks the root for a Two, calls it, and sends it back."""

from twisted.internet import defer, reactor

from peers import peer


@defer.inlineCallbacks
def run(factory):
    root = yield factory.getRootObject()
    two = yield root.callRemote("getTwo")
    print("getTwo() answered", type(two).__name__)
    three = yield two.callRemote("three", 12)
    print("three(12) answered", three)
    same = yield root.callRemote("checkTwo", two)
    print("checkTwo(two) answered", same)


run(peer.connect()).addBoth(peer.stop)
reactor.run()
