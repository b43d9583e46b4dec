# SPDX-License-Identifier: MIT
"""What Twisted's programs share: how they listen, connect, and show a broker's tables."""

import gc
import sys

from twisted.internet import endpoints, reactor
from twisted.python import log
from twisted.spread import pb


def tables(broker):
    """What a broker still keeps, but for what it was given by name."""
    gc.collect()
    objects = [luid for luid in broker.localObjects if isinstance(luid, int)]
    return (f"{len(objects)} objects, {len(broker.luids)} ids, "
            f"{len(broker.waitingForAnswers)} waiting calls")


class WatchedBroker(pb.Broker):
    """Tells what it still keeps when its connection ends."""

    def connectionLost(self, reason):
        print("connection closed, still kept:", tables(self))
        pb.Broker.connectionLost(self, reason)


def serve(root, **options):
    """Serves root at the endpoint on the command line, until a signal comes."""
    log.startLogging(sys.stderr, setStdout=False)
    factory = pb.PBServerFactory(root, **options)
    factory.protocol = WatchedBroker

    def listening(port):
        host = port.getHost()
        where = f"tcp:{host.port}" if hasattr(host, "port") else sys.argv[1]
        print("listening on", where)

    endpoint = endpoints.serverFromString(reactor, sys.argv[1])
    endpoint.listen(factory).addCallbacks(listening, stop)
    reactor.run()


def connect():
    """The factory of a client of the endpoint on the command line. The program goes on in
    reactor.run()."""
    factory = pb.PBClientFactory()
    endpoint = endpoints.clientFromString(reactor, sys.argv[1])
    endpoint.connect(factory).addErrback(stop)
    return factory


def stop(why=None):
    """Ends the program, and says why."""
    if why is not None:
        print("stopped by", getattr(why, "value", why))
    if reactor.running:
        reactor.stop()
