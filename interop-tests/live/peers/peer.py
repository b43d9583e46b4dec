# SPDX-License-Identifier: MIT
"""The functions that Twisted's programs share: they listen, connect, and count the
entries in a broker's tables."""

import gc
import sys

from twisted.internet import endpoints, reactor
from twisted.python import log
from twisted.spread import pb


def counts(broker):
    """How many objects, references and calls a broker holds, counted as
    pb_session_get_stats does: our objects that the peer has references to (without those
    published under names), references to the peer's objects, our cacheables that the peer
    has caches of, caches of the peer's cacheables, and calls without an answer yet."""
    gc.collect()
    objects = [luid for luid in broker.localObjects if isinstance(luid, int)]
    held = [o for o in gc.get_objects() if isinstance(o, pb.RemoteReference)
            and o.broker is broker and o.doRefCount]
    text = (f"{len(objects)} exported, {len(held)} held, "
            f"{len(broker.remotelyCachedObjects)} cached, "
            f"{len(broker.locallyCachedObjects)} caches, "
            f"{len(broker.waitingForAnswers)} pending")
    if len(broker.luids) != len(objects):
        text += f", but {len(broker.luids)} ids of objects"
    if len(broker.remotelyCachedLUIDs) != len(broker.remotelyCachedObjects):
        text += f", but {len(broker.remotelyCachedLUIDs)} ids of caches"
    return text


class WatchedBroker(pb.Broker):
    """Prints its counts when its connection is closed."""

    def connectionLost(self, reason):
        print("connection closed, still kept:", counts(self))
        pb.Broker.connectionLost(self, reason)


def serve(root, protocol=WatchedBroker, **options):
    """Serves root at the endpoint on the command line, until a signal arrives."""
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
    """The factory of a client that connects to the endpoint on the command line once
    reactor.run() is called."""
    factory = pb.PBClientFactory()
    endpoint = endpoints.clientFromString(reactor, sys.argv[1])
    endpoint.connect(factory).addErrback(stop)
    return factory


def stop(reason=None):
    """Stops the reactor, and prints the reason."""
    if reason is not None:
        print("stopped by", getattr(reason, "value", reason))
    if reactor.running:
        reactor.stop()
