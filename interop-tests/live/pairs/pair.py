# SPDX-License-Identifier: MIT
"""The functions that Twisted's sides of the pairs share. A pair is a server and a client
that both exist in Python and in C (pair.h). Each side prints the same lines whatever the
language of the other side is. A script runs as SCRIPT ENDPOINT NAME server|client."""

import sys

from twisted.internet import defer, reactor, task
from twisted.spread import pb

from peers import peer


class Printer(pb.Referenceable):
    """Its method `tell` prints its arguments after the object's name."""

    def __init__(self, name):
        self.name = name

    def remote_tell(self, *args):
        print(self.name, "was told", value_text(args))
        return f"{self.name} heard it"


def value_text(value):
    """The value's repr, but the same in every run and in both languages: a reference or
    an object is described by its kind."""
    if isinstance(value, pb.RemoteReference):
        return "a reference"
    if isinstance(value, (pb.Referenceable, pb.RemoteCopy)):
        return "a " + type(value).__name__
    for kind, opening, closing in (list, "[", "]"), (tuple, "(", ")"):
        if type(value) is kind:
            comma = "," if kind is tuple and len(value) == 1 else ""
            return opening + ", ".join(map(value_text, value)) + comma + closing
    if type(value) is dict:
        pairs = (f"{value_text(k)}: {value_text(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    return repr(value)


def failure_text(failure):
    """The class and the text of a failure."""
    name = failure.type
    if isinstance(name, type):
        name = f"{name.__module__}.{name.__qualname__}"
    elif isinstance(name, bytes):
        name = name.decode()
    return f"{name}: {failure.value}"


def print_result(label, call):
    """Prints how a call ends, and returns its Deferred."""
    return call.addCallbacks(
        lambda answer: print(label, "answered", value_text(answer)),
        lambda failure: print(label, "failed:", failure_text(failure)))


def print_server_counts(root, label):
    """Prints the counts of the server's broker; the root has a method `counts`."""
    return print_result(label, root.callRemote("counts"))


def closed(root):
    """A Deferred that fires when the connection is closed."""
    if root.broker.disconnected:
        return defer.succeed(None)
    waiting = defer.Deferred()
    root.notifyOnDisconnect(waiting.callback)
    return waiting


def shut_down(root):
    """Stops the server, and waits until the connection is closed. The server's answer may
    or may not arrive before that."""
    root.callRemote("shutdown").addErrback(lambda f: f.trap(pb.PBConnectionLost))
    return closed(root)


@defer.inlineCallbacks
def _run_client(client, factory):
    broker = (yield factory.getRootObject()).broker
    yield client(factory)
    # C sends the decrefs for the arguments of a call after its answer.
    yield task.deferLater(reactor, 0.02)
    print("still kept:", "all is gone" if broker.disconnected else peer.counts(broker))
    if not broker.disconnected:
        factory.disconnect()
        yield closed(broker.factory._root)


def main(pairs):
    """pairs: by name, the function that serves until the server is stopped, and the
    generator function that is called with the client's factory."""
    server, client = pairs[sys.argv[2]]
    if sys.argv[3] == "server":
        server()
    else:
        run = _run_client(defer.inlineCallbacks(client), peer.connect())
        run.addBoth(peer.stop)
        reactor.run()
