# SPDX-License-Identifier: MIT
"""Twisted's side of test_caches.py: `twisted_caches.py serve` or `twisted_caches.py call
PORT`."""
import gc
import sys

from twisted.internet import defer, endpoints, protocol, reactor, stdio, task
from twisted.spread import pb


class Stock(pb.Cacheable):
    def __init__(self):
        self.count, self.observers = 5, []

    def getTypeToCopyFor(self, perspective):
        return b"shop.Stock"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"count": self.count}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)


class Shown(pb.RemoteCache):
    def observe_count(self, count):
        self.count = count


pb.setUnjellyableForClass("shop.Stock", Shown)


class Root(pb.Root):
    stock = Stock()

    def remote_get(self, times):
        return [self.stock] * times

    def remote_is_stock(self, it):
        return it is self.stock

    @defer.inlineCallbacks
    def remote_sell(self):
        self.stock.count -= 1
        for observer in self.stock.observers:
            yield observer.callRemote("count", self.stock.count)

    def remote_observers(self):
        return len(self.stock.observers)


class Stop(protocol.Protocol):
    def connectionLost(self, reason):
        reactor.stop()


def expect(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


@defer.inlineCallbacks
def call(reactor, port):
    factory = pb.PBClientFactory()
    yield endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    root = yield factory.getRootObject()
    one, two = yield root.callRemote("get", 2)
    expect((one.count, one == two), (5, True))
    yield root.callRemote("sell")
    expect((one.count, two.count), (4, 4))
    expect((yield root.callRemote("is_stock", one)), True)
    expect((yield root.callRemote("observers")), 1)
    del one
    gc.collect()
    yield root.callRemote("sell")
    expect(two.count, 3)
    expect((yield root.callRemote("observers")), 1)
    del two
    gc.collect()
    yield root.callRemote("sell")
    expect((yield root.callRemote("observers")), 0)
    last = yield root.callRemote("get", 1)
    expect(last[0].count, 2)
    factory.disconnect()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        port = reactor.listenTCP(0, pb.PBServerFactory(Root()), interface="127.0.0.1")
        print(port.getHost().port, flush=True)
        stdio.StandardIO(Stop())
        reactor.run()
    else:
        task.react(call, [int(sys.argv[2])])
