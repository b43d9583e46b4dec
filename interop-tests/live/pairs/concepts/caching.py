# SPDX-License-Identifier: MIT
"""Caches more closely: observers and what they answer, a cache sent again and home, given
up in parts and in whole, sent anew, and what is left when the connection ends."""

from twisted.internet import defer
from twisted.spread import pb

from pairs import pair
from pairs.pair import say
from peers import peer


class Shelf(pb.Cacheable):
    def __init__(self, owner):
        self.owner, self.books, self.observers = owner, [], []

    def getTypeToCopy(self):
        return b"caching.Shelf"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        say(self.owner, "is observed")
        return {"books": list(self.books)}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)
        say(self.owner, "is observed no more")

    def put(self, book):
        self.books.append(book)
        return self.tell_all("put", book)

    def tell_all(self, method, *args):
        def failed(f):
            return pair.told(f)

        calls = [observer.callRemote(method, *args).addErrback(failed)
                 for observer in self.observers]
        return defer.gatherResults(calls)


class Seen(pb.RemoteCache):
    def setCopyableState(self, state):
        self.books = state["books"]

    def observe_put(self, book):
        self.books.append(book)
        return len(self.books)

    def observe_refuse(self, why):
        raise pb.Error(why)


pb.setUnjellyableForClass(b"caching.Shelf", Seen)


class Shelves(pb.Root):
    def __init__(self):
        self.shelf, self.seen = Shelf("the server's"), []

    def rootObject(self, broker):
        self.broker = broker
        return self

    def remote_give(self, count=1):
        return [self.shelf] * count

    def remote_put(self, book):
        return self.shelf.put(book)

    def remote_refuse(self, why):
        return self.shelf.tell_all("refuse", why)

    def remote_missing(self):
        return self.shelf.tell_all("nothing")

    def remote_is_yours(self, *values):
        return [value is self.shelf for value in values]

    def remote_take(self, *values):
        self.seen += values
        return [value.books for value in values]

    def remote_alike(self):
        return all(seen.books is self.seen[0].books for seen in self.seen)

    def remote_read(self):
        return self.seen[-1].books

    def remote_send_home(self):
        return list(self.seen)

    def remote_drop(self, count):
        del self.seen[-count:]

    def remote_tables(self):
        return peer.tables(self.broker)


def theirs(root, tables):
    """The server's shelf, seen from here."""
    (seen,) = yield root.callRemote("give")
    yield pair.tell("put", root.callRemote("put", "one"))
    yield pair.tell("put", root.callRemote("put", "two"))
    say("seen:", seen.books)
    yield pair.tell("refuse", root.callRemote("refuse", "not this"))
    yield pair.tell("missing", root.callRemote("missing"))
    yield tables()
    again = yield root.callRemote("give", 2)
    say("one state:", all(copy.books is seen.books for copy in again))
    yield pair.tell("yours", root.callRemote("is_yours", seen, again[0], 1))
    yield tables()
    del again
    yield tables()
    yield pair.tell("put", root.callRemote("put", "three"))
    say("seen:", seen.books)
    say("the client keeps", peer.tables(root.broker))
    del seen
    yield tables()
    say("the client keeps", peer.tables(root.broker))
    yield pair.tell("put to nobody", root.callRemote("put", "four"))
    (seen,) = yield root.callRemote("give")
    say("anew:", seen.books)
    yield root.callRemote("tables")  # until here inlineCallbacks has the answer too
    del seen


def ours(root, tables):
    """Ours, seen by the server."""
    mine = Shelf("the client's")
    mine.books.append("first")
    yield pair.tell("take", root.callRemote("take", mine))
    say("put:", (yield mine.put("second")))
    yield pair.tell("read", root.callRemote("read"))
    yield pair.tell("take", root.callRemote("take", mine, mine))
    yield pair.tell("alike", root.callRemote("alike"))
    yield tables()
    back = yield root.callRemote("send_home")
    say("came home:", [value is mine for value in back])
    say("refuse:", (yield mine.tell_all("refuse", "nor this")))
    yield pair.tell("drop", root.callRemote("drop", 2))
    yield tables()
    say("put:", (yield mine.put("third")))
    yield pair.tell("read", root.callRemote("read"))
    yield pair.tell("drop", root.callRemote("drop", 1))
    yield tables()
    say("put:", (yield mine.put("fourth")))
    yield pair.tell("take", root.callRemote("take", mine))


def caching(factory):
    root = yield factory.getRootObject()
    tables = lambda: pair.tell("the server keeps", root.callRemote("tables"))
    yield from theirs(root, tables)
    yield tables()
    yield from ours(root, tables)
    # both see each other's as the connection ends
    seen = yield root.callRemote("give")
    yield tables()
    factory.disconnect()
    yield pair.gone(root)
    say("at the end:", seen[0].books)


pair.main({"caching": (lambda: peer.serve(Shelves()), caching)})
