# SPDX-License-Identifier: MIT
"""A node of such a tree: node.py ENDPOINT NAME [COMMAND [ARG]... [then COMMAND [ARG]...]...]
calls targets of the root, and is called by it until the connection ends."""

import sys

from twisted.internet import defer, reactor
from twisted.spread import pb

import values
from peers import peer
from service import Service, echo


class ProxyReference(pb.Referenceable):
    def __init__(self, service):
        self.service = service

    def remote_callChild(self, command, *args, **kw):
        return self.service.call(command, *args, **kw)


service = Service()


@service.target
def push(*args):
    print("pushed", args)
    return True


@service.target
def fail():
    raise RuntimeError("not here")


def value_of(word):
    try:
        return values.of(word)
    except (NameError, SyntaxError):
        return word


def calls(words):
    """The arguments of each call on the command line."""
    args, kw = [], {}
    for word in words:
        name, equals, literal = word.partition("=")
        if word == "then":
            yield args, kw
            args, kw = [], {}
        elif equals:
            kw[name] = value_of(literal)
        else:
            args.append(value_of(word))
    if args:
        yield args, kw


def refused(error):
    print(f"failed: {error.remoteType.decode()}: {error.args[0]}")


@defer.inlineCallbacks
def converse(factory, name, words):
    root = yield factory.getRootObject()
    root.notifyOnDisconnect(lambda _: peer.stop())
    try:
        yield root.callRemote("takeProxy", name, ProxyReference(service))
    except pb.RemoteError as e:
        refused(e)
        factory.disconnect()
        return
    print(name, "joined")
    for args, kw in calls(words):
        try:
            print("answered", repr((yield root.callRemote("callTarget", *args, **kw))))
        except pb.RemoteError as e:
            refused(e)
    print("waiting for calls")


service.targets["echo"] = service.targets[7] = echo
converse(peer.connect(), sys.argv[2], sys.argv[3:]).addErrback(peer.stop)
reactor.run()
