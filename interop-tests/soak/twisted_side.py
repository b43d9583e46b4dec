# SPDX-License-Identifier: MIT
"""Twisted's side of the soak test: twisted_side.py ENDPOINT client|server SEED SECONDS. Both
sides of a connection make random calls of each other and check each answer; soak.c is the
other side. The first wrong answer ends the program."""

import gc
import os
import random
import resource
import shutil
import sys
import tempfile
import time

from twisted.cred import checkers, credentials, portal
from twisted.internet import defer, endpoints, error, reactor, task
from twisted.logger import globalLogBeginner
from twisted.spread import pb, publish, util
from zope.interface import implementer

from peers import peer as peers

SONGS = 4
SIDE_BY_SIDE = 8  # operations in progress at one time
PAUSE = 0.03  # seconds without a connection
POLL_INTERVAL = 0.01  # seconds between two comparisons of the tables
POLLS = 300  # comparisons until the tables have to be as they were
LOOK_EVERY = 20  # connections from one collection of garbage to the next
WARM = 5  # connections before the first reading of memory counts
OBJECTS_GROWTH = 3000  # the most that the number of Python's objects may grow
REFUSED_MAX = 4  # logins of a connection: libpb ends it after ten
LOST = (pb.PBConnectionLost, pb.DeadReferenceError, error.ConnectionLost,
        error.ConnectionDone, defer.CancelledError)


class Wrong(Exception):
    """A check has failed."""


def check(what, got, wanted=True):
    if got != wanted:
        raise Wrong(f"{what}: {got!r} instead of {wanted!r}"[:2000])


def paged_bytes(n):
    """The bytes that a transfer of n bytes in pages consists of."""
    return bytes((7 * i + n) % 251 for i in range(n))


# ---- What this side serves ----


class Counter(pb.Referenceable):
    def __init__(self):
        self.total = 0

    def remote_add(self, n):
        self.total += n
        return self.total


class Shelf(pb.Cacheable):
    def __init__(self, books):
        self.books, self.observer = list(books), None

    def getTypeToCopy(self):
        return b"soak.Shelf"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observer = observer
        return {"books": list(self.books)}

    def stoppedObserving(self, perspective, observer):
        self.observer = None


class CachedShelf(pb.RemoteCache):
    def observe_put(self, book):
        self.books.append(book)


class Song(publish.Publishable):
    """The words tell the time of the last change."""

    def republish(self):
        self.timestamp = getattr(self, "timestamp", 999) + 1

    def getTypeToCopy(self):
        return b"soak.Song"

    def getStateToPublish(self):
        return {"words": f"la la {self.timestamp:.0f}"}


class ReceivedSong(publish.RemotePublished):
    pass


class Card(pb.Copyable):
    def __init__(self, text):
        self.text = text

    def getTypeToCopy(self):
        return b"soak.Card"


