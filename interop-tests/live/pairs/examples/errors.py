# SPDX-License-Identifier: MIT
"""Errors, as in Twisted's exc and trap: a server raises them, and the client knows their
classes by name; an argument that cannot be sent; a stale reference."""

from twisted.spread import jelly, pb

from pairs import pair
from peers import peer


class MyError(pb.Error):
    pass


class MyError2(Exception):
    pass


# The module names that the other side uses; this script runs as __main__.
for error in MyError, MyError2:
    error.__module__ = "shop"


class Exc(pb.Root):
    def remote_broken(self):
        print("raising a MyError")
        raise MyError("fall down go boom")

    def remote_broken2(self):
        print("raising a MyError2")
        raise MyError2("hadda owie")


def print_failure(failure):
    known = [name for name in ("shop.MyError", "shop.MyError2", "twisted.spread.pb.Error",
                               "builtins.Exception") if failure.check(name)]
    print("failed:", pair.failure_text(failure), "which is a", ", a ".join(known))


def exc(factory):
    one = yield factory.getRootObject()
    yield one.callRemote("broken").addErrback(print_failure)
    yield one.callRemote("broken2").addErrback(print_failure)


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
        yield pair.print_result("fooMethod", one.callRemote("fooMethod", arg))
    yield pair.shut_down(one)
    try:
        one.callRemote("fooMethod", "dummy")
    except pb.DeadReferenceError as e:
        print("the reference is stale:", e)


pair.main({
    "exc": (lambda: peer.serve(Exc()), exc),
    "trap": (lambda: peer.serve(Trap()), trap),
})
