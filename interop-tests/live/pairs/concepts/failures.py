# SPDX-License-Identifier: MIT
"""Failures in both directions: by class and by name, now and later, forwarded, sent as
values, and exceptions that are sent as themselves."""

from twisted.internet import defer, reactor, task
from twisted.python import failure
from twisted.spread import pb

from pairs import pair
from pairs.pair import say
from peers import peer


class ShopError(pb.Error):
    __module__ = "shop"


class SoldOut(ShopError):
    __module__ = "shop"


class Odd(ValueError):
    __module__ = "shop"


class Jellied(pb.Error, pb.Copyable, pb.RemoteCopy):
    """Is sent as itself, and known on the other side."""

    __module__ = "shop"

    def __init__(self, *args):
        pb.Error.__init__(self, *args)
        self.shelf = 7


class Received(pb.RemoteCopy, Exception):
    __module__ = "received"


pb.setUnjellyableForClass(Jellied, Received)
NAMES = ("shop.SoldOut", "shop.ShopError", "twisted.spread.pb.Error", "shop.Odd",
         "builtins.ValueError", "builtins.Exception")
RAISED = {
    "error": pb.Error("plain"), "shop": ShopError("shelf"), "sold": SoldOut("out", 3),
    "odd": Odd("odd"), "value": ValueError("\u20ac"), "empty": KeyError(),
    "lookup": IndexError("far"), "os": OSError("gone"), "stop": StopIteration(1),
}


def known(f):
    return " ".join(name for name in NAMES if f.check(name))


def tell(what, calling):
    def failed(f):
        say(what, "failed:", pair.told(f), "is", known(f) or "nothing known")
        return f

    calling.addErrback(failed)
    return calling.addCallbacks(lambda answer: say(what, "answered", pair.shown(answer)),
                                lambda f: None)


class Raises(pb.Referenceable):
    def remote_now(self, name):
        raise RAISED[name]

    def remote_later(self, name):
        return task.deferLater(reactor, 0, self.remote_now, name)

    def remote_jellied(self, later):
        if later:
            return defer.fail(Jellied("as itself"))
        raise Jellied("as itself")


class Failures(Raises, pb.Root):
    def remote_forward(self, other, name):
        """What another says goes on to the caller."""
        return other.callRemote("now", name)

    def remote_seen(self, other, name):
        """What the server makes of the client's failure."""
        def seen(f):
            say("the server saw", pair.told(f))
            return [f.type.decode(), f.value, known(f)]

        return other.callRemote("now", name).addErrback(seen)

    def remote_value(self):
        try:
            raise SoldOut("in an answer")
        except SoldOut:
            return [pb.CopyableFailure(failure.Failure().value)]

    def remote_trapped(self, other):
        """A failure that is trapped where it comes from nowhere else."""
        calling = other.callRemote("now", "sold")
        return calling.addErrback(lambda f: f.trap("shop.ShopError")).addErrback(
            lambda f: "not trapped")


def failures(factory):
    root = yield factory.getRootObject()
    for name in RAISED:
        yield tell(name, root.callRemote("now", name))
    for name in "sold", "odd":
        yield tell(name + " later", root.callRemote("later", name))
    mine = Raises()
    for name in "sold", "odd":
        yield tell(name + " forwarded", root.callRemote("forward", mine, name))
        yield tell(name + " seen", root.callRemote("seen", mine, name))
    yield tell("trapped", root.callRemote("trapped", mine))
    (value,) = yield root.callRemote("value")
    say("a value:", pair.told(value), "is", known(value))
    for later in False, True:
        f = yield root.callRemote("jellied", later).addErrback(lambda f: [f])
        say("jellied:", type(f[0].value).__name__, "with", f[0].value.shelf)
    del mine, value, f


def traceback(factory):
    root = yield factory.getRootObject()

    def failed(f):
        lines = f.traceback.splitlines()
        say("its traceback:", lines[0], "...", lines[-1].removeprefix("Failure: "))

    yield root.callRemote("now", "odd").addErrback(failed)
    yield root.callRemote("later", "sold").addErrback(failed)


pair.main({
    "failures": (lambda: peer.serve(Failures()), failures),
    "traceback": (lambda: peer.serve(Failures(), unsafeTracebacks=True), traceback),
    "no-traceback": (lambda: peer.serve(Failures()), traceback),
})
