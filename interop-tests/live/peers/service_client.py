# SPDX-License-Identifier: MIT
"""A client that tests all methods of `pb serve`. Prints "passed:" or "FAILED:" and the
name of each step, and "done" after the last. The switch "light" after the endpoint on the
command line makes it send less, for slow proxies."""

import gc
import sys

from twisted.internet import defer, reactor
from twisted.spread import jelly, pb

import values
from harness import EMPTY_COUNTS
from peers import peer

LIGHT = "light" in sys.argv
ERROR = "twisted.spread.pb.Error"


class Mine(pb.Referenceable):
    pass


class Forbidden:
    """A class that this client may send, and that no server allows."""

    def __init__(self):
        self.x = 1


STEPS = []


def step(function):
    STEPS.append(function)
    return function


def expect_same(got, wanted):
    """Compares by repr, which distinguishes types and makes NaN equal to itself."""
    if repr(got) != repr(wanted):
        raise AssertionError(f"{got!r:.200} instead of {wanted!r:.200}")


def expect_failure(call, name, text=None):
    """Waits for a call to fail with a class that trap() finds by this name."""

    def answered(got):
        raise AssertionError(f"answered {got!r:.200}")

    def failed(failure):
        failure.trap(name)
        if text is not None:
            expect_same(str(failure.value), text)

    return call.addCallbacks(answered, failed)


@step
def ping(root):
    expect_same((yield root.callRemote("ping")), "pong")


@step
def values_of_every_kind(root):
    sent = [values.parse(literal) for literal in values.LITERALS]
    for value in sent:
        expect_same((yield root.callRemote("echo", value)), value)
    expect_same((yield root.callRemote("echo", sent)), sent)
    for make in values.MADE.values():
        value = make()
        expect_same((yield root.callRemote("echo", value)), value)


@step
def shared_and_cyclic_values_keep_their_shape(root):
    one = [1]
    both = yield root.callRemote("echo", {"a": one, "b": (one, one)})
    if not both["a"] is both["b"][0] is both["b"][1]:
        raise AssertionError("one list came back as two")
    one.append(one)
    loop = yield root.callRemote("echo", one)
    if loop[1] is not loop:
        raise AssertionError("a list that contains itself came back as another")


@step
def large_values(root):
    times = 10 if LIGHT else 2560  # 640 KiB
    blob, many = bytes(range(256)) * times, list(range(times))
    expect_same((yield root.callRemote("echo", blob)), blob)
    expect_same((yield root.callRemote("echo", many)), many)


@step
def add(root):
    for a, b in [(1, 2), (-1, 1), (1.5, 2), (2**40, 2**41), (0.1, 0.2)]:
        expect_same((yield root.callRemote("add", a, b)), a + b)


@step
def failures_are_trapped_by_name(root):
    call = root.callRemote("fail", "not \u20ac today")
    yield expect_failure(call, ERROR, "not \u20ac today")
    yield expect_failure(root.callRemote("fail", ""), "builtins.Exception", "")


@step
def failures_are_trapped_by_class(root):
    try:
        yield root.callRemote("fail", "message").addErrback(
            lambda f: f.trap(pb.Error) and f)
    except pb.RemoteError as e:
        expect_same((e.remoteType, e.args[0]), (b"twisted.spread.pb.Error", "message"))
    else:
        raise AssertionError("no failure")


@step
def missing_methods(root):
    for name in "nothing", "", "e\u00e9", "remote_echo", "__class__":
        yield expect_failure(root.callRemote(name), "twisted.spread.flavors.NoSuchMethod")


@step
def missing_objects(root):
    stale = pb.RemoteReference(None, root.broker, 123456, 0)
    yield expect_failure(stale.callRemote("ping"), ERROR, "Invalid Object ID")
    unnamed = root.broker.remoteForName("nobody")
    yield expect_failure(unnamed.callRemote("ping"), ERROR, "Invalid Object ID")


