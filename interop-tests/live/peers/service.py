# SPDX-License-Identifier: MIT
"""The methods of `pb serve` in Twisted, and more methods with answers that only a Twisted
server can send. Switches may follow the endpoint on the command line: "unsafe" sends
tracebacks, "strict" rejects lists."""

import copy
import sys

from twisted.internet import defer, reactor, task
from twisted.spread import jelly, pb

import values
from peers import peer


class Refused(pb.Error):
    pass


class Point:
    """An instance of a class that this server may send."""

    def __init__(self, x, y):
        self.x, self.y = x, y


class Methods:
    def remote_echo(self, x):
        print("echo was given", repr(x)[:300])
        return x

    def remote_ping(self):
        return "pong"

    def remote_add(self, a, b):
        return a + b

    def remote_fail(self, message):
        raise pb.Error(message)

    def remote_ref(self):
        return Thing()

    def remote_slow(self, seconds, x):
        return task.deferLater(reactor, seconds, lambda: x)


class Thing(Methods, pb.Referenceable):
    pass


class Service(Methods, pb.Root):
    def remote_all(self, *args, **kwargs):
        return [args, kwargs]

    def remote_make(self, name):
        return values.MADE[name]()

    def remote_refuse(self, *args):
        raise Refused(*args)

    def remote_key(self):
        return {}["\u00e9"]

    def remote_later(self):
        return self.remote_slow(0.01, None).addCallback(lambda _: 1 / 0)

    def remote_never(self):
        print("never was called")
        return defer.Deferred()

    def remote_point(self):
        return Point(1, 2)

    def remote_unsendable(self):
        return object()


security = copy.deepcopy(jelly.globalSecurity)
security.allowInstancesOf(Point)
if "strict" in sys.argv:
    del security.allowedTypes[b"list"]
peer.serve(Service(), unsafeTracebacks="unsafe" in sys.argv, security=security)
