"""The functions that the checks of pb share: paths, and the count of failures."""

import os
import pathlib
import pty
import subprocess
import sys

TOP = pathlib.Path(os.environ.get("srcdir", pathlib.Path(__file__).parents[2])).resolve()
TOOLS = pathlib.Path(os.environ.get("builddir", "build")).resolve() / "tools"
PB = str(TOOLS / "pb")
CAPTURES = TOP / "interop-tests" / "captures"

failures = 0


def complain(text):
    """Reports a failure."""
    global failures
    failures += 1
    print(text)


def same(what, got, expected):
    """Reports a failure if the two differ."""
    if got != expected:
        complain(f"{what}: {got!r:.2000}\nnot {expected!r:.2000}")


def banana(value):
    """An int, bytes, or a list of such, in banana of the dialect none."""
    def prefix(n):
        digits = bytearray([n & 127])
        while n := n >> 7:
            digits.append(n & 127)
        return bytes(digits)

    if isinstance(value, int):
        return prefix(abs(value)) + (b"\x81" if value >= 0 else b"\x83")
    if isinstance(value, bytes):
        return prefix(len(value)) + b"\x82" + value
    return prefix(len(value)) + b"\x80" + b"".join(map(banana, value))


class Server:
    """A `pb serve` while the block runs; `at` is its endpoint."""

    def __init__(self, *options):
        self.run = subprocess.Popen([PB, "serve", *options, "127.0.0.1:0"],
                                    stdout=subprocess.PIPE, text=True)
        self.at = "127.0.0.1:" + self.run.stdout.readline().strip().rpartition(":")[2]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.run.terminate()
        self.run.communicate(timeout=20)


def has_terminal():
    """Whether the system gives a pseudo-terminal, which not every container does."""
    try:
        ends = pty.openpty()
    except OSError as e:
        print(f"skipped: there is no pseudo-terminal: {e}")
        return False
    for end in ends:
        os.close(end)
    return True


def finish():
    """Ends the check with its exit status."""
    sys.exit(failures > 0)
