# SPDX-License-Identifier: MIT
"""Jelly with libpb: the same expressions, objects and exceptions as without."""
import collections
import datetime
import decimal
import enum
import sys
import unittest

from compared import (TestCase, captures, graph, mutated, on_libpb, outcome, random_of,
                      seeds, shape)
from twisted.persisted import crefutil
from twisted.spread import banana, flavors, jelly


class Plain:
    def __init__(self, **state):
        self.__dict__.update(state)

    def __eq__(self, other):
        return self is other

    __hash__ = object.__hash__


class Stated(Plain):
    def __getstate__(self):
        return {"of": vars(self)}

    def __setstate__(self, state):
        self.state = state


class Own(jelly.Jellyable, jelly.Unjellyable):
    def __init__(self, **state):
        self.__dict__.update(state)


class Posting(jelly.Jellyable, jelly.Unjellyable):
    def __init__(self, log):
        self.log = log

    def postUnjelly(self):
        self.log.append("posted")


class Colour(enum.IntEnum):
    RED = 1


class Picked(dict):
    __hash__ = object.__hash__


Point = collections.namedtuple("Point", "x y")


def leaves():
    return (datetime.datetime(2001, 2, 3, 4, 5, 6, 7), datetime.date(2001, 2, 3),
            datetime.time(4, 5, 6, 7), datetime.timedelta(1, 2, 3),
            decimal.Decimal("-1.50"), Plain(a=1), Own(b=2), Stated(c=3), Plain, len, sys,
            Colour.RED, Point(1, 2), Picked(z=1), 1j, "\ud800", [].append)


def allowing():
    options = jelly.SecurityOptions()
    options.allowInstancesOf(Plain, Own, Stated, Posting)
    return options


