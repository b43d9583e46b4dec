# SPDX-License-Identifier: MIT
"""Perspectives: a Viewable as two avatars see it, sent home, copied for each of them, and
a ViewPoint that is made by hand."""

from twisted.cred import checkers, credentials, portal
from twisted.spread import pb
from zope.interface import implementer

from pairs import pair
from pairs.pair import say
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
        """Whose ViewPoint that is."""
        return [board.object is self, board.perspective.name]


class Card(pb.Copyable):
    """Looks another way to each avatar."""

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
        """Another avatar, as this one sees it."""
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
        return pb.IPerspective, avatar, lambda: say(name, "leaves")


def serve():
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(ann=b"1", bea=b"2")
    peer.serve(portal.Portal(Realm(), [checker]))


def views(factory):
    ann = yield factory.login(credentials.UsernamePassword(b"ann", b"1"))
    bea = yield factory.login(credentials.UsernamePassword(b"bea", b"2"))
    anns = yield ann.callRemote("board")
    beas = yield bea.callRemote("board")
    say("one ViewPoint:", anns == beas)
    again = yield ann.callRemote("boards")
    say("and again:", anns == again[0] == again[1][0])
    yield pair.tell("write", anns.callRemote("write", "milk"))
    yield pair.tell("write", beas.callRemote("write", "tea"))
    yield pair.tell("write", anns.callRemote("write", text="honey"))
    yield pair.tell("read", anns.callRemote("read"))
    yield pair.tell("read", beas.callRemote("read"))
    yield pair.tell("same", anns.callRemote("same", anns))
    yield pair.tell("same", anns.callRemote("same", beas))
    yield pair.tell("mine", ann.callRemote("mine", anns))
    yield pair.tell("mine", bea.callRemote("mine", anns))
    for who, name in (ann, "ann"), (bea, "bea"):
        cards = yield who.callRemote("card")
        say("the cards of", name, "say", cards[0].text, cards[1], cards[2].text)
    other = yield ann.callRemote("other", "bea")
    yield pair.tell("greet", other.callRemote("greet", "hello"))
    yield pair.tell("board", other.callRemote("board"))
    yield pair.tell("raise", bea.callRemote("raise"))
    del anns, beas, again, other
    say("the client keeps", peer.tables(ann.broker))


class Things(pb.Root):
    """Gives out ViewPoints without any login."""

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
    say("alike:", one == two, one == again)
    yield pair.tell("write", one.callRemote("write", "x"))
    yield pair.tell("read", two.callRemote("read"))
    yield pair.tell("read", again.callRemote("read"))
    yield pair.tell("same", one.callRemote("same", two))
    nobody = yield root.callRemote("none")
    yield pair.tell("who", nobody.callRemote("who"))


pair.main({
    "views": (serve, views),
    "viewpoint": (lambda: peer.serve(Things()), viewpoint),
})
