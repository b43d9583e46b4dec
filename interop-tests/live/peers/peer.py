# SPDX-License-Identifier: MIT
"""What Twisted's programs share: how they listen, connect, and show a broker's tables."""

import gc
import sys

from twisted.internet import endpoints, reactor
from twisted.python import log
from twisted.spread import pb


def tables(broker):
    """What a broker still keeps, counted as pb_session_get_stats counts: objects that the
    peer holds (not those given by name), references to the peer's, caches of ours that it
    has, caches of its that we have, and calls that wait."""
    gc.collect()
    objects = [luid for luid in broker.localObjects if isinstance(luid, int)]
    held = [o for o in gc.get_objects() if isinstance(o, pb.RemoteReference)
            and o.broker is broker and o.doRefCount]
    kept = (f"{len(objects)} exported, {len(held)} held, "
            f"{len(broker.remotelyCachedObjects)} cached, "
            f"{len(broker.locallyCachedObjects)} caches, "
            f"{len(broker.waitingForAnswers)} pending")
    if len(broker.luids) != len(objects):
        kept += f", but {len(broker.luids)} ids of objects"
    if len(broker.remotelyCachedLUIDs) != len(broker.remotelyCachedObjects):
        kept += f", but {len(broker.remotelyCachedLUIDs)} ids of caches"
    return kept


class WatchedBroker(pb.Broker):
    """Tells what it still keeps when its connection ends."""

    def connectionLost(self, reason):
        print("connection closed, still kept:", tables(self))
        pb.Broker.connectionLost(self, reason)


def serve(root, protocol=WatchedBroker, **options):
    """Serves root at the endpoint on the command line, until a signal comes."""
    log.startLogging(sys.stderr, setStdout=False)
    factory = pb.PBServerFactory(root, **options)
    factory.protocol = protocol

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
