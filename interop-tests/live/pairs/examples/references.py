# SPDX-License-Identifier: MIT
"""References, as in Twisted's pb1, pb2, pb3 and pb4: a server sends one, recognizes its
object when the reference is sent back, calls the client through one, and publishes
objects under names."""

from twisted.spread import pb

from pairs import pair
from peers import peer


class Two(pb.Referenceable):
    def remote_three(self, arg):
        print("Two.three was given", arg)

    def remote_print(self, arg):
        print("Two.print was given", arg)


class Pb1(pb.Root):
    def remote_getTwo(self):
        print("One gives a new Two")
        return Two()


def pb1(factory):
    one = yield factory.getRootObject()
    two = yield one.callRemote("getTwo")
    print("got", pair.value_text(two))
    yield pair.print_result("three", two.callRemote("three", 12))


class Pb2(pb.Root):
    def __init__(self):
        self.two = Two()

    def remote_getTwo(self):
        print("One gives its Two")
        return self.two

    def remote_checkTwo(self, two):
        print("One was given", "its Two" if two is self.two else "another")


def pb2(factory):
    one = yield factory.getRootObject()
    two = yield one.callRemote("getTwo")
    print("got", pair.value_text(two))
    yield pair.print_result("checkTwo", one.callRemote("checkTwo", two))


class Pb3(pb.Root):
    def remote_takeTwo(self, two):
        print("One was given", pair.value_text(two))
        two.callRemote("print", 12)


def pb3(factory):
    one = yield factory.getRootObject()
    two = Two()
    yield pair.print_result("takeTwo", one.callRemote("takeTwo", two))


class Foo(pb.Root):
    def __init__(self, name):
        self.name = name

    def rootObject(self, broker):
        broker.setNameForLocal("two", Foo("two"))
        broker.setNameForLocal("three", Foo("three"))
        return self

    def remote_foo(self, arg):
        print(self.name, "was told to foo", arg)


def pb4(factory):
    broker = (yield factory.getRootObject()).broker
    for name, arg in ("root", "A"), ("two", "B"), ("three", "C"), ("four", "D"):
        yield pair.print_result(name, broker.remoteForName(name).callRemote("foo", arg))


pair.main({
    "pb1": (lambda: peer.serve(Pb1()), pb1),
    "pb2": (lambda: peer.serve(Pb2()), pb2),
    "pb3": (lambda: peer.serve(Pb3()), pb3),
    "pb4": (lambda: peer.serve(Foo("root")), pb4),
})
