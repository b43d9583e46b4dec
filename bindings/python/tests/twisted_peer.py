# SPDX-License-Identifier: MIT
"""Twisted's side of test_live.py: `twisted_peer.py serve` or `twisted_peer.py call PORT`.

The server prints two ports, of a root object and of a portal, and stops at the end of its
input. The client checks the answers of a libpb server, and exits with 0 if all are
right."""
import builtins
import sys

from twisted.cred.checkers import AllowAnonymousAccess
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse as Users
from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, endpoints, protocol, reactor, stdio, task
from twisted.python import failure, log
from twisted.spread import pb, util
from zope.interface import implementer


class Item(pb.Copyable, pb.RemoteCopy):
    """A dataclass on libpb's side."""

    def __init__(self, name="", price=0, parts=None):
        self.name, self.price, self.parts = name, price, parts or []

    def getTypeToCopy(self):
        return b"shop.Item"


pb.setUnjellyableForClass("shop.Item", Item)


class SoldOut(pb.Error):
    pass


class Two(pb.Referenceable):
    def remote_three(self, n):
        return [1, 2, n]


def tables(broker):
    """The sizes of the broker's tables, without the root object."""
    numbered = [i for i in broker.localObjects if isinstance(i, int)]
    return [len(broker.luids), len(numbered), len(broker.waitingForAnswers)]


class Service(pb.Referenceable):
    two = Two()

    def __init__(self, broker):
        self.broker, self.kept = broker, None

    def remote_getTwo(self):
        return self.two

    def remote_isTwo(self, two):
        return two is self.two

    def remote_echo(self, *args, **kwargs):
        return [args, kwargs]

    def remote_later(self, value):
        return task.deferLater(reactor, 0.01, lambda: value)

    def remote_never(self):
        return defer.Deferred()

    def remote_fail(self, kind):
        raise {"sold out": SoldOut("no more"), "key": KeyError("missing")}[kind]

    def remote_item(self, name):
        return Item(name, 5, [Item("part", 1)])

    def remote_describe(self, item):
        return [type(item).__name__, item.name, item.price, [p.name for p in item.parts]]

    def remote_call(self, ref, method, *args, **kwargs):
        return ref.callRemote(method, *args, **kwargs)

    @defer.inlineCallbacks
    def remote_trap(self, ref, method):
        try:
            yield ref.callRemote(method)
        except pb.RemoteError as e:
            return [e.remoteType.decode(), str(e)]
        except Exception as e:
            return [failure.Failure().type.__name__, str(e)]

    def remote_pages(self, collector, size):
        util.StringPager(collector, b"x" * size, 1000)

    @defer.inlineCallbacks
    def remote_collect(self, ref, method):
        pages = yield util.getAllPages(ref, method)
        return [len(page) for page in pages]

    @defer.inlineCallbacks
    def remote_call_by_name(self, ref, method, *args):
        answer = yield ref.callRemote(method, *args)
        return answer

    def remote_fail_as(self, name):
        raise getattr(builtins, name)("so")

    def remote_keep(self, ref):
        self.kept = ref

    def remote_forget(self):
        self.kept = None

    def remote_tables(self):
        return tables(self.broker)

    def remote_drop(self):
        self.broker.transport.abortConnection()


class Root(pb.Root):
    def rootObject(self, broker):
        return Service(broker)


class Avatar(pb.Avatar):
    def __init__(self, name, mind):
        self.name, self.mind = name, mind

    def perspective_whoami(self):
        return self.name

    def perspective_ask(self, question):
        return self.mind.callRemote("answer", question)


@implementer(IRealm)
class Realm:
    def requestAvatar(self, name, mind, *interfaces):
        name = name if isinstance(name, bytes) else b"anonymous"
        return pb.IPerspective, Avatar(name, mind), lambda: log_out(name)


def log_out(name):
    print("logout", name.decode(), flush=True)


class Stop(protocol.Protocol):
    def connectionLost(self, reason):
        reactor.stop()


def serve():
    portal = Portal(Realm(), [Users(alice=b"secret"), AllowAnonymousAccess()])
    for root in Root(), portal:
        port = reactor.listenTCP(0, pb.PBServerFactory(root), interface="127.0.0.1")
        print(port.getHost().port, flush=True)
    stdio.StandardIO(Stop())
    reactor.run()


# ---- The client ----

class Mind(pb.Referenceable):
    def remote_answer(self, question):
        return question.upper()


