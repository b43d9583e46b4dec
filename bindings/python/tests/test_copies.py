# SPDX-License-Identifier: MIT
"""Instances of registered classes in libpb.jelly: the same bytes as Twisted's jelly has
for the same objects, whatever their state; and tasters."""
import dataclasses
import sys
import unittest

import libpb
from compared import TestCase, graph, random_of
from libpb import jelly
from twisted.spread import banana as theirs_banana, jelly as theirs, pb

TESTS = __name__
CLASSES = []


def registered(cls):
    CLASSES.append(cls)
    return libpb.copyable(f"{TESTS}.{cls.__name__}")(cls)


@registered
class Empty:
    pass


@registered
class Plain:
    def __init__(self, **members):
        vars(self).update(members)


@registered
@dataclasses.dataclass(eq=False)
class NoFields:
    pass


@registered
@dataclasses.dataclass(eq=False)
class Fields:
    a: object
    b: object = None


@registered
class Failed(Exception):
    pass


@registered
class Derived(Plain):
    pass


@registered
class Own:
    """Has a state that is no dict."""

    state = None

    def __getstate__(self):
        return self.state

    def __setstate__(self, state):
        self.state = state


if sys.version_info >= (3, 11):  # before, Twisted cannot jelly it
    @registered
    class Slots:
        __slots__ = ("a", "b")

    @registered
    @dataclasses.dataclass(frozen=True, slots=True, eq=False)
    class Frozen:
        a: object
        b: object = ()


def instance(rnd, parts):
    """An instance of a random class; parts(n) gives n objects."""
    cls = rnd.choice(CLASSES)
    if cls in (Empty, NoFields):
        return cls()
    if cls is Failed:
        it = cls(*parts(rnd.randrange(2)))
        vars(it).update(zip("ab", parts(rnd.randrange(3))))
        return it
    if cls in (Plain, Derived):
        return cls(**dict(zip(("a", "h\u00e9", "list"), parts(rnd.randrange(4)))))
    if cls is Own:
        it = cls()
        it.state = rnd.choice((
            lambda: None, dict, list, tuple, lambda: 0, str, bytes, lambda: 1.5,
            lambda: parts(2), lambda: tuple(parts(2)), lambda: {1: parts(1)},
            lambda: {3}, lambda: True))()
        return it
    if cls.__name__ == "Slots":
        it = cls()
        for name, part in zip("ab", parts(rnd.randrange(3))):
            setattr(it, name, part)
        return it
    return cls(*parts(rnd.randrange(1, 3)))


def random_graph(rnd):
    """Instances in containers in instances, shared and cyclic."""
    made = []

    def parts(n):
        return [rnd.choice(made) if made and rnd.random() < 0.3 else part()
                for _ in range(n)]

    def part():
        if len(made) > 12 or rnd.random() < 0.2:
            return rnd.choice((None, 7, "text", b"list", 2 ** 70, ()))
        made.append(instance(rnd, parts) if rnd.random() < 0.6 else
                    graph(rnd, 4, leaves=[instance(rnd, lambda n: [None] * n)]))
        return made[-1]

    whole = [part() for _ in range(rnd.randrange(1, 4))]
    for it in made:
        if isinstance(it, (Plain, Failed)) and rnd.random() < 0.3:
            it.back = rnd.choice(made + [whole])  # a cycle
    return whole if rnd.random() < 0.7 else whole[0]


class Graphs(TestCase):
    def test_bytes_are_twisteds(self):
        rnd = random_of("copies")
        compared = read = refused = 0
        for i in range(20000):
            value = random_graph(rnd)
            expected = theirs_banana.encode(theirs.jelly(value))
            try:
                data = jelly.dumps(value, "none")
            except jelly.JellyError as e:
                # A tuple cannot be changed, so it is not sent before it is complete.
                self.assertRegex(str(e), "a (Slots|Frozen|Own|tuple) that contains itself")
                refused += 1
                continue
            if data != expected:
                self.assertEqual(jelly.jelly(value), theirs.jelly(value), f"graph {i}")
            compared += 1
            if i % 10 == 0:
                back = jelly.loads(data, "none")
                self.assertEqual(types_of(back), types_of(value))
                read += 1
        self.assertEqual(compared + refused, 20000)
        self.assertGreater(compared, 19000)
        self.assertGreater(read, 1500)

    def test_copyables_with_an_invoker(self):
        """As a broker sends them, by getStateToCopy."""
        class Invoker:
            serializingPerspective = None

        class Copied(pb.Copyable):
            def getTypeToCopy(self):
                return "test.Copied"

            def getStateToCopy(self):
                return self.copied

        @libpb.copyable("test.Copied")
        class Ours:
            def getStateToCopy(self):
                return self.copied

            def setCopyableState(self, state):
                self.copied = state

        for state in ({}, {"a": {}}, [], (), None, 0, "", b"x", {1: 2}, [{}]):
            theirs_one, ours = Copied(), Ours()
            theirs_one.copied = ours.copied = state
            with self.subTest(state=state):
                expected = theirs.jelly([theirs_one, theirs_one], invoker=Invoker())
                expected[1][2][0] = b"test.Copied"  # it is text in Twisted
                self.assertEqual(jelly.jelly([ours, ours]), expected)
                back = jelly.loads(jelly.dumps(ours)).copied
                self.assertEqual(back, {} if state is None else state)


