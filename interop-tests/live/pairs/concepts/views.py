# SPDX-License-Identifier: MIT
"""Perspectives: one Viewable used by two avatars and sent back to the server, an object
copied differently for each avatar, and ViewPoints without a login."""

from twisted.cred import checkers, credentials, portal
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from peers import peer


class Board(pb.Viewable):
    def __init__(self):
        self.notes = []

    def view_write(self, avatar, text):
        self.notes.append((avatar.name, text))
        return len(self.notes)

    def view_read(self, avatar):
        return [text for name, text in self.notes if name == avatar.name]

    def view_same(self, avatar, board):
        """Whether the argument is a ViewPoint of this board, and whose."""
        return [board.object is self, board.perspective.name]


class Card(pb.Copyable):
    """Its copy depends on the avatar."""

    def getTypeToCopyFor(self, avatar):
        return b"views.Card" if avatar else b"views.Blank"

    def getStateToCopyFor(self, avatar):
        return {"text": f"for {avatar.name}"}


class ReceivedCard(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass(b"views.Card", ReceivedCard)


class Avatar(pb.Avatar):
    def __init__(self, name, realm):
        self.name, self.realm = name, realm

    def perspective_board(self):
        return self.realm.board

    def perspective_boards(self):
        return [self.realm.board, (self.realm.board,)]

    def perspective_card(self):
        return [Card(), "and", Card()]

    def perspective_other(self, name):
        """Another avatar, with this one as its perspective."""
        return pb.ViewPoint(self, self.realm.avatars[name])

    def view_greet(self, avatar, word):
        return f"{word}, {avatar.name}, says {self.name}"

    def perspective_mine(self, board):
        return board.perspective is self

    def perspective_raise(self):
        raise pb.Error(f"not for {self.name}")


@implementer(portal.IRealm)
class Realm:
    def __init__(self):
        self.board, self.avatars = Board(), {}

    def requestAvatar(self, avatar_id, mind, *interfaces):
        name = avatar_id.decode()
        avatar = self.avatars[name] = Avatar(name, self)
        return pb.IPerspective, avatar, lambda: print(name, "leaves")


def serve():
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(ann=b"1", bea=b"2")
    peer.serve(portal.Portal(Realm(), [checker]))


def views(factory):
    ann = yield factory.login(credentials.UsernamePassword(b"ann", b"1"))
    bea = yield factory.login(credentials.UsernamePassword(b"bea", b"2"))
    anns = yield ann.callRemote("board")
    beas = yield bea.callRemote("board")
    print("one ViewPoint:", anns == beas)
    again = yield ann.callRemote("boards")
    print("and again:", anns == again[0] == again[1][0])
    yield pair.print_result("write", anns.callRemote("write", "milk"))
    yield pair.print_result("write", beas.callRemote("write", "tea"))
    yield pair.print_result("write", anns.callRemote("write", text="honey"))
    yield pair.print_result("read", anns.callRemote("read"))
    yield pair.print_result("read", beas.callRemote("read"))
    yield pair.print_result("same", anns.callRemote("same", anns))
    yield pair.print_result("same", anns.callRemote("same", beas))
    yield pair.print_result("mine", ann.callRemote("mine", anns))
    yield pair.print_result("mine", bea.callRemote("mine", anns))
    for who, name in (ann, "ann"), (bea, "bea"):
        cards = yield who.callRemote("card")
        print("the cards of", name, "say", cards[0].text, cards[1], cards[2].text)
    other = yield ann.callRemote("other", "bea")
    yield pair.print_result("greet", other.callRemote("greet", "hello"))
    yield pair.print_result("board", other.callRemote("board"))
    yield pair.print_result("raise", bea.callRemote("raise"))
    del anns, beas, again, other
    print("the client keeps", peer.counts(ann.broker))


class Things(pb.Root):
    """Sends ViewPoints without a login."""

    class Named:
        def __init__(self, name):
            self.name = name

    def __init__(self):
        self.board = Board()
        self.one, self.two = self.Named("one"), self.Named("two")

    def remote_viewpoint(self, name):
        return pb.ViewPoint(getattr(self, name), self.board)

    def remote_none(self):
        return Nobody()


class Nobody(pb.Viewable):
    def view_who(self, avatar):
        return repr(avatar)


def viewpoint(factory):
    root = yield factory.getRootObject()
    one = yield root.callRemote("viewpoint", "one")
    two = yield root.callRemote("viewpoint", "two")
    again = yield root.callRemote("viewpoint", "one")
    print("equal:", one == two, one == again)
    yield pair.print_result("write", one.callRemote("write", "x"))
    yield pair.print_result("read", two.callRemote("read"))
    yield pair.print_result("read", again.callRemote("read"))
    yield pair.print_result("same", one.callRemote("same", two))
    nobody = yield root.callRemote("none")
    yield pair.print_result("who", nobody.callRemote("who"))


pair.main({
    "views": (serve, views),
    "viewpoint": (lambda: peer.serve(Things()), viewpoint),
})
