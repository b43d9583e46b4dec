# SPDX-License-Identifier: MIT
"""Values, as in Twisted's pbsimple and pbinterop."""

from twisted.spread import flavors, pb

from pairs import pair
from peers import peer


class Echoer(pb.Root):
    def remote_echo(self, text):
        print("echoing:", text)
        return text


def simple(factory):
    echoer = yield factory.getRootObject()
    yield pair.print_result("echo", echoer.callRemote("echo", "hello network"))


class Copied(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass(flavors.Copyable, Copied)


class Greeter(pb.Referenceable):
    def remote_hello(self):
        print("greeted")
        return "hello, world"


class Interop(pb.Root):
    def __init__(self):
        self.greeter = Greeter()

    def remote_int(self):
        return 1

    def remote_string(self):
        return b"string"

    def remote_unicode(self):
        return "string"

    def remote_float(self):
        return 1.5

    def remote_list(self):
        return [1, 2, 3]

    def remote_recursive(self):
        loop = []
        loop.append(loop)
        return loop

    def remote_dict(self):
        return {1: 2}

    def remote_reference(self):
        return self.greeter

    def remote_local(self, greeter):
        return greeter.callRemote("hello").addCallback(
            lambda words: print("the greeter answered", words))

    def remote_receive(self, values):
        print("received", values)

    def remote_self(self, other):
        print("the argument is", "this object" if other is self else "another object")

    def remote_copy(self, x):
        pond = flavors.Copyable()
        pond.x = x
        return pond


def interop(factory):
    root = yield factory.getRootObject()
    for name in "int", "string", "unicode", "float", "list", "dict", "reference":
        yield pair.print_result(name, root.callRemote(name))
    loop = yield root.callRemote("recursive")
    print("recursive:", len(loop), loop[0] is loop)
    mine = Greeter()
    yield pair.print_result("local", root.callRemote("local", mine))
    values = [1, 1.5, "hi", "hi", {1: 2}]
    yield pair.print_result("receive", root.callRemote("receive", values))
    yield pair.print_result("self", root.callRemote("self", root))
    yield pair.print_result("self", root.callRemote("self", mine))
    copied = yield root.callRemote("copy", 5)
    print("copy:", pair.value_text(copied), "with", copied.x)


pair.main({
    "pbsimple": (lambda: peer.serve(Echoer()), simple),
    "pbinterop": (lambda: peer.serve(Interop()), interop),
})
