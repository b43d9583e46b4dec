# SPDX-License-Identifier: MIT
"""References, as in Twisted's pb1, pb2, pb3 and pb4: a server gives one out, knows it when
it comes home, calls back through one, and publishes objects under names."""

from twisted.spread import pb

from pairs import pair
from pairs.pair import say
from peers import peer


class Two(pb.Referenceable):
    def remote_three(self, arg):
        say("Two.three was given", arg)

    def remote_print(self, arg):
        say("Two.print was given", arg)


class Pb1(pb.Root):
    def remote_getTwo(self):
        say("One gives a new Two")
        return Two()


def pb1(factory):
    one = yield factory.getRootObject()
    two = yield one.callRemote("getTwo")
    say("got", pair.shown(two))
    yield pair.tell("three", two.callRemote("three", 12))


class Pb2(pb.Root):
    def __init__(self):
        self.two = Two()

    def remote_getTwo(self):
        say("One gives its Two")
        return self.two

    def remote_checkTwo(self, two):
        say("One was given", "its Two" if two is self.two else "another")


def pb2(factory):
    one = yield factory.getRootObject()
    two = yield one.callRemote("getTwo")
    say("got", pair.shown(two))
    yield pair.tell("checkTwo", one.callRemote("checkTwo", two))


class Pb3(pb.Root):
    def remote_takeTwo(self, two):
        say("One was given", pair.shown(two))
        two.callRemote("print", 12)


def pb3(factory):
    one = yield factory.getRootObject()
    two = Two()
    yield pair.tell("takeTwo", one.callRemote("takeTwo", two))


class Foo(pb.Root):
    def __init__(self, name):
        self.name = name

    def rootObject(self, broker):
        broker.setNameForLocal("two", Foo("two"))
        broker.setNameForLocal("three", Foo("three"))
        return self

    def remote_foo(self, arg):
        say(self.name, "was told to foo", arg)


def pb4(factory):
    broker = (yield factory.getRootObject()).broker
    for name, arg in ("root", "A"), ("two", "B"), ("three", "C"), ("four", "D"):
        yield pair.tell(name, broker.remoteForName(name).callRemote("foo", arg))


pair.main({
    "pb1": (lambda: peer.serve(Pb1()), pb1),
    "pb2": (lambda: peer.serve(Pb2()), pb2),
    "pb3": (lambda: peer.serve(Pb3()), pb3),
    "pb4": (lambda: peer.serve(Foo("root")), pb4),
})
