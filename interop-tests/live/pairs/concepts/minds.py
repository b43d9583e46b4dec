# SPDX-License-Identifier: MIT
"""Logins: minds that the realm calls, right and wrong passwords, realms and checkers that
answer later or fail, and the single logout of each avatar."""

from twisted.cred import checkers, credentials, error, portal
from twisted.internet import defer, reactor, task
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from peers import peer


class Avatar(pb.Avatar):
    def __init__(self, name, realm, mind):
        self.name, self.realm, self.mind = name, realm, mind
        realm.present.append(self)

    def logout(self):
        print(self.name, "leaves")
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
            print(name, "logs in without a mind")
            return result
        print(name, "logs in with", pair.value_text(mind))
        call = mind.callRemote("tell", "welcome")
        return call.addCallback(
            lambda answer: print("the mind answered the realm:", answer) or result)


class LateChecker(checkers.InMemoryUsernamePasswordDatabaseDontUse):
    def requestAvatarId(self, who):
        result = defer.maybeDeferred(
            checkers.InMemoryUsernamePasswordDatabaseDontUse.requestAvatarId, self, who)
        return task.deferLater(reactor, 0.01, lambda: result)


USERS = {"ann": b"1", "bea": b"", "banned": b"x"}


def serve(checker, *more):
    peer.serve(portal.Portal(Realm(), [checker(**USERS), *more]))


def serve_minds():
    serve(checkers.InMemoryUsernamePasswordDatabaseDontUse,
          checkers.AllowAnonymousAccess())


def serve_late_logins():
    serve(LateChecker, checkers.AllowAnonymousAccess())


def serve_refusals():
    serve(checkers.InMemoryUsernamePasswordDatabaseDontUse)


def password(name, word):
    return credentials.UsernamePassword(name, word)


def minds(factory):
    ann = yield factory.login(password(b"ann", b"1"), pair.Printer("ann's mind"))
    yield pair.print_result("tell", ann.callRemote("tell", "hello"))
    bea = yield factory.login(password(b"bea", b""))
    yield pair.print_result("present", bea.callRemote("present"))
    yield pair.print_result("tell", bea.callRemote("tell", "hello"))
    nobody = yield factory.login(credentials.Anonymous(), pair.Printer("nobody's mind"))
    yield pair.print_result("tell", nobody.callRemote("tell", "you"))
    print("the client keeps", peer.counts(ann.broker))
    del ann  # logs ann out
    yield pair.print_result("present", bea.callRemote("present"))
    again = yield factory.login(password(b"ann", b"1"))
    yield pair.print_result("present", again.callRemote("present"))
    del again
    yield bea.callRemote("present")
    del nobody
    yield pair.print_result("present", bea.callRemote("present"))
    # Closing the connection logs bea out.
    factory.disconnect()
    yield pair.closed(bea)


def refusals(factory):
    for name, word in [(b"ann", b"2"), (b"ann", b""), (b"cat", b""), (b"", b""),
                       (b"banned", b"x"), (b"banned", b"y"), ("ann", b"1")]:
        yield pair.print_result(f"{name} {word}", factory.login(password(name, word)))
    yield pair.print_result("nobody", factory.login(credentials.Anonymous()))
    root = yield factory.getRootObject()
    yield pair.print_result("nothing", root.callRemote("nothing"))
    challenge, challenger = yield root.callRemote("login", b"ann")
    print("a challenge of", len(challenge), "bytes")
    wrong = challenger.callRemote("respond", b"nonsense", None)
    yield pair.print_result("respond", wrong)
    avatars = []
    for _ in range(2):  # libpb's challenges are good for one response
        challenge, challenger = yield root.callRemote("login", b"ann")
        right = pb.respond(challenge, b"1")
        avatars.append((yield challenger.callRemote("respond", right, None)))
    print("equal:", avatars[0] == avatars[1])


pair.main({
    "minds": (serve_minds, minds),
    "late-logins": (serve_late_logins, minds),
    "refusals": (serve_refusals, refusals),
})
