"""A server of Twisted's for check-twisted: answers and failures of every shape."""

import asyncio
import sys

from twisted.internet import defer, reactor
from twisted.spread import pb


class Point(pb.Copyable):
    def __init__(self):
        self.x = 3


class Pond(pb.Cacheable):
    def getStateToCacheAndObserveFor(self, perspective, observer):
        return {"ducks": ["Donald"]}

    def stoppedObserving(self, perspective, observer):
        pass


class Local(BaseException):
    pass


FAILURES = {
    "exit": SystemExit("bye"),
    "cancel": asyncio.CancelledError("later"),
    "deferred": defer.CancelledError("never"),
    "interrupt": KeyboardInterrupt(),
    "local": Local("\u0394"),
    "evil": ValueError("a\npb: \x1b[31m\x9b\u202e"),
}


class Root(pb.Root):
    def remote_fail(self, name):
        raise FAILURES[name]

    def remote_point(self):
        return Point()

    def remote_pond(self):
        return Pond()

    def remote_class(self):
        return ValueError

    def remote_echo(self, *args, **kwargs):
        return args[0] if args else kwargs


def main():
    factory = pb.PBServerFactory(Root(), unsafeTracebacks=True)
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.callLater(float(sys.argv[1]), reactor.stop)
    reactor.run()


main()
