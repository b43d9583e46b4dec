# SPDX-License-Identifier: MIT
"""The extension in subinterpreters, and in more than one copy of its module."""
import importlib
import importlib.util
import sys
import textwrap
import unittest

from libpb import _core, jelly

CODE = textwrap.dedent("""
    import sys
    sys.path[:0] = {path!r}
    import asyncio, decimal
    import libpb
    from libpb import jelly

    value = [1, {{"a": (decimal.Decimal("1.5"), {{2}})}}, 2 ** 90]
    for _ in range(100):
        assert jelly.loads(jelly.dumps(value)) == value

    class Root(libpb.Root):
        @libpb.remote
        def echo(self, x):
            return x

    async def main():
        async with libpb.serve("tcp:0:interface=127.0.0.1", Root()) as server:
            async with libpb.connect(f"tcp:127.0.0.1:{{server.port}}") as client:
                assert await client.call("echo", value) == value

    asyncio.run(main())
""").format(path=sys.path)


def run_in_subinterpreter(code):
    """Runs code in a new interpreter; raises what it raises."""
    for name in "_interpreters", "_xxsubinterpreters":
        try:
            interpreters = importlib.import_module(name)
            break
        except ImportError:
            pass
    else:
        raise unittest.SkipTest("this Python has no subinterpreters")
    # Before 3.13, Python's own datetime does not load where the lock is not shared.
    it = interpreters.create(**({"isolated": False} if (3, 9) < sys.version_info[:2] < (3, 13)
                                and name == "_xxsubinterpreters" else {}))
    try:
        failed = interpreters.run_string(it, code)
        if failed is not None:
            raise RuntimeError(failed)
    finally:
        interpreters.destroy(it)


class Interpreters(unittest.TestCase):
    def test_subinterpreters(self):
        for _ in range(3):
            run_in_subinterpreter(CODE)
            self.assertEqual(jelly.loads(jelly.dumps([1])), [1])

    @unittest.skipUnless(sys.version_info[:2] == (3, 12), "datetime loads elsewhere")
    def test_without_datetime(self):
        import _xxsubinterpreters as interpreters
        it = interpreters.create(isolated=True)
        with self.assertRaisesRegex(interpreters.RunFailedError, "ImportError.*datetime"):
            interpreters.run_string(it, CODE.partition("import asyncio")[0] +
                                    "import libpb")
        interpreters.destroy(it)

    def test_a_second_copy(self):
        spec = importlib.util.spec_from_file_location("libpb._core", _core.__file__)
        other = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(other)
        self.assertIsNot(other.Session, _core.Session)
        self.assertEqual(other.banana_encode([1, b"x"], True),
                         _core.banana_encode([1, b"x"], True))
        del other


if __name__ == "__main__":
    unittest.main()
