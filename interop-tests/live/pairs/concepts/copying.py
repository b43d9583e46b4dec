# SPDX-License-Identifier: MIT
"""Copies of both sides: tags, factories and class trees, copies within copies, shared and
cyclic copies, copies with references inside, and rejected copies."""

from twisted.persisted import crefutil
from twisted.spread import jelly, pb

from pairs import pair
from peers import peer


class Point(pb.Copyable):
    tag = b"copying.Point"

    def __init__(self, **members):
        self.__dict__.update(members)

    def getTypeToCopy(self):
        return self.tag


class Tree(Point):
    tag = b"copying.Tree"


class Made(Point):
    tag = b"copying.Made"


class Leaf(Point):
    tag = b"tree.Leaf"


class Unknown(Point):
    tag = b"copying.Unknown"


class Bare(pb.Copyable):
    """Its state is not a dictionary."""

    def getTypeToCopy(self):
        return b"copying.Bare"

    def getStateToCopy(self):
        return (1, "two", [3])


class Broken(pb.Copyable):
    def getTypeToCopy(self):
        return b"copying.Point"

    def getStateToCopy(self):
        raise ValueError("no state")


class Received(pb.RemoteCopy, pb.Copyable):
    """A received copy that can be sent again."""

    def getTypeToCopy(self):
        return self.tag


class ReceivedPoint(Received):
    tag = Point.tag


class ReceivedTree(Received):
    tag = Tree.tag


class ReceivedBare(pb.RemoteCopy):
    def setCopyableState(self, state):
        self.state = state


def made_factory(state):
    return ("made of", state["a"])


class ReceivedLeaf(pb.RemoteCopy):
    pass


for received in ReceivedPoint, ReceivedTree, ReceivedBare, ReceivedLeaf:
    received.__name__ = received.__name__.removeprefix("Received")
module = type(pb)("copied")
module.Leaf = ReceivedLeaf
pb.setUnjellyableForClass(Point.tag, ReceivedPoint)
pb.setUnjellyableForClass(Tree.tag, ReceivedTree)
pb.setUnjellyableForClass(b"copying.Bare", ReceivedBare)
jelly.setUnjellyableFactoryForClass(Made.tag, made_factory)
jelly.setUnjellyableForClassTree(module, pb.RemoteCopy, "tree")


def copy_text(value):
    if isinstance(value, ReceivedBare):
        return f"Bare {value.state}"
    if isinstance(value, crefutil._Dereference):
        return "never filled"  # by the default setCopyableState of Python 3
    if not isinstance(value, pb.RemoteCopy):
        return pair.value_text(value)
    inner = ", ".join(f"{k}={copy_text(v)}" for k, v in value.__dict__.items())
    return f"{type(value).__name__}({inner})"


class Copies(pb.Root):
    def remote_take(self, *values):
        return [copy_text(value) for value in values]

    def remote_same(self, a, b):
        return a is b

    def remote_call(self, point):
        return point.printer.callRemote("tell", point.x)

    def remote_give(self, name):
        return examples()[name]

    def remote_broken(self):
        return Broken()

    def remote_echo(self, value):
        return value


def examples():
    shared, tree = Point(x=1), Tree(name="root")
    tree.self = tree
    return {
        "point": Point(x=1, y="two", z=b"three"), "empty": Point(),
        "nested": Tree(left=Point(x=1), right=Tree(left=None)),
        "shared": [shared, shared], "cyclic": tree, "made": Made(a=1, b=2),
        "leaf": Leaf(green=True), "bare": Bare(), "in a dict": {1: (Point(x=5),)},
        "unknown": Unknown(x=1),
    }


def copying(factory):
    root = yield factory.getRootObject()
    for name, value in examples().items():
        yield pair.print_result("take " + name, root.callRemote("take", value))
    ours = examples()
    yield pair.print_result("same", root.callRemote("same", *ours["shared"]))
    yield pair.print_result("same", root.callRemote("same", Point(x=1), Point(x=1)))
    printer = pair.Printer("the client's")
    yield pair.print_result("call", root.callRemote("call", Point(x=8, printer=printer)))
    for name in ours:
        if name == "unknown":
            continue
        value = yield root.callRemote("give", name)
        print("given", name + ":", copy_text(value))
    a, b = yield root.callRemote("give", "shared")
    print("shared:", a is b)
    back = yield root.callRemote("echo", a)
    print("echoed:", copy_text(back), back is a)
    yield root.callRemote("take", Broken()).addErrback(
        lambda f: print("not sent:", f.value))
    yield root.callRemote("broken").addErrback(lambda f: print("not given:", f.value))
    yield pair.print_result("still", root.callRemote("take", 1))


pair.main({"copying": (lambda: peer.serve(Copies()), copying)})
