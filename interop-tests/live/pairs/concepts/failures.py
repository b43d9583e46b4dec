# SPDX-License-Identifier: MIT
"""Failures in both directions: checked by class and by name, raised at once and later,
forwarded, sent as values; and exceptions that are sent as copies."""

from twisted.internet import defer, reactor, task
from twisted.python import failure
from twisted.spread import pb

from pairs import pair
from peers import peer


class ShopError(pb.Error):
    __module__ = "shop"


class SoldOut(ShopError):
    __module__ = "shop"


class Odd(ValueError):
    __module__ = "shop"


class Jellied(pb.Error, pb.Copyable, pb.RemoteCopy):
    """Is sent as a copy, whose class the other side has registered."""

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


def failure_names(f):
    """Those of the known class names that the failure has."""
    return " ".join(name for name in NAMES if f.check(name))


def print_outcome(label, call):
    """As pair.print_result, with the known names of a failure."""
    return call.addCallbacks(
        lambda answer: print(label, "answered", pair.value_text(answer)),
        lambda f: print(label, "failed:", pair.failure_text(f), "is", failure_names(f)))


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
        """Forwards the failure of the other object's method."""
        return other.callRemote("now", name)

    def remote_seen(self, other, name):
        """Answers with the server's view of the client's failure."""
        def seen(f):
            print("the server saw", pair.failure_text(f))
            return [f.type.decode(), f.value, failure_names(f)]

        return other.callRemote("now", name).addErrback(seen)

    def remote_value(self):
        try:
            raise SoldOut("in an answer")
        except SoldOut:
            return [pb.CopyableFailure(failure.Failure().value)]

    def remote_trapped(self, other):
        """Traps a failure of the client by name."""
        call = other.callRemote("now", "sold")
        return call.addErrback(lambda f: f.trap("shop.ShopError")).addErrback(
            lambda f: "not trapped")


def failures(factory):
    root = yield factory.getRootObject()
    for name in RAISED:
        yield print_outcome(name, root.callRemote("now", name))
    for name in "sold", "odd":
        yield print_outcome(name + " later", root.callRemote("later", name))
    mine = Raises()
    for name in "sold", "odd":
        yield print_outcome(name + " forwarded", root.callRemote("forward", mine, name))
        yield print_outcome(name + " seen", root.callRemote("seen", mine, name))
    yield print_outcome("trapped", root.callRemote("trapped", mine))
    (value,) = yield root.callRemote("value")
    print("a value:", pair.failure_text(value), "is", failure_names(value))
    for later in False, True:
        f = yield root.callRemote("jellied", later).addErrback(lambda f: [f])
        print("jellied:", type(f[0].value).__name__, "with", f[0].value.shelf)
    del mine, value, f


def traceback(factory):
    root = yield factory.getRootObject()

    def failed(f):
        lines = f.traceback.splitlines()
        print("its traceback:", lines[0], "...", lines[-1].removeprefix("Failure: "))

    yield root.callRemote("now", "odd").addErrback(failed)
    yield root.callRemote("later", "sold").addErrback(failed)


pair.main({
    "failures": (lambda: peer.serve(Failures()), failures),
    "traceback": (lambda: peer.serve(Failures(), unsafeTracebacks=True), traceback),
    "no-traceback": (lambda: peer.serve(Failures()), traceback),
})
