# SPDX-License-Identifier: MIT
"""Python code that C calls while it reads or writes, and that changes what is being read
or written: the outcome is Twisted's, and no memory is read that was checked before."""
import copy
import gc
import unittest

from compared import TestCase, on_libpb
from libpb import accelerate, jelly as plain
from twisted.spread import banana, jelly

EXPRESSIONS = [
    [b"None"], [b"unicode", b"text"], [b"boolean", b"true"], [b"list", 1, [b"list", 2], 3],
    [b"tuple", 1, [b"tuple"], [b"unicode", b"x"]], [b"set", 1, [b"tuple", 2]],
    [b"frozenset", 1, [b"unicode", b"k"]],
    [b"dictionary", [b"a", 1], [[b"unicode", b"b"], [b"list", 1]], [b"c", [b"None"]]],
    [b"reference", 1, [b"list", [b"dereference", 1]]],
    [b"tuple", [b"reference", 1, [b"list", 5]], [b"dereference", 1], 7],
    [b"list", [b"dictionary", [b"a", [b"dictionary", [[b"None"], [b"tuple", 1]]]]], 5],
]


def each_list(expression):
    """The lists in an expression, the outermost first."""
    todo = [expression]
    for part in todo:
        if isinstance(part, list):
            todo += [p for p in part if isinstance(p, list)]
    return todo


CHANGES = [
    lambda s: s.clear(),
    lambda s: s.__delitem__(slice(1, None)),
    lambda s: s.__delitem__(slice(2, None)),
    lambda s: s.__setitem__(slice(1, None), [None] * len(s[1:])),
    lambda s: s.__setitem__(slice(1, None), [b"x" * 50]),
    lambda s: s.__setitem__(slice(1, None), [7, 8, 9]),
    lambda s: s.__setitem__(slice(None), [b"None"]),
    lambda s: s.__setitem__(slice(None), [b"reference"]),
    lambda s: s.extend([[1], (2, 3), "four", [5, 6, 7], [b"unicode"]] * 50),
    lambda s: s.reverse(),
    lambda s: s.insert(0, b"unicode"),
]


def changing(base, expression, which, turn, change):
    """A taster that changes one list of an expression when it is asked for the turn-th
    time."""
    class Taster(base):
        def isTypeAllowed(self, name):
            self.asked = getattr(self, "asked", 0) + 1
            if self.asked == turn:
                change(each_list(expression)[which])
            return True

    return Taster()


class Reading(TestCase):
    def read(self, base, whole, which, turn, change):
        expression = copy.deepcopy(whole)
        return jelly.unjelly(expression, changing(base, expression, which, turn, change))

    def test_a_taster_that_changes_the_expression(self):
        cases = 0
        accelerate.install()  # once, so that the code is not made for each case
        accelerate.uninstall()
        for whole in EXPRESSIONS:
            lists = len(each_list(whole))
            for which in range(lists):
                for turn in range(1, min(lists, 4) + 1):
                    for change in CHANGES:
                        self.same(self.read, jelly.SecurityOptions, whole, which, turn,
                                  change)
                        cases += 1
        self.assertGreater(cases, 1000)

    def test_looking_at_a_taster_changes_it(self):
        class Taster:
            @property
            def isTypeAllowed(self):
                if expression:
                    del expression[:]
                return lambda name: True

        def work():
            nonlocal expression
            expression = [b"list", b"x" * 100, [b"unicode", b"y" * 100]]
            return jelly.unjelly(expression, Taster())
        expression = []
        # Twisted takes the head before it looks; C finds nothing then.
        for _ in range(3):
            self.assertIn(on_libpb(lambda: str(self.outcome(work))),
                          ("[]", "IndexError"))

    def outcome(self, work):
        try:
            return work()
        except IndexError:
            return "IndexError"

    def test_a_class_that_is_registered_meanwhile(self):
        class Made(jelly.Unjellyable):
            def unjellyFor(self, unjellier, rest):
                return "made"

        class Taster(jelly.SecurityOptions):
            def isTypeAllowed(self, name):
                jelly.unjellyableRegistry[b"list"] = Made
                return True

        def work():
            try:
                return jelly.unjelly([b"list", 1], Taster())
            finally:
                del jelly.unjellyableRegistry[b"list"]
        self.assertIn("made", self.same(work))

    def test_persistent_loads_change_it(self):
        whole = [b"list", [b"persistent", 1], [b"unicode", b"x"],
                 [b"dictionary", [b"a", [b"persistent", 2]], [b"b", 1]]]
        for which in range(len(each_list(whole))):
            for change in CHANGES:
                def work():
                    expression = copy.deepcopy(whole)

                    def load(what, unjellier):
                        change(each_list(expression)[which])
                        return what
                    return jelly.unjelly(expression, persistentLoad=load)
                self.same(work)

    def test_bound_again_while_it_reads(self):
        """A taster that uninstalls, changes Twisted and installs again."""
        class Taster(jelly.SecurityOptions):
            def isTypeAllowed(self, name):
                accelerate.uninstall()
                original = jelly.SecurityOptions.isTypeAllowed
                jelly.SecurityOptions.isTypeAllowed = lambda *a: original(*a)
                accelerate.install()
                jelly.SecurityOptions.isTypeAllowed = original
                accelerate.uninstall()
                accelerate.install()
                gc.collect()
                return True

        self.addCleanup(accelerate.uninstall)
        accelerate.install()
        value = [1, {"a": ("b", 2)}, decimal_like()]
        expression = jelly.jelly(value, Taster())
        self.assertEqual(jelly.unjelly(expression, Taster())[:2], value[:2])


def decimal_like():
    import decimal
    return decimal.Decimal("1.5")


class Writing(TestCase):
    def test_objects_that_change_their_container(self):
        class Changing(jelly.Jellyable):
            def __init__(self, container, change):
                self.container, self.change = container, change

            def jellyFor(self, jellier):
                self.change(self.container)
                gc.collect()
                return b"changed"

        def work(make, change):
            container = make()
            item = Changing(container, change)
            if isinstance(container, dict):
                container.update({"k": ["v"], "it": item, "z": ["y"]})
            elif isinstance(container, set):
                container.update({("a",), item})
            else:
                container += [["a"], item, ["b"], item]
            try:
                return jelly.jelly([container])
            finally:
                container.clear()

        for change in (lambda c: c.clear(),
                       lambda c: c.update({object(): 1}) if hasattr(c, "update")
                       else len(c) < 50 and c.append(1),
                       lambda c: c.pop() if not isinstance(c, dict) else c.popitem()):
            for make in list, dict:
                self.same(work, make, change)
            on_libpb(self.outcome, work, set, change)  # in any order

    def outcome(self, work, *args):
        try:
            work(*args)
        except RuntimeError:
            pass

    def test_finalizers(self):
        """The collector may run Python code wherever an object is made."""
        class Final:
            def __init__(self):
                self.me = self

            def __del__(self):
                for container in containers:
                    container.clear()

        before = gc.get_threshold()
        gc.set_threshold(1)
        self.addCleanup(gc.set_threshold, *before)
        for work in (plain.dumps, lambda c: banana.encode(jelly.jelly(c)),
                     lambda c: on_libpb(jelly.jelly, c)):
            for _ in range(30):
                shared = {frozenset([("k", i)]): {i, "v"} for i in range(20)}
                containers = [shared, [shared, {3, (4,)}, [shared]]]
                Final()
                try:
                    work(containers[1])
                except (RuntimeError, KeyError):
                    pass


if __name__ == "__main__":
    unittest.main()
