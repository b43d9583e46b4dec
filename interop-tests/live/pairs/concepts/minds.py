# SPDX-License-Identifier: MIT
"""Logins more closely: minds that the realm calls, right and wrong passwords, realms and
checkers that answer later or fail, and the one logout of each avatar."""

from twisted.cred import checkers, credentials, error, portal
from twisted.internet import defer, reactor, task
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from pairs.pair import say
from peers import peer


class Avatar(pb.Avatar):
    def __init__(self, name, realm, mind):
        self.name, self.realm, self.mind = name, realm, mind
        realm.present.append(self)

    def logout(self):
        say(self.name, "leaves")
        self.realm.present.remove(self)
        self.mind = None

    def perspective_present(self):
        return [avatar.name for avatar in self.realm.present]

    def perspective_tell(self, text):
        return self.mind and self.mind.callRemote("tell", text)


@implementer(portal.IRealm)
class Realm:
    def __init__(self):
        self.present = []

    def requestAvatar(self, avatar_id, mind, *interfaces):
        if avatar_id is checkers.ANONYMOUS:
            avatar_id = b"nobody"
        name = avatar_id.decode()
        if name == "banned":
            raise error.LoginDenied("not you")
        avatar = Avatar(name, self, mind)
        result = pb.IPerspective, avatar, avatar.logout
        if mind is None:
            say(name, "comes without a mind")
            return result
        say(name, "comes with", pair.shown(mind))
        calling = mind.callRemote("tell", "welcome")
        return calling.addCallback(lambda heard: say("the realm heard", heard) or result)


class LateChecker(checkers.InMemoryUsernamePasswordDatabaseDontUse):
    def requestAvatarId(self, who):
        asking = defer.maybeDeferred(
            checkers.InMemoryUsernamePasswordDatabaseDontUse.requestAvatarId, self, who)
        return task.deferLater(reactor, 0.01, lambda: asking)


USERS = {"ann": b"1", "bea": b"", "banned": b"x"}


def serve(checker, *more):
    peer.serve(portal.Portal(Realm(), [checker(**USERS), *more]))


def serve_all():
    serve(checkers.InMemoryUsernamePasswordDatabaseDontUse,
          checkers.AllowAnonymousAccess())


def password(name, word):
    return credentials.UsernamePassword(name, word)


def minds(factory):
    ann = yield factory.login(password(b"ann", b"1"), pair.Told("ann's mind"))
    yield pair.tell("tell", ann.callRemote("tell", "hello"))
    bea = yield factory.login(password(b"bea", b""))
    yield pair.tell("present", bea.callRemote("present"))
    yield pair.tell("tell", bea.callRemote("tell", "hello"))
    nobody = yield factory.login(credentials.Anonymous(), pair.Told("nobody's mind"))
    yield pair.tell("tell", nobody.callRemote("tell", "you"))
    say("the client keeps", peer.tables(ann.broker))
    del ann  # which is a logout
    yield pair.tell("present", bea.callRemote("present"))
    again = yield factory.login(password(b"ann", b"1"))
    yield pair.tell("present", again.callRemote("present"))
    del again
    yield bea.callRemote("present")
    del nobody
    yield pair.tell("present", bea.callRemote("present"))
    # bea leaves as the connection ends
    factory.disconnect()
    yield pair.gone(bea)


def refusals(factory):
    for name, word in [(b"ann", b"2"), (b"ann", b""), (b"cat", b""), (b"", b""),
                       (b"banned", b"x"), (b"banned", b"y"), ("ann", b"1")]:
        yield pair.tell(f"{name} {word}", factory.login(password(name, word)))
    yield pair.tell("nobody", factory.login(credentials.Anonymous()))
    root = yield factory.getRootObject()
    yield pair.tell("nothing", root.callRemote("nothing"))
    challenge, challenger = yield root.callRemote("login", b"ann")
    say("a challenge of", len(challenge), "bytes")
    yield pair.tell("respond", challenger.callRemote("respond", b"nonsense", None))
    right = pb.respond(challenge, b"1")
    one = yield challenger.callRemote("respond", right, None)
    two = yield challenger.callRemote("respond", right, None)
    say("alike:", one == two)


pair.main({
    "minds": (serve_all, minds),
    "late-logins": (lambda: serve(LateChecker, checkers.AllowAnonymousAccess()), minds),
    "refusals": (lambda: serve(checkers.InMemoryUsernamePasswordDatabaseDontUse), refusals),
})