class ReceivedCard(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass(b"soak.Shelf", CachedShelf)
pb.setUnjellyableForClass(b"soak.Song", ReceivedSong)
pb.setUnjellyableForClass(b"soak.Card", ReceivedCard)


class Peer(pb.Referenceable):
    """The object that the peer's operations call."""

    def __init__(self, side):
        self.side = side

    def remote_echo(self, value):
        return value

    def remote_fail(self, own, text):
        raise (pb.Error if own else ValueError)(text)

    def remote_counter(self):
        return Counter()

    @defer.inlineCallbacks
    def remote_call(self, counter, n):
        for i in range(1, n + 1):
            total = yield counter.callRemote("add", i)
        return total

    def remote_shelf(self, books):
        return Shelf(books)

    def remote_put(self, shelf, book):
        check("a shelf sent back", isinstance(shelf, Shelf))
        shelf.books.append(book)
        return shelf.observer.callRemote("put", book).addCallback(lambda _: None)

    def remote_song(self, n, change):
        if change:
            self.side.songs[n].republish()
        return self.side.songs[n]

    def remote_card(self, text):
        return Card(text)

    def remote_pages(self, collector, n, chunk):
        util.StringPager(collector, paged_bytes(n), chunk)

    def remote_hold(self, value):
        self.side.held.append(value)
        return value

    def remote_counts(self):
        return peers.counts(self.side.broker)

    def remote_start(self):
        self.side.start()

    def remote_quiet(self):
        return self.side.become_quiet()

    def remote_cut(self, how):
        self.side.cut(how)


class Avatar(pb.Avatar):
    def __init__(self, side, name, mind):
        self.side, self.name, self.mind = side, name, mind

    def perspective_who(self):
        return self.name

    def perspective_peer(self):
        self.side.peer, self.side.broker = self.mind, self.mind.broker
        self.side.connected()
        return self.side.object

    def perspective_ask(self, n):
        return self.mind.callRemote("add", n)

    def logout(self):
        self.side.logged_in -= 1


@implementer(portal.IRealm)
class Realm:
    def __init__(self, side):
        self.side = side

    def requestAvatar(self, avatar_id, mind, *interfaces):
        name = "" if avatar_id is checkers.ANONYMOUS else avatar_id.decode()
        avatar = Avatar(self.side, name, mind)
        self.side.logged_in += 1
        return pb.IPerspective, avatar, avatar.logout


class Counted:
    """A factory whose connections are in side.negotiated from before their login until they
    end."""

    def clientConnectionMade(self, broker):
        side.negotiated.add(broker)
        broker.notifyOnDisconnect(lambda: side.negotiated.discard(broker))
        super().clientConnectionMade(broker)


class ServerFactory(Counted, pb.PBServerFactory):
    pass


class ClientFactory(Counted, pb.PBClientFactory):
    pass


# ---- The operations ----


class Operations:
    """Each makes one or more calls of the peer, and checks every answer. `side` has the
    random numbers and the peer."""

    def __init__(self, side):
        self.side = side

    def random_scalar(self):
        rng = self.side.rng
        kind = rng.randrange(7)
        if kind == 0:
            return None
        if kind == 1:
            return rng.random() < 0.5
        if kind == 2:
            return rng.getrandbits(rng.randrange(1, 63)) * rng.choice((1, -1))
        if kind == 3:
            return rng.getrandbits(rng.randrange(1, 320)) * rng.choice((1, -1))
        if kind == 4:
            return (rng.random() - 0.5) * 10.0 ** rng.randrange(-20, 20)
        if kind == 5:
            return rng.randbytes(rng.randrange(rng.choice((1, 8, 100, 1000, 20000))))
        return "".join(rng.choice("aZé€🎵 \n\"'\\") for _ in range(rng.randrange(40)))

    def random_value(self, depth):
        rng = self.side.rng
        kind = rng.randrange(8) if depth else 0
        if kind < 3:
            return self.random_scalar()
        n = rng.randrange(6)
        if kind == 3:
            return {self.random_scalar(): self.random_value(depth - 1)
                    for _ in range(n)}
        if kind == 4:
            return rng.choice((set, frozenset))(self.random_scalar() for _ in range(n))
        items = []
        for _ in range(n):
            items += [self.random_value(depth - 1)] * rng.choice((1, 1, 1, 2))
        return tuple(items) if kind == 5 else items

    def call(self, to, method, *args):
        self.side.did["calls"] += 1
        return to.callRemote(method, *args)

    async def echo(self):
        value = self.random_value(4)
        got = await self.call(self.side.peer, "echo", value)
        check("echo", got, value)
        check("the type of echo", type(got), type(value))

    async def expect_failure(self, call, name, text=None):
        """Checks the class of a call's failure and its text."""
        try:
            await call
        except pb.RemoteError as e:
            check("the class of a failure", e.remoteType, name)
            check("its text", text is None or str(e) == text)
        else:
            raise Wrong(f"no {name}")

    async def fail(self):
        own = self.side.rng.random() < 0.5
        text = f"number {self.side.rng.randrange(1000)}"
        await self.expect_failure(
            self.call(self.side.peer, "fail", own, text),
            b"twisted.spread.pb.Error" if own else b"builtins.ValueError", text)

    async def missing(self):
        await self.expect_failure(self.call(self.side.peer, "nothing"),
                                  b"twisted.spread.flavors.NoSuchMethod")

    async def cancelled(self):
        call = self.call(self.side.peer, "echo", self.random_value(3))
        call.cancel()
        try:
            await call
        except defer.CancelledError:
            self.side.did["cancelled"] += 1
        else:
            raise Wrong("a cancelled call was answered")

    async def counter(self):
        """Adds to the peer's counter, then has the reference sent back."""
        counter = await self.call(self.side.peer, "counter")
        self.side.did["references"] += 1
        check("counter", isinstance(counter, pb.RemoteReference))
        total = 0
        for _ in range(self.side.rng.randrange(8)):
            more = self.side.rng.randrange(1000)
            total += more
            check("add", await self.call(counter, "add", more), total)
        back = await self.call(self.side.peer, "echo", counter)
        check("a reference sent back", back, counter)

    async def call_back(self):
        counter, n = Counter(), self.side.rng.randrange(1, 7)
        self.side.did["references"] += 1
        got = await self.call(self.side.peer, "call", counter, n)
        check("call", (got, counter.total), (n * (n + 1) // 2,) * 2)

    async def hold(self):
        counter = Counter()
        self.side.did["references"] += 1
        got = await self.call(self.side.peer, "hold", counter)
        check("hold", got is counter)

    async def card(self):
        text = self.random_value(2)
        got = await self.call(self.side.peer, "card", text)
        check("card", (type(got), got.text), (ReceivedCard, text))
        self.side.did["copies"] += 1

    async def shelf(self):
        """Each book that is put on the shelf has to be in the cache as soon as that is
        answered."""
        books = [self.random_value(1) for _ in range(self.side.rng.randrange(4))]
        shelf = await self.call(self.side.peer, "shelf", books)
        self.side.did["caches"] += 1
        check("shelf", shelf.books, books)
        for _ in range(self.side.rng.randrange(8)):
            books.append(self.random_value(1))
            await self.call(self.side.peer, "put", shelf, books[-1])
            check("put", shelf.books, books)

    async def song(self):
        number, change = self.side.rng.randrange(SONGS), self.side.rng.random() < 0.5
        song = await self.side.wait_for(publish.whenReady(
            self.call(self.side.peer, "song", number, change)))
        # The song may have been changed again before its words were fetched.
        check("song", song.words[:6], "la la ")
        check("song", int(song.words[6:]) >= song.timestamp)
        self.side.did["published objects"] += 1

    async def pages(self):
        n = self.side.rng.randrange(self.side.rng.choice((3000, 3000, 3000, 60000)))
        chunk = max(1 + self.side.rng.randrange(8000), n // 50)
        self.side.did["calls"] += 1
        pages = await self.side.wait_for(
            util.getAllPages(self.side.peer, "pages", n, chunk))
        check("pages", b"".join(pages), paged_bytes(n))
        self.side.did["pages"] += len(pages)

    async def login(self):
        who, name = self.side.rng.choice((
            (credentials.UsernamePassword(b"ada", b"lace"), "ada"),
            (credentials.Anonymous(), ""),
            (credentials.UsernamePassword(b"ada", b"wrong"), None),
            (credentials.UsernamePassword(b"nobody", b"lace"), None),
        )[:4 if self.side.refused < REFUSED_MAX else 2])
        self.side.refused += name is None
        self.side.did["logins"] += 1
        mind = Counter()
        call = self.side.factory.login(who, mind)
        if name is None:
            await self.expect_failure(call, b"twisted.cred.error.UnauthorizedLogin")
            return
        avatar = await call
        check("who", await self.call(avatar, "who"), name)
        n = self.side.rng.randrange(1, 1000)
        check("ask", (await self.call(avatar, "ask", n), mind.total), (n, n))


SERVED = ("echo", "fail", "missing", "cancelled", "counter", "call_back", "hold", "card",
          "shelf", "song", "pages")


# ---- The connections ----


class Side:
    """This side of the connection. There is one connection at a time."""

    def __init__(self, role, seed, seconds):
        self.role, self.ends_at = role, time.monotonic() + seconds
        self.rng = random.Random(seed)
        self.did = dict.fromkeys((
            "calls", "references", "caches", "published objects", "copies", "pages",
            "logins", "cancelled", "connections", "ended quietly", "cut"), 0)
        self.songs = [Song(f"song-{n}") for n in range(SONGS)]
        self.operations, self.object = Operations(self), Peer(self)
        self.logged_in, self.negotiated, self.next_look = 0, set(), 0
        self.first = self.last = None
        self.forget()

    def forget(self):
        """The state of one connection."""
        self.broker = self.peer = self.factory = self.on_ended = None
        self.held, self.waits = [], set()
        self.running, self.in_progress, self.ended, self.refused = False, 0, 0, 0
        self.quiet = []

    def connected(self):
        self.did["connections"] += 1
        self.peer.notifyOnDisconnect(self.disconnected)

    def start(self):
        self.running = True
        for _ in range(SIDE_BY_SIDE):
            defer.ensureDeferred(self.operate()).addErrback(stop)

    async def operate(self):
        """Makes operations one after the other."""
        names = SERVED + (("login",) if self.role == "client" else ())
        self.in_progress += 1
        while self.running and not self.broker.disconnected:
            try:
                await getattr(self.operations, self.rng.choice(names))()
            except LOST:
                if not self.broker.disconnected:
                    raise
            self.ended += 1
            if self.running and self.on_ended:
                self.on_ended()
        self.in_progress -= 1
        if self.in_progress == 0:
            for waiting in self.quiet:
                waiting.callback(None)
            self.quiet = []

    @defer.inlineCallbacks
    def become_quiet(self):
        """Ends the operations of this side, and releases what they have left."""
        self.running = False
        if self.in_progress:
            waiting = defer.Deferred()
            self.quiet.append(waiting)
            yield waiting
        self.held.clear()

    def wait_for(self, waiting):
        """Some Deferreds of Twisted's never fire when the connection is lost."""
        self.waits.add(waiting)
        return waiting.addBoth(self.waited, waiting)

    def waited(self, result, waiting):
        self.waits.discard(waiting)
        return result

    def cut(self, how):
        transport = self.broker.transport
        if how == 0:
            transport.loseConnection()
        elif how == 1:
            transport.abortConnection()
        else:
            transport.socket.shutdown(2)

    def disconnected(self, _):
        self.running = False
        self.on_ended = None
        # Once the broker has failed the outstanding calls.
        reactor.callLater(0, self.after_connection)

    def after_connection(self):
        try:
            for waiting in list(self.waits):
                waiting.cancel()
            check("operations after the connection", self.in_progress, 0)
            self.forget()
            reactor.callLater(PAUSE / 3, self.look_for_rest)
        except Wrong as e:
            stop(e)

    def look_for_rest(self):
        """Without a connection, nothing is left of the one before. On a slow machine the
        next one may have begun."""
        number = self.did["connections"]
        if self.negotiated or WARM < number < self.next_look:
            return
        self.next_look = number + LOOK_EVERY
        self.look()

    def look(self):
        gc.collect()
        rest = [o for o in gc.get_objects() if isinstance(
            o, (pb.RemoteReference, Shelf, CachedShelf, Counter, Card, Avatar))]
        self.last = (len(gc.get_objects()), memory())
        if self.did["connections"] <= WARM or not self.first:
            self.first = self.last
        try:
            check("left without a connection", rest, [])
            check("avatars that are not logged out", self.logged_in, 0)
        except Wrong as e:
            stop(e)

    def print_figures(self):
        did = ", ".join(f"{n} {what}" for what, n in self.did.items())
        print(f"Twisted {self.role}: {did}; objects {self.first[0]} to {self.last[0]}, "
              f"memory {self.first[1]} to {self.last[1]} KiB")


def memory():
    """The resident memory of this process, in KiB."""
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize() // 1024


def stop(reason=None):
    if reason is not None:
        value = getattr(reason, "value", reason)
        print(f"FAILED as {side.role}, in connection {side.did['connections']}: "
              f"{type(value).__name__}: {value}")
        if hasattr(reason, "getTraceback"):
            print(reason.getTraceback(), file=sys.stderr)
        sys.stdout.flush()
        os._exit(1)
    if reactor.running:
        reactor.stop()


def serve(endpoint):
    users = checkers.InMemoryUsernamePasswordDatabaseDontUse(main=b"secret", ada=b"lace")
    logins = portal.Portal(Realm(side), [users, checkers.AllowAnonymousAccess()])
    listening = endpoints.serverFromString(reactor, endpoint).listen(
        ServerFactory(logins))
    listening.addCallback(lambda port: print(f"listening on tcp:{port.getHost().port}"))
    listening.addErrback(stop)


async def one_connection(endpoint):
    """Returns when it has ended, in one of the ways."""
    side.factory = ClientFactory()
    await endpoint.connect(side.factory)
    avatar = await side.factory.login(credentials.UsernamePassword(b"main", b"secret"),
                                      side.object)
    side.broker = avatar.broker
    side.peer = await avatar.callRemote("peer")
    side.connected()
    closed = defer.Deferred()
    side.peer.notifyOnDisconnect(lambda _: closed.callback(None))
    counts = await counted()
    wanted = side.rng.randrange(20, 200)
    enough = defer.Deferred()
    side.on_ended = lambda: side.ended == wanted and enough.callback(None)
    await side.peer.callRemote("start")
    side.start()
    await enough
    how = 0 if time.monotonic() >= side.ends_at else side.rng.randrange(4)
    if how == 0:
        await side.become_quiet()
        await side.peer.callRemote("quiet")
        side.held.clear()
        await tables_are(counts)
        side.did["ended quietly"] += 1
        side.broker.transport.loseConnection()
    else:
        side.did["cut"] += 1
        if how == 1:
            side.cut(side.rng.randrange(3))
        else:
            await ignore_loss(side.peer.callRemote("cut", 0))
    await closed


async def ignore_loss(call):
    try:
        await call
    except LOST:
        pass


async def counted():
    there = await side.peer.callRemote("counts")
    return peers.counts(side.broker), there


async def tables_are(wanted):
    for _ in range(POLLS):
        got = await counted()
        if got == wanted:
            return
        await task.deferLater(reactor, POLL_INTERVAL)
    check("the tables here and there", got, wanted)


async def connect(endpoint):
    endpoint = endpoints.clientFromString(reactor, endpoint)
    while time.monotonic() < side.ends_at:
        await one_connection(endpoint)
        await task.deferLater(reactor, PAUSE)


def main():
    global side
    endpoint, role, seed, seconds = sys.argv[1:]
    side = Side(role, seed, float(seconds))
    # Until logging begins, all events are stored. Most are failures that the peer gets.
    globalLogBeginner.beginLoggingTo([lambda event: None], redirectStandardIO=False)
    folder = tempfile.mkdtemp()
    os.chdir(folder)  # publish writes its files to the current directory
    if role == "server":
        reactor.callWhenRunning(serve, endpoint)
    else:
        reactor.callWhenRunning(
            lambda: defer.ensureDeferred(connect(endpoint)).addCallbacks(
                lambda _: stop(), stop))
    reactor.run()
    shutil.rmtree(folder)
    side.forget()
    side.look()
    side.print_figures()
    try:
        check("Python's objects have grown",
              max(0, side.last[0] - side.first[0] - OBJECTS_GROWTH), 0)
    except Wrong as e:
        stop(e)


main()
