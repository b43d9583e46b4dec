# SPDX-License-Identifier: MIT
"""The type hints: mypy --strict finds nothing in a program that uses all of the package,
and finds mistakes; the names that _core.pyi declares are those of the extension."""
import ast
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import libpb
from libpb import _core

HERE = pathlib.Path(__file__).resolve().parent


class Names(unittest.TestCase):
    def test_the_extension_has_what_is_declared(self):
        path = pathlib.Path(libpb.__file__).with_name("_core.pyi")
        declared = {}
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                declared[node.name] = {f.name for f in node.body
                                       if isinstance(f, ast.FunctionDef)}
            elif isinstance(node, ast.FunctionDef):
                declared[node.name] = set()
            elif isinstance(node, ast.AnnAssign):
                declared[node.target.id] = set()
        real = {name for name in dir(_core) if not name.startswith("__")}
        self.assertEqual(set(declared) - {"__version__"}, real)
        for name, members in declared.items():
            it = getattr(_core, name)
            if isinstance(it, type) and not issubclass(it, BaseException):
                own = {m for m in vars(it) if not m.startswith("__")}
                self.assertEqual(members - {"__new__"}, own, name)


@unittest.skipUnless(shutil.which("mypy"), "mypy is missing")
class Mypy(unittest.TestCase):
    def check(self, path):
        package = pathlib.Path(libpb.__file__).parent
        with tempfile.TemporaryDirectory() as folder:
            # Links are followed to the sources, where there are no stubs beside them.
            shutil.copytree(package, f"{folder}/libpb",
                            ignore=shutil.ignore_patterns("__pycache__", "*.so"))
            done = subprocess.run(
                ["mypy", "--strict", "--cache-dir", os.devnull, str(path)], text=True,
                env={**os.environ, "MYPYPATH": folder}, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, cwd=folder)
        return [line for line in done.stdout.splitlines()
                if str(path) in line or "typed_program" in line]

    def test_a_whole_program(self):
        self.assertEqual(self.check(HERE / "typed_program.py"), [])

    def test_mistakes_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "typed_program.py")
            path.write_text("import libpb\n"
                            "libpb.serve(5)\n"
                            "libpb.connect('tcp:h:1', login='alice')\n"
                            "libpb.no_such_thing\n", encoding="utf-8")
            self.assertEqual(len(self.check(path)), 3)

    def test_the_program_is_right(self):
        spec = importlib.util.spec_from_file_location("typed", HERE / "typed_program.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["typed"] = module
        spec.loader.exec_module(module)
        self.assertIsInstance(libpb.jelly.loads(
            libpb.jelly.dumps(module.Item("ink"))), module.Item)


if __name__ == "__main__":
    unittest.main()