def types_of(value):
    """The types of a value and of what is in it, in their order, each object once. (The
    args of exceptions are not sent, and the order of sets is any.)"""
    found, seen, todo = [], set(), [value]
    while todo:
        it = todo.pop()
        found.append(type(it))
        if id(it) in seen or isinstance(it, (set, frozenset)):
            continue
        seen.add(id(it))
        if isinstance(it, dict):
            todo += [part for pair in it.items() for part in pair]
        elif isinstance(it, (list, tuple)):
            todo += it
        elif isinstance(it, (Plain, Failed)):
            todo += vars(it).values()
    return found


class ComesBack(unittest.TestCase):
    def test_without_a_state(self):
        for value in Empty(), NoFields(), Failed(), Plain(), Own():
            with self.subTest(value=value):
                for depth in range(3):
                    back = jelly.loads(jelly.dumps(value))
                    inner = back
                    for _ in range(depth):
                        inner = inner[0]
                    self.assertIs(type(inner), type(value) if depth == 0 else inner_type)
                    inner_type = type(inner)
                    value = [value]

    def test_states(self):
        own = Own()
        own.state = [1, {"a": own}]
        back = jelly.loads(jelly.dumps(own))
        self.assertIs(back.state[1]["a"], back)
        failed = Failed("lost")
        failed.why = "so"
        self.assertEqual(vars(jelly.loads(jelly.dumps(failed))), {"why": "so"})

    @unittest.skipUnless(sys.version_info >= (3, 11), "Python is older")
    def test_slots(self):
        it = Slots()
        it.b = 5
        back = jelly.loads(jelly.dumps([it, Frozen(1)]))
        self.assertEqual((back[0].b, hasattr(back[0], "a")), (5, False))
        self.assertEqual((back[1].a, back[1].b), (1, ()))

    def test_what_a_peer_may_not_set(self):
        for cls, state in (Plain, {b"__class__": 1}), (Failed, {b"__traceback__": 1}):
            tag = f"{TESTS}.{cls.__name__}".encode()
            with self.assertRaisesRegex(TypeError, "cannot set the attribute"):
                jelly.unjelly([tag, [b"dictionary", *map(list, state.items())]])


class Tasters(unittest.TestCase):
    def test_what_is_allowed(self):
        nothing, basic, item = jelly.Taster(), jelly.Taster(), jelly.Taster()
        basic.allow_basic_types()
        item.allow_instances_of(Plain)
        leaves = [None, True, 5, 1.5, "x", b"y", {1}, frozenset([2])]
        containers = [[1], (2,), {"a": 1}]
        for value in leaves:
            for taster in nothing, basic, item:
                self.assertEqual(jelly.loads(jelly.dumps(value), taster=taster), value)
        for value in containers:
            data = jelly.dumps(value)
            with self.assertRaises(jelly.InsecureJelly):
                jelly.loads(data, taster=nothing)
            for taster in basic, item:
                self.assertEqual(jelly.loads(data, taster=taster), value)
        data = jelly.dumps([Plain(a=1)])
        for taster in nothing, basic:
            with self.assertRaises(jelly.InsecureJelly):
                jelly.loads(data, taster=taster)
        self.assertEqual(vars(jelly.loads(data, taster=item)[0]), {"a": 1})
        with self.assertRaises(jelly.InsecureJelly):
            jelly.loads(jelly.dumps(Empty()), taster=item)

    def test_as_twisteds(self):
        """For expressions of built-in types, the judgement is that of SecurityOptions."""
        for names in (), ("list",), (b"tuple", "dictionary"), ("reference", "list"):
            ours, options = jelly.Taster(), theirs.SecurityOptions()
            ours.allowTypes(*names)
            options.allowTypes(*names)
            for value in [1], (1,), {"a": 1}, [(1,)], {2}:
                expression = theirs.jelly(value)
                with self.subTest(names=names, value=value):
                    try:
                        expected = theirs.unjelly(expression, options)
                    except theirs.InsecureJelly:
                        with self.assertRaises(jelly.InsecureJelly):
                            jelly.unjelly(expression, ours)
                    else:
                        self.assertEqual(jelly.unjelly(expression, ours), expected)

    def test_writing(self):
        taster = jelly.Taster()
        taster.allow_basic_types()
        self.assertEqual(jelly.jelly([Plain()], taster)[1][0], b"unpersistable")
        self.assertEqual(jelly.jelly([1], taster), [b"list", 1])

    def test_misuse(self):
        for wrong in object, int:
            with self.assertRaisesRegex(TypeError, "not registered"):
                jelly.Taster().allow_instances_of(wrong)
        with self.assertRaises(AttributeError):
            jelly.loads(jelly.dumps(1), taster=object())


if __name__ == "__main__":
    unittest.main()