def expect(got, wanted):
    assert got == wanted, f"{got!r} instead of {wanted!r}"


@defer.inlineCallbacks
def fails(call, name):
    """Checks that a call fails with an exception of that name; returns its text."""
    try:
        got = yield call
    except Exception as e:
        f = failure.Failure()
        remote = getattr(e, "remoteType", b"").decode()
        names = [remote, f.type.__module__ + "." + f.type.__name__]
        assert name in names, f"{names} instead of {name}"
        return str(e)
    raise AssertionError(f"{got!r} instead of {name}")


@defer.inlineCallbacks
def call_all(root, broker):
    two = yield root.callRemote("getTwo")
    expect((yield two.callRemote("three", 12)), [1, 2, 12])
    expect((yield root.callRemote("isTwo", two)), True)
    expect((yield root.callRemote("echo", 1, "x", b"y", k=[None, True, 1.5])),
           [(1, "x", b"y"), {"k": [None, True, 1.5]}])
    big = [2 ** 400, -2 ** 300, "x" * 600000, b"y" * 600000]
    expect((yield root.callRemote("echo", *big)), [tuple(big), {}])
    shared = [1]
    (answer, _) = yield root.callRemote("echo", shared, shared)
    assert answer[0] is answer[1]
    expect((yield root.callRemote("later", 7)), 7)
    text = yield fails(root.callRemote("fail", "sold out"), "shop.SoldOut")
    expect(text, "no more")
    yield fails(root.callRemote("fail", "error"), "twisted.spread.pb.Error")
    yield fails(root.callRemote("fail", "key"), "builtins.KeyError")
    yield fails(root.callRemote("fail later", "x"), "twisted.spread.flavors.NoSuchMethod")
    item = yield root.callRemote("item", "pen")
    expect([type(item), item.name, item.price, item.parts[0].name],
           [Item, "pen", 5, "part"])
    expect((yield root.callRemote("describe", Item("ink", 3, [Item("lid")]))),
           ["Item", "ink", 3, ["lid"]])
    expect((yield root.callRemote("call", Mind(), "answer", "why")), "WHY")
    pages = yield util.getAllPages(root, "pages", 5)
    expect([len(page) for page in pages], [1, 2, 3, 4, 5])
    expect((yield root.callRemote("anything at all", 1, 2)), ["anything at all", 1, 2])
    view = yield root.callRemote("view")
    expect((yield view.callRemote("whose")), None)
    calls = [root.callRemote("echo", i) for i in range(10000)]
    for i, (success, answer) in enumerate((yield defer.DeferredList(calls))):
        assert success and answer == [(i,), {}]
    del two, view, answer, calls
    yield root.callRemote("echo")
    expect((yield root.callRemote("counts")), [0, 0])
    expect(tables(broker), [0, 0, 0])


@defer.inlineCallbacks
def log_in(port):
    where = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port)
    for credentials, name in [(UsernamePassword(b"alice", b"secret"), "alice"),
                              (Anonymous(), "nobody")]:
        factory = pb.PBClientFactory()
        yield where.connect(factory)
        avatar = yield factory.login(credentials, Mind())
        expect((yield avatar.callRemote("whoami")), name)
        expect((yield avatar.callRemote("ask", "how")), "HOW")
        view = yield avatar.callRemote("view")
        expect((yield view.callRemote("whose")), name)
        yield fails(avatar.callRemote("nothing"), "builtins.AttributeError")
        factory.disconnect()
    for wrong in (UsernamePassword(b"alice", b"wrong"),
                  UsernamePassword(b"eve", b"secret")):
        factory = pb.PBClientFactory()
        yield where.connect(factory)
        yield fails(factory.login(wrong), "twisted.cred.error.UnauthorizedLogin")
        factory.disconnect()


@defer.inlineCallbacks
def call(reactor, port, portal_port):
    factory = pb.PBClientFactory()
    yield endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
    root = yield factory.getRootObject()
    yield call_all(root, factory._broker)
    lost = fails(root.callRemote("drop"), "twisted.spread.pb.PBConnectionLost")
    yield lost
    yield fails(defer.maybeDeferred(root.callRemote, "echo"),
                "twisted.spread.pb.DeadReferenceError")
    yield log_in(portal_port)


if __name__ == "__main__":
    log.startLogging(sys.stderr, setStdout=False)
    if sys.argv[1] == "serve":
        serve()
    else:
        task.react(call, [int(port) for port in sys.argv[2:]])
