# SPDX-License-Identifier: MIT
"""Copies more closely: tags, factories and class trees, copies within copies, shared and
cyclic, with references inside, of both sides, and those that are refused."""

from twisted.persisted import crefutil
from twisted.spread import jelly, pb

from pairs import pair
from pairs.pair import say
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
    """Its state is no dictionary."""

    def getTypeToCopy(self):
        return b"copying.Bare"

    def getStateToCopy(self):
        return (1, "two", [3])


class Broken(pb.Copyable):
    def getTypeToCopy(self):
        return b"copying.Point"

    def getStateToCopy(self):
        raise ValueError("no state")


class Copied(pb.RemoteCopy, pb.Copyable):
    """Can be sent on."""

    def getTypeToCopy(self):
        return self.tag


class CopiedPoint(Copied):
    tag = Point.tag


class CopiedTree(Copied):
    tag = Tree.tag


class CopiedBare(pb.RemoteCopy):
    def setCopyableState(self, state):
        self.state = state


def make(state):
    return ("made of", state["a"])


class CopiedLeaf(pb.RemoteCopy):
    pass


for copied in CopiedPoint, CopiedTree, CopiedBare, CopiedLeaf:
    copied.__name__ = copied.__name__.removeprefix("Copied")
module = type(pb)("copied")
module.Leaf = CopiedLeaf
pb.setUnjellyableForClass(Point.tag, CopiedPoint)
pb.setUnjellyableForClass(Tree.tag, CopiedTree)
pb.setUnjellyableForClass(b"copying.Bare", CopiedBare)
jelly.setUnjellyableFactoryForClass(Made.tag, make)
jelly.setUnjellyableForClassTree(module, pb.RemoteCopy, "tree")


def read(value):
    """A copy as text."""
    if isinstance(value, CopiedBare):
        return f"Bare {value.state}"
    if isinstance(value, crefutil._Dereference):
        return "never filled"  # by the default setCopyableState of Python 3
    if not isinstance(value, pb.RemoteCopy):
        return pair.shown(value)
    inner = ", ".join(f"{k}={read(v)}" for k, v in value.__dict__.items())
    return f"{type(value).__name__}({inner})"


class Copies(pb.Root):
    def remote_take(self, *values):
        return [read(value) for value in values]

    def remote_same(self, a, b):
        return a is b

    def remote_call(self, point):
        return point.told.callRemote("tell", point.x)

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
        yield pair.tell("take " + name, root.callRemote("take", value))
    ours = examples()
    yield pair.tell("same", root.callRemote("same", *ours["shared"]))
    yield pair.tell("same", root.callRemote("same", Point(x=1), Point(x=1)))
    told = pair.Told("the client's")
    yield pair.tell("call", root.callRemote("call", Point(x=8, told=told)))
    for name in ours:
        if name == "unknown":
            continue
        value = yield root.callRemote("give", name)
        say("given", name + ":", read(value))
    a, b = yield root.callRemote("give", "shared")
    say("shared:", a is b)
    back = yield root.callRemote("echo", a)
    say("echoed:", read(back), back is a)
    yield root.callRemote("take", Broken()).addErrback(
        lambda f: say("not sent:", f.value))
    yield root.callRemote("broken").addErrback(lambda f: say("not given:", f.value))
    yield pair.tell("still", root.callRemote("take", 1))


pair.main({"copying": (lambda: peer.serve(Copies()), copying)})