class Jellying(TestCase):
    def round_trip(self, value):
        self.same(jelly.jelly, value)
        self.same(lambda: jelly.unjelly(jelly.jelly(value)))

    def test_random_objects(self):
        rnd = random_of("objects")
        for _ in range(1500):
            self.round_trip(graph(rnd))

    def test_random_objects_with_others(self):
        rnd = random_of("others")
        for _ in range(1500):
            value = graph(rnd, leaves=leaves() * 2)
            for taster in (jelly.DummySecurityOptions(), allowing(),
                           jelly.globalSecurity):
                self.same(jelly.jelly, value, taster)

    def test_each_other(self):
        for leaf in leaves():
            self.round_trip(leaf)
            self.round_trip([leaf, leaf, {"a": leaf}])

    def test_cycles(self):
        mine = []
        mine.append(mine)
        tuples = ([],)
        tuples[0].append(tuples)
        table = {}
        table["self"] = (table, frozenset([1]))
        plain = Plain()
        plain.me = [plain]
        own = Own()
        own.me = {"own": own}
        for value in (mine, tuples, table, plain, own, [plain, own, plain, own]):
            self.round_trip(value)

    def test_changed_while_jellied(self):
        class Changing(jelly.Jellyable):
            def __init__(self, change):
                self.change = change

            def jellyFor(self, jellier):
                self.change()
                return [b"changed", 1]

        def in_list(change):
            value = [1, 2, 3]
            value[1:1] = [Changing(lambda: change(value))]
            return jelly.jelly(value)

        def in_dict(change):
            value = {1: 2}
            value[3] = Changing(lambda: change(value))
            value[4] = 5
            return jelly.jelly(value)

        for change in (lambda v: v.append(9), lambda v: v.pop(), lambda v: v.clear()):
            self.same(in_list, change)
        for change in (lambda v: v.update({9: 9}), lambda v: v.pop(4),
                       lambda v: v.clear()):
            self.same(in_dict, change)

    def test_state_of_the_jellier(self):
        """A jellyFor sees the same state, and can do the same."""
        class Looking(jelly.Jellyable):
            def jellyFor(self, jellier):
                inner = [1, [2]]
                first = jellier.jelly(inner)
                sexp = jellier.prepare(self)
                sexp.extend([b"looking", first, jellier.jelly(inner),
                             jellier.jelly(shared), len(jellier.preserved),
                             len(jellier.cooked), jellier._ref_id, len(jellier.cooker),
                             jellier.invoker, jellier.persistentStore])
                return jellier.preserve(self, sexp)

        shared = [3]
        looking = Looking()
        self.same(jelly.jelly, [shared, looking, looking, shared, (shared,)])

    def test_tasters(self):
        class Picky(jelly.SecurityOptions):
            def __init__(self, refused):
                jelly.SecurityOptions.__init__(self)
                self.allowBasicTypes()
                self.refused = refused
                self.asked = []

            def isTypeAllowed(self, name):
                self.asked.append(name)
                return name != self.refused and \
                    jelly.SecurityOptions.isTypeAllowed(self, name)

        value = [1, "a", (b"x", None, True), {1.5: {2}}, frozenset([3])]
        sexp = jelly.jelly([value, value])
        for refused in (None, b"builtins.int", b"builtins.tuple", b"builtins.NoneType",
                        b"unicode", b"tuple", b"dereference", b"None", b"set"):
            def work():
                taster = Picky(refused)
                return (outcome(jelly.jelly, value, taster),
                        outcome(jelly.unjelly, sexp, taster), taster.asked)
            self.same_returned(work)

        def of_instance():
            taster = jelly.SecurityOptions()
            taster.isTypeAllowed = lambda name: name == b"list"
            return outcome(jelly.unjelly, [b"list", [b"tuple"]], taster)
        self.same_returned(of_instance)

    def test_persistent(self):
        def store(instance, jellier):
            return getattr(instance, "a", None)

        def load(number, unjellier):
            return ("loaded", number)

        self.same(lambda: jelly.unjelly(jelly.jelly([Plain(a=1), Stated(c=2)],
                                                    persistentStore=store),
                                        persistentLoad=load))

    def test_insecure(self):
        taster = allowing()
        for value in leaves():
            sexp = outcome(jelly.jelly, value)
            self.same(lambda: jelly.jelly([value, {"k": value}], taster))
            if "raised" not in sexp:
                self.same(lambda: jelly.unjelly(jelly.jelly(value),
                                                jelly.SecurityOptions()))
                self.same(lambda: jelly.unjelly(jelly.jelly(value), taster))

    def test_depth(self):
        """The limit of depth is Twisted's, if C can read Python's recursion count."""
        def nested(wrap, n):
            value = wrap(None)
            for _ in range(n):
                value = wrap(value)
            return value

        def deepest(work, wrap):
            low, high = 1, 2000
            while high - low > 1:
                middle = (low + high) // 2
                try:
                    work(nested(wrap, middle))
                    low = middle
                except RecursionError:
                    high = middle
            return low

        room = 4 if sys.version_info < (3, 12) else 60
        for wrap in (lambda v: [v], lambda v: {1: v}, lambda v: (v, 1),
                     lambda v: {1: [v]}):
            self.assertLess(abs(deepest(jelly.jelly, wrap)
                                - on_libpb(deepest, jelly.jelly, wrap)), room)
        for wrap in (lambda v: [b"list", v], lambda v: [b"dictionary", [1, v]],
                     lambda v: [b"tuple", 1, v], lambda v: [b"frozenset", v],
                     lambda v: [b"reference", id(v), [b"list", v]]):
            self.assertLess(abs(deepest(jelly.unjelly, wrap)
                                - on_libpb(deepest, jelly.unjelly, wrap)), room)


