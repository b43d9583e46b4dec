# SPDX-License-Identifier: MIT
"""libpb.accelerate leaves alone what it does not know: functions of Twisted that were
replaced before or after install(), and Twisteds that were changed. It says so, in the log
and in status()."""
import contextlib
import os
import re
import subprocess
import sys
import textwrap
import types
import unittest
from unittest import mock

from compared import TestCase, outcome
from libpb import accelerate, fingerprints
from twisted.internet.testing import StringTransport
from twisted.logger import globalLogPublisher
from twisted.spread import banana, jelly


@contextlib.contextmanager
def installed():
    """install(); gives the lines that are logged."""
    lines = []

    def note(event):
        if event["log_namespace"] == "libpb.accelerate":
            lines.append((event["log_level"].name, event["log_format"].format(**event)))

    globalLogPublisher.addObserver(note)
    accelerate.install()
    try:
        yield lines
    finally:
        accelerate.uninstall()
        globalLogPublisher.removeObserver(note)


def functions():
    return accelerate.status()["functions"]


class Known(unittest.TestCase):
    def test_this_twisted(self):
        with installed() as lines:
            told = accelerate.status()
            self.assertTrue(told["installed"])
            self.assertEqual({f["runs"] for f in told["functions"].values()}, {"C"})
            self.assertEqual({f["why"] for f in told["functions"].values()}, {None})
        (level, line), = lines
        self.assertEqual(level, "info")
        self.assertIn(f"libpb {told['libpb']} under Twisted {told['twisted']}: in C: "
                      "Banana.dataReceived", line)
        self.assertIn("in Python: nothing", line)
        self.assertFalse(accelerate.status()["installed"])
        self.assertEqual({f["why"] for f in functions().values()} - {None},
                         {"install() was not called, or undone"})

    def test_counts(self):
        with installed():
            before = functions()
            jelly.unjelly(jelly.jelly([1]))
            b = banana.Banana()
            b.makeConnection(StringTransport())
            b.currentDialect = b"pb"
            b.sendEncoded([1])
            with self.assertRaises(banana.BananaError):
                b.sendEncoded(2 ** 5000)
            after = functions()
        grown = {name: (after[name]["in_c"] - f["in_c"],
                        after[name]["in_python"] - f["in_python"])
                 for name, f in before.items() if "in_c" in f}
        self.assertEqual(grown["jelly"], (1, 0))
        self.assertEqual(grown["unjelly"], (1, 0))
        self.assertEqual(grown["Banana.sendEncoded"], (1, 1))
        self.assertEqual(grown["Banana.dataReceived"], (0, 0))

    def test_fingerprints_do_not_depend_on_names_of_types(self):
        plain = "class _Jellier:\n    def jelly(self, obj):\n        return obj\n"
        told = ("class _Jellier:\n    def jelly(self, obj: object) -> object:\n"
                "        'Says so.'\n        return obj\n")
        other = plain.replace("return obj", "return self")
        prints = [list(fingerprints.fingerprints(s, "jelly").values())
                  for s in (plain, told, other)]
        self.assertEqual(prints[0], prints[1])
        self.assertNotEqual(prints[0], prints[2])


