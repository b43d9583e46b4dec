# SPDX-License-Identifier: MIT
"""A local object behind the interface of a remote one: the same function uses the
server's adder and the client's own, the latter directly and through a forwarder."""

from twisted.internet import reactor, task
from twisted.spread import pb, util
from zope.interface import Interface, implementer

from pairs import pair
from peers import peer


class Adding:
    def add(self, a, b=1):
        return a + b

    def later(self, x):
        return task.deferLater(reactor, 0.01, lambda: x)

    def fail(self):
        raise ValueError("not today")


class Adder(Adding, pb.Root):
    remote_add, remote_later, remote_fail = Adding.add, Adding.later, Adding.fail


class LocalAdder(Adding, util.LocalAsRemote):
    reportAllTracebacks = 0
    async_add, sync_later, async_fail = Adding.add, Adding.later, Adding.fail


class IAdder(Interface):
    def add(a, b):
        """Adds."""


@implementer(IAdder)
class Forwarded(Adding):
    pass


def use(who, adder):
    yield pair.print_result(f"{who} add", adder.callRemote("add", 1, 2))
    yield pair.print_result(f"{who} add", adder.callRemote("add", 1, b=0))
    yield pair.print_result(f"{who} fail", adder.callRemote("fail"))
    yield pair.print_result(f"{who} later", adder.callRemote("later", "x"))


def local(factory):
    yield from use("remote", (yield factory.getRootObject()))
    yield from use("local", LocalAdder())
    # failWhenNotImplemented is not used: it makes Twisted create a Failure whose value is
    # the class NotImplementedError, and whose type is the text.
    forwarder = util.LocalAsyncForwarder(Forwarded(), IAdder)
    yield pair.print_result("forwarded add", forwarder.callRemote("add", 3, 4))
    yield pair.print_result("forwarded fail", forwarder.callRemote("fail"))


pair.main({"local": (lambda: peer.serve(Adder()), local)})
