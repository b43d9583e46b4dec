# SPDX-License-Identifier: MIT
"""Avatars, as in Twisted's pbecho, pbbench and pb_exceptions."""

from twisted.cred import checkers, credentials, portal
from twisted.internet import defer
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from peers import peer


class DefinedError(pb.Error):
    pass


DefinedError.__module__ = "pbecho"


class Echo(pb.Avatar):
    def perspective_echo(self, text):
        print("echoing", text)
        return text

    def perspective_error(self):
        raise DefinedError("exception!")


class Bench(pb.Avatar):
    calls = 0

    def perspective_simple(self):
        self.calls += 1

    def perspective_complexTypes(self):
        return ["a", 1, 1, 1.0, [], ()]

    def logout(self):
        print("simple was called", self.calls, "times")


class Exceptions(pb.Avatar):
    def perspective_exception(self, x):
        return x / 0  # the words of // differ between versions of Python


AVATARS = {b"guest": Echo, b"benchmark": Bench, b"user": Exceptions}


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatar_id, mind, *interfaces):
        avatar = AVATARS[avatar_id]()
        return pb.IPerspective, avatar, getattr(avatar, "logout", lambda: None)


def serve(**options):
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(
        guest=b"guest", benchmark=b"benchmark", user=b"pass")
    peer.serve(portal.Portal(Realm(), [checker]), **options)


def echo(factory):
    guest = yield factory.login(credentials.UsernamePassword(b"guest", b"guest"))
    both = [pair.print_result("echo", guest.callRemote("echo", "hello world")),
            pair.print_result("error", guest.callRemote("error"))]
    yield defer.gatherResults(both)


def bench(factory):
    who = credentials.UsernamePassword(b"benchmark", b"benchmark")
    benchmark = yield factory.login(who)
    for _ in range(200):
        both = yield defer.gatherResults([benchmark.callRemote("simple"),
                                          benchmark.callRemote("complexTypes")])
    print("the last answers:", both)


def exceptions(factory):
    avatar = yield factory.login(credentials.UsernamePassword(b"user", b"pass"))

    def failed(failure):
        print("failed:", pair.failure_text(failure))
        print("traceback:", "Traceback (most recent call last)" in failure.traceback)

    yield avatar.callRemote("exception", 10).addErrback(failed)


pair.main({
    "pbecho": (serve, echo),
    "pbbench": (serve, bench),
    "pb_exceptions": (lambda: serve(unsafeTracebacks=True), exceptions),
})