class Replaced(TestCase):
    """A function that was replaced before install() is never bypassed."""

    # (module, owner, function, functions that stay in Python then)
    CASES = [
        (jelly, jelly._Unjellier, "_unjelly_list", ["unjelly", "_Unjellier.unjelly"]),
        (jelly, jelly._Unjellier, "_unjelly_None", ["unjelly", "_Unjellier.unjelly"]),
        (jelly, jelly._Unjellier, "unjellyInto", ["unjelly", "_Unjellier.unjelly"]),
        (jelly, jelly._Unjellier, "unjelly", ["unjelly", "_Unjellier.unjelly"]),
        (jelly, jelly, "unjelly", ["unjelly"]),
        (jelly, jelly, "jelly", ["jelly"]),
        (jelly, jelly._Jellier, "preserve", ["jelly", "_Jellier.jelly"]),
        (jelly, jelly._Jellier, "jelly", ["jelly", "_Jellier.jelly"]),
        (jelly, jelly.SecurityOptions, "isTypeAllowed",
         ["SecurityOptions.isTypeAllowed"]),
        (jelly, jelly.DummySecurityOptions, "isTypeAllowed",
         ["DummySecurityOptions.isTypeAllowed"]),
        (banana, banana.Banana, "dataReceived", ["Banana.dataReceived"]),
        (banana, banana.Banana, "gotItem", ["Banana.dataReceived"]),
        (banana, banana.Banana, "_encode", ["Banana.sendEncoded", "Banana._encode"]),
        (banana, banana.Banana, "sendEncoded", ["Banana.sendEncoded"]),
        (banana, banana, "b1282int", ["Banana.dataReceived"]),
        (banana, banana, "int2b128", ["Banana.sendEncoded", "Banana._encode"]),
    ]

    def test_each(self):
        for module, owner, name, in_python in self.CASES:
            original = getattr(owner, name)
            called = []

            def hardened(*args, **kwargs):
                called.append(args)
                return original(*args, **kwargs)

            where = f"{owner.__name__}.{name}"
            with self.subTest(where), mock.patch.object(owner, name, hardened):
                with installed() as lines:
                    told = functions()
                    self.round_trip()
                    self.assertTrue(called)
                    stay = [n for n, f in told.items() if f["runs"] == "Python"]
                    self.assertCountEqual(stay, in_python)
                    for function in stay:
                        self.assertIn("it was replaced, by test_unknown.",
                                      told[function]["why"].replace("__main__",
                                                                    "test_unknown"))
                        self.assertIn(function, lines[0][1])
                    self.assertEqual(lines[0][0], "warn")
                self.assertIs(getattr(owner, name), hardened)

    def round_trip(self):
        value = ["text", {1: (None, {2})}, 2 ** 70, True]
        value.append(value)
        taster = jelly.SecurityOptions()
        taster.allowBasicTypes()
        receiver = banana.Banana(isClient=0)
        receiver.makeConnection(StringTransport())
        received = []
        receiver.expressionReceived = received.append
        receiver._selectDialect(b"pb")
        for expression in jelly.jelly(value), jelly.jelly([None], taster):
            receiver.transport.clear()
            receiver.sendEncoded(expression)
            receiver.dataReceived(receiver.transport.value())
        again = jelly.unjelly(received[0])
        self.assertEqual(again[:4], value[:4])
        self.assertIs(again[4], again)
        self.assertEqual(jelly.unjelly(received[1], taster), [None])

    def test_a_security_check(self):
        """A taster that lets no list in, put into the class before install()."""
        original = jelly.SecurityOptions.isTypeAllowed

        def strict(self, name):
            return name != b"list" and original(self, name)

        taster = jelly.SecurityOptions()
        taster.allowBasicTypes()
        with mock.patch.object(jelly.SecurityOptions, "isTypeAllowed", strict):
            with installed():
                with self.assertRaises(jelly.InsecureJelly):
                    jelly.unjelly([b"list", 1], taster)
                self.assertEqual(functions()["unjelly"]["runs"], "C")
                self.assertEqual(jelly.unjelly([b"tuple", 1], taster), (1,))

    def test_constants(self):
        for module, name, value, in_python in [
                (jelly, "None_atom", b"null", "jelly"),
                (banana, "LIST", b"\x90", "Banana.dataReceived")]:
            with mock.patch.object(module, name, value), installed():
                self.assertEqual(functions()[in_python]["why"], f"{name} is {value!r}")

    def test_classes(self):
        class Hardened(jelly._Unjellier):
            def _unjelly_list(self, rest):
                raise jelly.InsecureJelly("no lists")

        with mock.patch.object(jelly, "_Unjellier", Hardened), installed():
            with self.assertRaises(jelly.InsecureJelly):
                jelly.unjelly([b"list", 1])
            self.assertEqual(functions()["unjelly"]["runs"], "Python")
            self.assertEqual(functions()["jelly"]["runs"], "C")

    def test_what_is_no_function(self):
        with mock.patch.object(jelly._Unjellier, "_unjelly_list",
                               types.MethodType(lambda *a: [], 1)), installed():
            self.assertEqual(functions()["unjelly"]["runs"], "Python")

    def test_after_install(self):
        """It runs in Python from then on, and is logged once."""
        with installed() as lines:
            del lines[:]
            before = functions()["unjelly"]["in_python"]
            original = jelly._Unjellier._unjelly_list
            with mock.patch.object(jelly._Unjellier, "_unjelly_list",
                                   lambda self, rest: ["own", *original(self, rest)]):
                for _ in range(3):
                    self.assertEqual(jelly.unjelly([b"list", 1]), ["own", 1])
            self.assertEqual(jelly.unjelly([b"list", 1]), [1])
            self.assertEqual(functions()["unjelly"]["in_python"] - before, 3)
        self.assertEqual(
            [line.partition(" where")[0] for _, line in lines],
            ["libpb: calls of unjelly run in Python",
             "libpb: calls of _Unjellier.unjelly run in Python"])

    def test_theirs_may_call_ours(self):
        """A wrapper around C's function calls it, also after another install()."""
        with installed():
            ours = banana.Banana.dataReceived

            def theirs(self, chunk):
                return ours(self, chunk)

            with mock.patch.object(banana.Banana, "dataReceived", theirs):
                accelerate.install()
                b = banana.Banana()
                b.makeConnection(StringTransport())
                self.assertIn("raised", outcome(b.dataReceived, b"\x7f" * 65 + b"\x82"))


with open(jelly.__file__, encoding="utf-8") as _file:
    SOURCE = _file.read()
