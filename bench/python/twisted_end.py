# SPDX-License-Identifier: MIT
"""One end of cpu.py under Twisted: `twisted_end.py serve`, or `call PORT [CASE]...`."""
import sys

from cases import OUTSTANDING, chosen, cpu, report
from twisted.internet import defer, endpoints, protocol, reactor, stdio, task
from twisted.spread import pb


class Item(pb.Copyable, pb.RemoteCopy):
    def __init__(self, number):
        self.number, self.name, self.parts = number, "item", [1, 2, 3]


class Stock(pb.Cacheable):
    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observer = observer
        return {"count": 0}

    def stoppedObserving(self, perspective, observer):
        pass


class Shown(pb.RemoteCache):
    def observe_count(self, count):
        self.count = count


# Both ends have the same names, wherever they run.
Item.getTypeToCopy = lambda self: b"bench.Item"
Stock.getTypeToCopyFor = lambda self, perspective: b"bench.Stock"
pb.setUnjellyableForClass("bench.Item", Item)
pb.setUnjellyableForClass("bench.Stock", Shown)


class Root(pb.Root):
    stock, thing = Stock(), pb.Referenceable()

    def remote_echo(self, x):
        return x

    def remote_copy(self, n):
        return [Item(i) for i in range(n)]

    def remote_fail(self):
        raise pb.Error("no")

    def remote_reference(self):
        return self.thing

    def remote_stock(self):
        return self.stock

    def remote_update(self):
        return self.stock.observer.callRemote("count", 1)

    def remote_cpu(self):
        return cpu()


class Stop(protocol.Protocol):
    def connectionLost(self, reason):
        reactor.stop()


@defer.inlineCallbacks
def call(reactor, port):
    factory = pb.PBClientFactory()
    yield endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    root = yield factory.getRootObject()
    stock = yield root.callRemote("stock")
    for name, method, args, calls in chosen():
        for _ in range(2):  # the first time warms up
            theirs, own = (yield root.callRemote("cpu")), cpu()
            for _ in range(calls // OUTSTANDING):
                yield defer.DeferredList(
                    [root.callRemote(method, *args).addErrback(lambda f: f.value)
                     for _ in range(OUTSTANDING)])
            own = cpu() - own
            theirs = (yield root.callRemote("cpu")) - theirs
        report(name, own, theirs, calls // OUTSTANDING * OUTSTANDING)
    del stock
    factory.disconnect()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        port = reactor.listenTCP(0, pb.PBServerFactory(Root()), interface="127.0.0.1")
        print(port.getHost().port, flush=True)
        stdio.StandardIO(Stop())
        reactor.run()
    else:
        task.react(call, [int(sys.argv[2])])
