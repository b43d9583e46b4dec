# SPDX-License-Identifier: MIT
"""What Twisted's sides of the pairs share. A pair is a conversation of two programs which
both are there in Python and in C (see pair.h), and print the same whoever the other is. A
script runs as SCRIPT ENDPOINT NAME server|client."""

import sys

from twisted.internet import defer, reactor, task
from twisted.spread import pb

from peers import peer

say = print


class Told(pb.Referenceable):
    """Has a name, and says what it is told."""

    def __init__(self, name):
        self.name = name

    def remote_tell(self, *args):
        say(self.name, "was told", shown(args))
        return f"{self.name} heard it"


def shown(value):
    """As repr, but alike in every run and in both languages."""
    if isinstance(value, pb.RemoteReference):
        return "a reference"
    if isinstance(value, (pb.Referenceable, pb.RemoteCopy)):
        return "a " + type(value).__name__
    for kind, opening, closing in (list, "[", "]"), (tuple, "(", ")"):
        if type(value) is kind:
            comma = "," if kind is tuple and len(value) == 1 else ""
            return opening + ", ".join(map(shown, value)) + comma + closing
    if type(value) is dict:
        return "{" + ", ".join(f"{shown(k)}: {shown(v)}" for k, v in value.items()) + "}"
    return repr(value)


def told(failure):
    """The class and the text of a failure."""
    name = failure.type
    if isinstance(name, type):
        name = f"{name.__module__}.{name.__qualname__}"
    elif isinstance(name, bytes):
        name = name.decode()
    return f"{name}: {failure.value}"


def tell(what, calling):
    """Says how a call ends."""
    return calling.addCallbacks(lambda answer: say(what, "answered", shown(answer)),
                                lambda failure: say(what, "failed:", told(failure)))


def gone(root):
    """Waits until the connection has gone."""
    if root.broker.disconnected:
        return defer.succeed(None)
    waiting = defer.Deferred()
    root.notifyOnDisconnect(waiting.callback)
    return waiting


def shut_down(root):
    """Tells the server to end, and waits until it has gone. Whether it answers before is
    a matter of luck."""
    root.callRemote("shutdown").addErrback(lambda f: f.trap(pb.PBConnectionLost))
    return gone(root)


@defer.inlineCallbacks
def _converse(client, factory):
    broker = (yield factory.getRootObject()).broker
    yield client(factory)
    # C gives back what came with a call behind the answer to it.
    yield task.deferLater(reactor, 0.02)
    say("still kept:", "all is gone" if broker.disconnected else peer.tables(broker))
    if not broker.disconnected:
        factory.disconnect()
        yield gone(broker.factory._root)


def main(pairs):
    """pairs: by name, what serves (until it is told to stop), and a generator that gets
    the client's factory."""
    server, client = pairs[sys.argv[2]]
    if sys.argv[3] == "server":
        server()
    else:
        converse = _converse(defer.inlineCallbacks(client), peer.connect())
        converse.addBoth(peer.stop)
        reactor.run()
