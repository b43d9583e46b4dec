# SPDX-License-Identifier: MIT
"""Logins, as in Twisted's pb5, pb6, pb7 and pbAnon: with a password, several users over
one connection, anonymous logins, and rejected ones."""

from twisted.cred import checkers, credentials, portal
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from peers import peer

USERS = {"user1": b"pass1", "user2": b"pass2"}


class Perspective(pb.Avatar):
    def __init__(self, name):
        self.name = name

    def perspective_foo(self, arg):
        print(self.name, "was told to foo", arg)

    def logout(self):
        print(self.name, "logs out")


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatar_id, mind, *interfaces):
        if avatar_id is checkers.ANONYMOUS:
            avatar_id = b"nobody"
        avatar = Perspective(avatar_id.decode())
        print(avatar.name, "logs in")
        return pb.IPerspective, avatar, avatar.logout


def serve(*more_checkers):
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(**USERS)
    peer.serve(portal.Portal(Realm(), [checker, *more_checkers]))


def password(user, number):
    def client(factory):
        who = credentials.UsernamePassword(b"user%d" % user, b"pass%d" % user)
        perspective = yield factory.login(who)
        print("got", pair.value_text(perspective))
        yield pair.print_result("foo", perspective.callRemote("foo", number))

    return client


def several(factory):
    """Two users over one connection, with rejected logins in between."""
    first = yield factory.login(credentials.UsernamePassword(b"user1", b"pass1"))
    yield pair.print_result("foo", first.callRemote("foo", 10))
    for name, word in (b"user1", b"pass2"), (b"user3", b"pass3"), (b"", b""):
        who = credentials.UsernamePassword(name, word)
        yield pair.print_result("login", factory.login(who))
    yield pair.print_result("login", factory.login(credentials.Anonymous()))
    second = yield factory.login(credentials.UsernamePassword(b"user2", b"pass2"))
    yield pair.print_result("foo", second.callRemote("foo", 11))
    yield pair.print_result("foo", first.callRemote("foo", 12))
    yield pair.print_result("bar", first.callRemote("bar"))


def anonymous(factory):
    nobody = yield factory.login(credentials.Anonymous())
    user1 = yield factory.login(credentials.UsernamePassword(b"user1", b"pass1"))
    yield pair.print_result("foo", nobody.callRemote("foo", 13))
    yield pair.print_result("foo", user1.callRemote("foo", 13))


pair.main({
    "pb5": (serve, password(1, 12)),
    "pb6-1": (serve, password(1, 13)),
    "pb6-2": (serve, password(2, 14)),
    "pb7": (serve, several),
    "pbAnon": (lambda: serve(checkers.AllowAnonymousAccess()), anonymous),
})