class Unjellying(TestCase):
    def test_seeds(self):
        rnd = random_of("jelly seeds")
        p = banana.Banana()
        p.setPrefixLimit(64)
        p.currentDialect = b"pb"
        tried = 0
        for seed in [*seeds("jelly"), *seeds("banana"), *seeds("session")]:
            for data in (seed, *(mutated(rnd, seed) for _ in range(60))):
                for start in (0, 2):
                    got = []
                    p.expressionReceived = got.append
                    outcome(p.dataReceived, data[start:])
                    p.buffer, p.listStack = b"", []
                    for sexp in got:
                        tried += 1
                        self.same(jelly.unjelly, sexp)
                        self.same(jelly.unjelly, sexp, jelly.globalSecurity)
        self.assertGreater(tried, 500)

    def test_mutated_expressions(self):
        rnd = random_of("mutated")
        atoms = [b"list", b"tuple", b"dictionary", b"set", b"frozenset", b"reference",
                 b"dereference", b"unicode", b"None", b"boolean", b"datetime", b"decimal",
                 b"instance", b"class", b"module", b"function", b"method", b"persistent",
                 b"unpersistable", b"date", b"", b"other", b"some.name", b"builtins.dict",
                 "list", 5]

        def mutate(sexp):
            if not isinstance(sexp, list):
                others = (sexp, 1, 2, b"x", 0, [], -1)
                return rnd.choice(others) if rnd.random() < 0.1 else sexp
            made = [mutate(x) for x in sexp]
            if made and rnd.random() < 0.1:
                made[0] = rnd.choice(atoms)
            if rnd.random() < 0.05:
                made.insert(rnd.randrange(len(made) + 1), rnd.choice(
                    ([b"dereference", 1], [b"dereference", 2],
                     [b"reference", 1, [b"list"]], 1, b"x")))
            if made and rnd.random() < 0.05:
                del made[rnd.randrange(len(made))]
            return made
        for _ in range(4000):
            sexp = mutate(jelly.jelly(graph(rnd)))
            self.same(jelly.unjelly, sexp)
            self.same(jelly.unjelly, sexp, jelly.globalSecurity)

    def test_cycles_that_others_wrote(self):
        d1, d2 = [b"dereference", 1], [b"dereference", 2]
        for sexp in (
                d1, [b"reference", 1, d1], [b"list", d1, [b"reference", 1, [b"list", 2]]],
                [b"list", d1, d1, [b"reference", 1, [b"tuple", d1]], d1],
                [b"tuple", d1, [b"reference", 1, 5]], [b"reference", 1, [b"tuple", d1]],
                [b"reference", 1, [b"tuple", [b"reference", 2, [b"tuple", d1]], d2]],
                [b"reference", 1, [b"set", d1]], [b"reference", 1, [b"frozenset", 1, d1]],
                [b"reference", 1, [b"list", [b"frozenset", d1]]],
                [b"reference", 1, [b"dictionary", [1, d1]]],
                [b"reference", 1, [b"dictionary", [d1, 1]]],
                [b"list", [b"dictionary", [d1, 2]], [b"reference", 1, 3]],
                [b"dictionary", [d1, [b"reference", 1, 3]]],
                [b"dictionary", [[b"reference", 1, 3], d1]],
                [b"dictionary", [1, d1], [2, [b"reference", 1, [b"list"]]]],
                [b"dictionary", [1, d1], [1, 5], [2, [b"reference", 1, 3]]],
                [b"list", [b"reference", 1, 1], [b"reference", 1, 2]],
                [b"list", [b"reference", 1, [b"None"]], d1, [b"reference", 1, 2]],
                [b"list", [b"reference", 1, [b"list"]], [b"reference", [b"list"], 1]],
                [b"list", [b"dereference", [b"x"]]], [b"list", [b"dereference"]],
                [b"reference", 1],
                [b"list", d1, [b"tuple", d1, [b"reference", 1, [b"list"]]]],
                [b"set", [b"list"]], [b"dictionary", [[b"list"], 1]], [b"dictionary", 1],
                [b"dictionary", b"ab"], [b"dictionary", [1, 2, 3]],
                [b"dictionary", (1, 2)],
                [b"unicode", b"\xff"], [b"unicode"], [b"unicode", "x"], [b"unicode", 5],
                [b"boolean", b"maybe"], [b"boolean"], [b"boolean", b"true\x00"], [], [[]],
                [None]):
            self.same(jelly.unjelly, sexp)
            self.same(jelly.unjelly, [b"list", sexp, sexp])
            self.same(jelly.unjelly, [b"tuple", sexp, [b"list", sexp]])

    def test_registered(self):
        """The registries also apply to types that C reads by itself."""
        def work(word, what):
            sexp = [b"list", [word, [b"list", 1]], [b"dictionary", [1, [word, 2]]]]
            registry = what(jelly)
            registry[word] = made
            jelly.globalSecurity.allowTypes(word)
            try:
                return outcome(jelly.unjelly, sexp, jelly.globalSecurity)
            finally:
                del registry[word]

        class Made(jelly.Unjellyable):
            def setStateFor(self, unjellier, state):
                self.state = state

        for word in (b"made", b"list", b"tuple", b"unicode", b"None"):
            made = Made
            self.same_returned(work, word, lambda j: j.unjellyableRegistry)
            made = lambda state: ("factory", state)
            self.same_returned(work, word, lambda j: j.unjellyableFactoryRegistry)

    def test_registered_meanwhile(self):
        def work():
            class Registering(jelly.Unjellyable):
                def unjellyFor(self, unjellier, sexp):
                    jelly.setUnjellyableFactoryForClass("tuple", lambda state: "made")
                    return self
            jelly.setUnjellyableForClass("registering", Registering)
            try:
                return jelly.unjelly([b"list", [b"tuple"], [b"registering"],
                                      [b"tuple", 1]],
                                     jelly.globalSecurity)
            finally:
                del jelly.unjellyableRegistry[b"registering"]
                del jelly.unjellyableFactoryRegistry[b"tuple"]
        self.same_returned(work)

    def test_types_that_are_taken_away(self):
        def work(word):
            del jelly.globalSecurity.allowedTypes[word]
            try:
                sexp = [b"list", [b"tuple", [b"unicode", b"x"], [b"None"]]]
                return outcome(jelly.unjelly, sexp, jelly.globalSecurity)
            finally:
                jelly.globalSecurity.allowedTypes[word] = 1
        for word in (b"list", b"tuple", b"unicode", b"None"):
            self.same_returned(work, word)

    def test_post_unjelly(self):
        def work():
            log = []
            sexp = jelly.jelly([Posting(log), Posting(log)])
            jelly.setUnjellyableForClass(Posting, Posting)
            got = jelly.unjelly(sexp)
            return got
        try:
            self.same_returned(work)
        finally:
            jelly.unjellyableRegistry.pop(b"__main__.Posting", None)

    def test_overridden(self):
        """Replaced methods of Twisted's classes are called."""
        def work(cls, name, function):
            original = getattr(cls, name)
            setattr(cls, name, function(original))
            try:
                return (outcome(lambda: jelly.jelly([1, "a", (2,)])),
                        outcome(lambda: jelly.unjelly([b"list", [b"unicode", b"a"],
                                                       [b"tuple", 2]])))
            finally:
                setattr(cls, name, original)
        calls = []

        def noting(original):
            def function(self, *args):
                calls.append(original.__name__)
                return original(self, *args)
            return function
        for cls, name in ((jelly._Jellier, "prepare"), (jelly._Jellier, "preserve"),
                          (jelly._Unjellier, "unjellyInto"),
                          (jelly._Unjellier, "_unjelly_unicode"),
                          (jelly._Unjellier, "_unjelly_list")):
            def counted():
                del calls[:]
                return work(cls, name, noting), list(calls)
            self.same_returned(counted)

    def test_subclassed(self):
        class Jellier(jelly._Jellier):
            def jelly(self, obj):
                return [b"seen", jelly._Jellier.jelly(self, obj)]

        class Unjellier(jelly._Unjellier):
            def _unjelly_unicode(self, rest):
                return "<" + rest[0].decode() + ">"

        dummy = jelly.DummySecurityOptions()
        self.same(lambda: Jellier(dummy, None, None).jelly([1, "a", [None]]))
        sexp = [b"list", [b"unicode", b"a"]]
        self.same(lambda: Unjellier(dummy, None, None).unjellyFull(sexp))

        def replaced():
            before = jelly._Jellier, jelly._Unjellier
            jelly._Jellier, jelly._Unjellier = Jellier, Unjellier
            try:
                return jelly.jelly(["x"]), jelly.unjelly([b"list", [b"unicode", b"a"]])
            finally:
                jelly._Jellier, jelly._Unjellier = before
        self.same_returned(replaced)

    def test_copies(self):
        class Copied(flavors.Copyable, flavors.RemoteCopy):
            pass
        jelly.setUnjellyableForClass(Copied, Copied)

        class Invoker:
            serializingPerspective = None
        copy = Copied()
        copy.me = [copy]
        copy.other = {"a": (1, copy)}
        self.same(lambda: jelly.unjelly(jelly.jelly([copy, copy], invoker=Invoker()),
                                        invoker=Invoker()))

    def test_captures(self):
        seen = 0
        for name, rows in captures("22.4.0-py3"):
            for side in ("client", "server"):
                data = b"".join(bytes.fromhex(row["hex"]) for row in rows
                                if row.get("from") == side and "hex" in row)
                p = banana.Banana()
                p.setPrefixLimit(64)
                p.currentDialect = b"pb"
                got = []
                p.expressionReceived = got.append
                outcome(p.dataReceived, data)
                for message in got:
                    if isinstance(message, list):
                        for sexp in message[1:]:
                            self.same(jelly.unjelly, sexp, jelly.globalSecurity)
                            seen += 1
        self.assertGreater(seen, 500)


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # of the atom `instance`
