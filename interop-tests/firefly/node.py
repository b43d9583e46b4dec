# SPDX-License-Identifier: MIT
"""A node of a Firefly tree: node.py ENDPOINT NAME [COMMAND [ARG]... [then COMMAND
[ARG]...]...]. It joins the root, calls these targets of it, and answers calls of the root
until the connection is closed."""

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


def parse_word(word):
    try:
        return values.parse(word)
    except (NameError, SyntaxError):
        return word


def split_calls(words):
    """Yields the arguments of each call on the command line."""
    args, kw = [], {}
    for word in words:
        name, equals, literal = word.partition("=")
        if word == "then":
            yield args, kw
            args, kw = [], {}
        elif equals:
            kw[name] = parse_word(literal)
        else:
            args.append(parse_word(word))
    if args:
        yield args, kw


def print_error(error):
    print(f"failed: {error.remoteType.decode()}: {error.args[0]}")


@defer.inlineCallbacks
def run(factory, name, words):
    root = yield factory.getRootObject()
    root.notifyOnDisconnect(lambda _: peer.stop())
    try:
        yield root.callRemote("takeProxy", name, ProxyReference(service))
    except pb.RemoteError as e:
        print_error(e)
        factory.disconnect()
        return
    print(name, "joined")
    for args, kw in split_calls(words):
        try:
            print("answered", repr((yield root.callRemote("callTarget", *args, **kw))))
        except pb.RemoteError as e:
            print_error(e)
    print("waiting for calls")


service.targets["echo"] = service.targets[7] = echo
run(peer.connect(), sys.argv[2], sys.argv[3:]).addErrback(peer.stop)
reactor.run()