@step
def wrong_arguments(root):
    for method, args, kwargs in [
            ("ping", (1,), {}), ("add", (), {}), ("add", (1,), {}),
            ("add", (1, 2, 3), {}), ("add", (1, "x"), {}),
            ("ping", (), {"nonsense": 1}), ("slow", ("x", 1), {})]:
        call = root.callRemote(method, *args, **kwargs)
        yield expect_failure(call, "builtins.TypeError")


@step
def forbidden_classes(root):
    jelly.globalSecurity.allowInstancesOf(Forbidden)
    call = root.callRemote("echo", [Forbidden()])
    yield expect_failure(call, "twisted.spread.jelly.InsecureJelly")
    expect_same((yield root.callRemote("ping")), "pong")


@step
def no_answer_wanted(root):
    for method in "ping", "fail", "nothing":
        expect_same(root.callRemote(method, pbanswer=False), None)
    expect_same((yield root.callRemote("ping")), "pong")


@step
def references_are_called_back(root):
    first = yield root.callRemote("ref")
    second = yield first.callRemote("ref")
    expect_same((yield first.callRemote("echo", 1)), 1)
    expect_same((yield second.callRemote("add", 1, 2)), 3)
    missing = second.callRemote("nothing")
    yield expect_failure(missing, "twisted.spread.flavors.NoSuchMethod")
    if first == second:
        raise AssertionError("two references are one")


@step
def references_are_sent_back(root):
    theirs = yield root.callRemote("ref")
    back = yield root.callRemote("echo", [theirs, (theirs,)])
    if not theirs == back[0] == back[1][0]:
        raise AssertionError("another reference came back")
    expect_same((yield back[0].callRemote("ping")), "pong")
    mine = Mine()
    back = yield root.callRemote("echo", {"one": mine, "two": [mine]})
    if not mine is back["one"] is back["two"][0]:
        raise AssertionError("another object came back")


@step
def references_are_released(root):
    """In several rounds, more than a peer may hold at once, in both directions."""
    for _ in range(12):
        mine = [Mine() for _ in range(100)]
        back = yield defer.gatherResults(
            [root.callRemote("echo", m) for m in mine], consumeErrors=True)
        if not all(a is b for a, b in zip(mine, back)):
            raise AssertionError("another object came back")
        del mine, back
        calls = [root.callRemote("ref") for _ in range(100)]
        yield defer.gatherResults(calls, consumeErrors=True)
        del calls
        expect_same((yield root.callRemote("ping")), "pong")


@step
def too_many_references(root):
    """1024 besides the root are allowed. One more fails, until one is released."""
    held = yield defer.gatherResults(
        [root.callRemote("ref") for _ in range(1024)], consumeErrors=True)
    yield expect_failure(root.callRemote("ref"), ERROR)
    held.pop()
    gc.collect()
    held.append((yield root.callRemote("ref")))
    expect_same((yield held[-1].callRemote("ping")), "pong")


@step
def answers_come_when_they_are_ready(root):
    order = []
    yield defer.gatherResults([
        root.callRemote("slow", 0.3, "last").addCallback(order.append),
        root.callRemote("slow", 0.1, "second").addCallback(order.append),
        root.callRemote("ping").addCallback(order.append)])
    expect_same(order, ["pong", "second", "last"])


@step
def a_thousand_calls_in_flight(root):
    calls = [root.callRemote("slow", 0.2, n) for n in range(500)]
    calls += [root.callRemote("echo", n) for n in range(500, 1000)]
    expect_same(len(root.broker.waitingForAnswers), 1000)
    expect_same((yield defer.gatherResults(calls, consumeErrors=True)), list(range(1000)))


@step
def nothing_is_left_behind(root):
    yield root.callRemote("ping")  # decrefs follow the answers
    expect_same(peer.counts(root.broker), EMPTY_COUNTS)


@defer.inlineCallbacks
def run_all(factory):
    root = yield factory.getRootObject()
    for function in STEPS:
        name = function.__name__.replace("_", " ")
        try:
            yield defer.inlineCallbacks(function)(root).addTimeout(20, reactor)
        except Exception as e:
            print(f"FAILED: {name}: {type(e).__name__}: {e}")
        else:
            print(f"passed: {name}")
    print("done")


run_all(peer.connect()).addBoth(peer.stop)
reactor.run()
