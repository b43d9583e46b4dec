# SPDX-License-Identifier: MIT
"""A chat, as in Twisted's chatserver and chatclient: the realm keeps the minds of its
users, and a group is a Viewable, whose methods know which user calls them."""

from twisted.cred import checkers, credentials, portal
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from peers import peer


class User(pb.Avatar):
    def __init__(self, name, mind, groups):
        self.name, self.mind, self.groups = name, mind, groups

    def perspective_joinGroup(self, name, quiet=False):
        group = self.groups.setdefault(name, Group(name))
        group.users.append(self)
        if not quiet:
            print(self.name, "joins", name)
        return group

    def logout(self):
        print(self.name, "leaves")
        for group in self.groups.values():
            if self in group.users:
                group.users.remove(self)
        self.mind = None


class Group(pb.Viewable):
    def __init__(self, name):
        self.name, self.users = name, []

    def view_send(self, user, message):
        if "mattress" in message:
            raise ValueError("that word is not said here")
        for member in self.users:
            member.mind.callRemote("print", f"{user.name} says: {message}")

    def view_same(self, user, group):
        """Whether the argument is the caller's ViewPoint of this group."""
        return [group.object is self, group.perspective is user]


@implementer(portal.IRealm)
class Realm:
    def __init__(self):
        self.groups = {}

    def requestAvatar(self, avatar_id, mind, *interfaces):
        user = User(avatar_id.decode(), mind, self.groups)
        return pb.IPerspective, user, user.logout


class Mind(pb.Referenceable):
    def __init__(self, name):
        self.name = name

    def remote_print(self, message):
        print(self.name, "reads:", message)


def serve():
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(
        alice=b"1234", bob=b"secret", carol=b"fido")
    peer.serve(portal.Portal(Realm(), [checker]))


def chat_with(factory, bob_joins):
    alice = yield factory.login(credentials.UsernamePassword(b"alice", b"1234"),
                                Mind("alice"))
    group = yield alice.callRemote("joinGroup", "#NeedAFourth")
    print("got", pair.value_text(group))
    yield pair.print_result("send", group.callRemote("send", "You can call me Al."))
    if not bob_joins:
        return
    bob = yield factory.login(credentials.UsernamePassword(b"bob", b"secret"),
                              Mind("bob"))
    same = yield bob.callRemote("joinGroup", "#NeedAFourth", quiet=True)
    yield pair.print_result("send", same.callRemote("send", "Four is a group."))
    yield pair.print_result("send", group.callRemote("send", "And a mattress."))
    yield pair.print_result("same", group.callRemote("same", group))
    yield pair.print_result("same", group.callRemote("same", same))
    yield pair.print_result("nothing", group.callRemote("nothing"))


pair.main({
    "chat": (serve, lambda factory: chat_with(factory, False)),
    "chat-of-two": (serve, lambda factory: chat_with(factory, True)),
})
