# SPDX-License-Identifier: MIT
"""Errors, as in Twisted's exc, trap and pb_exceptions: raised by a server, of classes that
the client knows by name, and by what cannot be sent or has gone."""

from twisted.cred import checkers, credentials, portal
from twisted.spread import jelly, pb
from zope.interface import implementer

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


class Avatar(pb.Avatar):
    def perspective_exception(self, x):
        return x // 0


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatar_id, mind, *interfaces):
        return pb.IPerspective, Avatar(), lambda: None


def serve_exceptions():
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(user=b"pass")
    peer.serve(portal.Portal(Realm(), [checker]), unsafeTracebacks=True)


def exceptions(factory):
    avatar = yield factory.login(credentials.UsernamePassword(b"user", b"pass"))

    def failed(failure):
        say("failed:", pair.told(failure))
        say("traceback:", "Traceback (most recent call last)" in failure.traceback)

    yield avatar.callRemote("exception", 10).addErrback(failed)


pair.main({
    "exc": (lambda: peer.serve(Exc()), exc),
    "trap": (lambda: peer.serve(Trap()), trap),
    "pb_exceptions": (serve_exceptions, exceptions),
})
