# SPDX-License-Identifier: MIT
"""What every live check stands on: processes whose output is watched line by line, stages
that end whatever was started on them, and the count of what passed.

Nothing waits without a bound. A stage has a deadline, and every wait on it ends there."""

import contextlib
import functools
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from fork_server import Nursery

LIVE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
# What both sides say of their tables when they keep nothing.
NOTHING = "0 exported, 0 held, 0 cached, 0 caches, 0 pending"


@functools.cache
def nursery():
    """There is one for all programs of Twisted's, since it starts as slowly as they."""
    return Nursery(PYTHON, LIVE)


class Failed(Exception):
    """A check did not see what it should have seen."""


def expect(what, got, wanted):
    """Fails unless both are the same; both may be anything with a repr."""
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


class Process:
    """A program under watch, a subprocess.Popen or one of the nursery's. Its lines are
    kept, and shown when a check fails."""

    def __init__(self, stage, name, popen, show=None):
        self.stage, self.name, self.lines = stage, name, []
        self._show = show
        self._unread = queue.Queue()
        self._popen = popen
        self._readers = [
            threading.Thread(target=self._read, args=a, daemon=True)
            for a in [("out", self._popen.stdout), ("err", self._popen.stderr)]]
        for reader in self._readers:
            reader.start()

    def _read(self, stream, pipe):
        for line in pipe:
            line = line.rstrip("\n")
            self.lines.append((stream, line))
            if stream == "out":
                if self._show:
                    self._show(self.name, line)
                self._unread.put(line)
        if stream == "out":
            self._unread.put(None)

    def line(self):
        """The next line of its output; None at the end."""
        try:
            return self._unread.get(timeout=self.stage.left())
        except queue.Empty:
            raise Failed(f"{self.name} printed nothing more in time") from None

    def find(self, pattern):
        """The match in the first line to come that matches in whole."""
        while (line := self.line()) is not None:
            if match := re.fullmatch(pattern, line):
                return match
        raise Failed(f"{self.name} ended without printing {pattern!r}")

    def port(self):
        return int(self.find(r"listening on \D*(\d+)")[1])

    def say(self, line):
        """Gives it a line to read."""
        try:
            self._popen.stdin.write(line + "\n")
            self._popen.stdin.flush()
        except OSError as e:
            raise Failed(f"{self.name} reads no more: {e}") from None

    def ask(self, line):
        """Gives it a line to read, and reads its next."""
        self.say(line)
        return self.line()

    def end(self):
        """Waits for its end: the status it exits with."""
        try:
            status = self._popen.wait(self.stage.left())
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end in time") from None
        for reader in self._readers:
            reader.join(self.stage.left())
        return status

    def terminate(self):
        """Asks it to end by a signal: the status it exits with."""
        self._popen.terminate()
        return self.end()

    def kill(self):
        self._popen.kill()
        self._popen.wait()
        with contextlib.suppress(OSError):
            self._popen.stdin.close()

    def output(self, stream="out"):
        """All it has printed so far, as one text."""
        return "".join(line + "\n" for s, line in self.lines if s == stream)


class Stage:
    """Where one check, or a group of them, starts what it needs. At its end, whatever was
    started is ended."""

    def __init__(self, build, seconds=20, show=None):
        self.build, self._show = Path(build), show
        self._deadline = time.monotonic() + seconds
        self._started = []

    def left(self):
        """Seconds until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for started in reversed(self._started):
            started.kill()

    def keep(self, what):
        """Takes what has a method kill(), to be ended with the stage."""
        self._started.append(what)
        return what

    def _watch(self, name, popen):
        return self.keep(Process(self, name, popen, self._show))

    def twisted(self, name, script, *args):
        """Runs a script of Python's; its path may go from this folder on."""
        return self._watch(name, nursery().run([LIVE / script, *args]))

    def c(self, name, program, *args, under=()):
        argv = [str(a) for a in (*under, self.build / program, *args)]
        return self._watch(name, subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="backslashreplace"))

    def transcript(self):
        """What each process printed, for the report of a failure."""
        for process in self._started:
            for stream, line in getattr(process, "lines", [])[-60:]:
                yield f"{process.name} {stream}: {line}"


class Report:
    """Runs checks, says how each went, and counts."""

    def __init__(self, build):
        self.build, self.passed, self.failed = build, 0, 0

    def check(self, name, function, *args, group=None, seconds=20):
        """One check: function(stage, *args). The processes of group, the stage around it,
        are shown as well if it fails."""
        with Stage(self.build, seconds) as stage:
            try:
                function(stage, *args)
            except Exception as e:
                self._failed(name, e, stage, group)
            else:
                self.passed += 1
                print(f"passed: {name}", flush=True)

    def group(self, name, function, *args, seconds=60):
        """Checks with something in common: function(report, stage, *args)."""
        with Stage(self.build, seconds) as stage:
            try:
                function(self, stage, *args)
            except Exception as e:
                self._failed(name, e, stage)

    def steps(self, name, process):
        """Counts the steps that a process tells of, up to its "done"."""
        while (line := process.line()) != "done":
            verdict, _, step = (line or "").partition(": ")
            if verdict == "passed":
                self.passed += 1
            elif verdict == "FAILED":
                self.failed += 1
            else:
                raise Failed(f"{process.name} printed {line!r} instead of a step")
            print(f"{verdict}: {name}: {step}", flush=True)

    def _failed(self, name, why, stage, group=None):
        self.failed += 1
        kind = "" if isinstance(why, Failed) else f"{type(why).__name__}: "
        print(f"FAILED: {name}: {kind}{why}")
        for line in [*(group.transcript() if group else ()), *stage.transcript()]:
            print(f"    {line}")
        sys.stdout.flush()

    def close(self):
        """The closing line; the status to exit with."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed and not self.failed else 1
