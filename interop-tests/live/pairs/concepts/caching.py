# SPDX-License-Identifier: MIT
"""Caches: the observer's methods and their answers, one cache sent several times and sent
back to its owner, released in parts and completely, sent again after that, and the state
when the connection is closed."""

from twisted.internet import defer
from twisted.spread import pb

from pairs import pair
from peers import peer


class Shelf(pb.Cacheable):
    def __init__(self, owner):
        self.owner, self.books, self.observers = owner, [], []

    def getTypeToCopy(self):
        return b"caching.Shelf"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        print(self.owner, "is observed")
        return {"books": list(self.books)}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)
        print(self.owner, "is no longer observed")

    def put(self, book):
        self.books.append(book)
        return self.call_observers("put", book)

    def call_observers(self, method, *args):
        calls = [observer.callRemote(method, *args).addErrback(pair.failure_text)
                 for observer in self.observers]
        return defer.gatherResults(calls)


class CachedShelf(pb.RemoteCache):
    def setCopyableState(self, state):
        self.books = state["books"]

    def observe_put(self, book):
        self.books.append(book)
        return len(self.books)

    def observe_refuse(self, why):
        raise pb.Error(why)


pb.setUnjellyableForClass(b"caching.Shelf", CachedShelf)


class Shelves(pb.Root):
    def __init__(self):
        self.shelf, self.caches = Shelf("the server's"), []

    def rootObject(self, broker):
        self.broker = broker
        return self

    def remote_give(self, count=1):
        return [self.shelf] * count

    def remote_put(self, book):
        return self.shelf.put(book)

    def remote_refuse(self, why):
        return self.shelf.call_observers("refuse", why)

    def remote_missing(self):
        return self.shelf.call_observers("nothing")

    def remote_is_yours(self, *values):
        return [value is self.shelf for value in values]

    def remote_take(self, *values):
        self.caches += values
        return [value.books for value in values]

    def remote_alike(self):
        return all(cache.books is self.caches[0].books for cache in self.caches)

    def remote_read(self):
        return self.caches[-1].books

    def remote_send_back(self):
        return list(self.caches)

    def remote_drop(self, count):
        del self.caches[-count:]

    def remote_counts(self):
        return peer.counts(self.broker)


def imported_shelf(root):
    """The server's shelf, cached by the client."""
    (cache,) = yield root.callRemote("give")
    yield pair.print_result("put", root.callRemote("put", "one"))
    yield pair.print_result("put", root.callRemote("put", "two"))
    print("cached:", cache.books)
    yield pair.print_result("refuse", root.callRemote("refuse", "not this"))
    yield pair.print_result("missing", root.callRemote("missing"))
    yield pair.print_server_counts(root, "the server keeps")
    again = yield root.callRemote("give", 2)
    print("one state:", all(copy.books is cache.books for copy in again))
    yield pair.print_result("yours", root.callRemote("is_yours", cache, again[0], 1))
    yield pair.print_server_counts(root, "the server keeps")
    del again
    yield pair.print_server_counts(root, "the server keeps")
    yield pair.print_result("put", root.callRemote("put", "three"))
    print("cached:", cache.books)
    print("the client keeps", peer.counts(root.broker))
    del cache
    yield pair.print_server_counts(root, "the server keeps")
    print("the client keeps", peer.counts(root.broker))
    yield pair.print_result("put without observer", root.callRemote("put", "four"))
    (cache,) = yield root.callRemote("give")
    print("cached again:", cache.books)
    # inlineCallbacks holds an answer until the next one arrives.
    yield root.callRemote("counts")
    del cache


def exported_shelf(root):
    """The client's shelf, cached by the server."""
    mine = Shelf("the client's")
    mine.books.append("first")
    yield pair.print_result("take", root.callRemote("take", mine))
    print("put:", (yield mine.put("second")))
    yield pair.print_result("read", root.callRemote("read"))
    yield pair.print_result("take", root.callRemote("take", mine, mine))
    yield pair.print_result("alike", root.callRemote("alike"))
    yield pair.print_server_counts(root, "the server keeps")
    back = yield root.callRemote("send_back")
    print("sent back:", [value is mine for value in back])
    print("refuse:", (yield mine.call_observers("refuse", "nor this")))
    yield pair.print_result("drop", root.callRemote("drop", 2))
    yield pair.print_server_counts(root, "the server keeps")
    print("put:", (yield mine.put("third")))
    yield pair.print_result("read", root.callRemote("read"))
    yield pair.print_result("drop", root.callRemote("drop", 1))
    yield pair.print_server_counts(root, "the server keeps")
    print("put:", (yield mine.put("fourth")))
    yield pair.print_result("take", root.callRemote("take", mine))


def caching(factory):
    root = yield factory.getRootObject()
    yield from imported_shelf(root)
    yield pair.print_server_counts(root, "the server keeps")
    yield from exported_shelf(root)
    # The connection is closed while each side has a cache of the other's shelf.
    caches = yield root.callRemote("give")
    yield pair.print_server_counts(root, "the server keeps")
    factory.disconnect()
    yield pair.closed(root)
    print("at the end:", caches[0].books)


pair.main({"caching": (lambda: peer.serve(Shelves()), caching)})
