# SPDX-License-Identifier: MIT
"""Errors, as in Twisted's exc and trap: raised by a server, of classes that
the client knows by name, and by what cannot be sent or has gone."""

from twisted.spread import jelly, pb

from pairs import pair
from pairs.pair import say
from peers import peer


class MyError(pb.Error):
    pass


class MyError2(Exception):
    pass


# As the other side names them, whatever this script is called.
for error in MyError, MyError2:
    error.__module__ = "shop"


class Exc(pb.Root):
    def remote_broken(self):
        say("raising a MyError")
        raise MyError("fall down go boom")

    def remote_broken2(self):
        say("raising a MyError2")
        raise MyError2("hadda owie")


def told(failure):
    known = [name for name in ("shop.MyError", "shop.MyError2", "twisted.spread.pb.Error",
                               "builtins.Exception") if failure.check(name)]
    say("failed:", pair.told(failure), "which is a", ", a ".join(known))


def exc(factory):
    one = yield factory.getRootObject()
    yield one.callRemote("broken").addErrback(told)
    yield one.callRemote("broken2").addErrback(told)


class Scary:
    pass


class Trap(pb.Root):
    def remote_fooMethod(self, arg):
        if arg == "panic!":
            raise MyError
        return "response"

    def remote_shutdown(self):
        peer.stop()


def trap(factory):
    one = yield factory.getRootObject()
    jelly.globalSecurity.allowInstancesOf(Scary)
    Scary.__module__, Scary.__qualname__ = "shop", "Scary"
    for arg in "safe string", Scary(), "panic!":
        yield pair.tell("fooMethod", one.callRemote("fooMethod", arg))
    yield pair.shut_down(one)
    try:
        one.callRemote("fooMethod", "dummy")
    except pb.DeadReferenceError as e:
        say("the reference is stale:", e)


pair.main({
    "exc": (lambda: peer.serve(Exc()), exc),
    "trap": (lambda: peer.serve(Trap()), trap),
})