OTHERS = textwrap.dedent("""
    import sys
    from libpb import accelerate
    from twisted.spread import jelly
    accelerate.install()
    told = accelerate.status()["functions"]
    print(jelly.jelly(None), told["jelly"]["runs"], told["unjelly"]["runs"],
          told["jelly"]["why"])
""")


def with_null(source):
    """The source of a jelly that sends None as [b'null']."""
    return re.sub(r"""return \[(None_atom|b["']None["'])\]""", "return [b'null']", source)


class Changed(unittest.TestCase):
    """A Twisted with other semantics keeps them."""

    def run_with(self, change, **env):
        source = change(SOURCE)
        program = textwrap.dedent("""
            import importlib.abc, importlib.machinery, sys
            class Finder(importlib.machinery.PathFinder):
                @classmethod
                def find_spec(cls, name, path=None, target=None):
                    if name == "twisted.spread.jelly":
                        found = super().find_spec(name, path, target)
                        found.loader = Loader(name, found.origin)
                        return found
            class Loader(importlib.machinery.SourceFileLoader):
                def get_source(self, name):
                    return source
                def get_code(self, name):
                    return compile(shown or source, "jelly.py", "exec")
            sys.meta_path.insert(0, Finder)
        """)
        done = subprocess.run(
            [sys.executable, "-B", "-c",
             f"source = {source!r}\nshown = {env.get('shown')!r}\n{program}\n{OTHERS}"],
            text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.strip()

    def test_is_left_alone(self):
        same = self.run_with(lambda source: source)
        self.assertEqual(same, "[b'None'] C C None")
        words = self.run_with(lambda source: "# moved\n\n" + source)
        self.assertEqual(words, "[b'None'] C C None")
        other = self.run_with(with_null)
        self.assertEqual(other, "[b'null'] Python C _Jellier.jelly: it differs from that "
                                "of every Twisted that libpb knows")

    def test_what_is_loaded_counts(self):
        """Source that says one thing, and code that does another."""
        other = with_null(SOURCE)
        self.assertNotEqual(SOURCE, other)
        told = self.run_with(lambda source: source, shown=other)
        self.assertIn("[b'null'] Python C _Jellier.jelly: it was replaced", told)


class Reloading(unittest.TestCase):
    def run_code(self, code):
        done = subprocess.run([sys.executable, "-B", "-c", textwrap.dedent(code)],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.split()

    def test_of_accelerate(self):
        self.assertEqual(self.run_code("""
            import importlib
            from libpb import accelerate
            from twisted.spread import jelly
            own = jelly.jelly
            accelerate.install()
            importlib.reload(accelerate)
            print(accelerate.installed(), accelerate.status()["installed"])
            accelerate.install()
            accelerate.uninstall()
            print(accelerate.installed(), jelly.jelly is own)
        """), ["True", "True", "False", "True"])

    def test_of_twisted(self):
        self.assertEqual(self.run_code("""
            import importlib, sys
            from libpb import accelerate
            from twisted.spread import banana, jelly
            accelerate.install()
            importlib.reload(sys.modules["twisted.spread.banana"])
            importlib.reload(sys.modules["twisted.spread.jelly"])
            print(accelerate.installed())
            from twisted.spread import jelly
            before = jelly.jelly([1])
            accelerate.install()
            print(accelerate.installed(), before == jelly.jelly([1]),
                  accelerate.status()["functions"]["jelly"]["runs"])
        """), ["False", "True", "True", "C"])


class Command(unittest.TestCase):
    def run_command(self, *args, code=0):
        done = subprocess.run([sys.executable, "-B", *args], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_check(self):
        said = self.run_command("-m", "libpb.accelerate", "--check")
        self.assertIn("  C      Banana.dataReceived\n", said)
        self.assertIn("LIBPB_ACCELERATE", said)
        patched = self.run_command("-c", textwrap.dedent("""
            import sys
            from twisted.spread import jelly
            jelly._Unjellier._unjelly_list = lambda self, rest: []
            from libpb import accelerate
            accelerate._main(["accelerate", "--check"])
        """), code=1)
        self.assertIn("  Python unjelly: _Unjellier._unjelly_list: it was replaced, by "
                      "__main__.<lambda>\n", patched)

    def test_help(self):
        said = self.run_command("-m", "libpb.accelerate", "--help")
        for word in "--check", "LIBPB_ACCELERATE", "children", "-m MODULE":
            self.assertIn(word, said)
        self.assertEqual(self.run_command("-m", "libpb.accelerate", "--chek", code=2),
                         said)
        self.assertEqual(self.run_command("-m", "libpb.accelerate", code=2), said)

    def test_fingerprints(self):
        """Prints nothing for a Twisted that is known."""
        folder = os.path.dirname(jelly.__file__)
        paths = [os.path.join(folder, f"{name}.py") for name in ("banana", "jelly")]
        self.assertEqual(self.run_command("-m", "libpb.fingerprints", *paths), "")


if __name__ == "__main__":
    unittest.main()
