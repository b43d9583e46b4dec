# SPDX-License-Identifier: MIT
"""The parts that all live checks use: processes whose output is read line by line, stages
that kill the processes started on them, and a report that counts the results.

Every wait has a time-out: a stage has a deadline, which holds for each wait on it."""

import contextlib
import functools
import queue
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

from fork_server import ForkServer

LIVE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"
# The counts that C and Python print for a session or broker that holds nothing.
EMPTY_COUNTS = "0 exported, 0 held, 0 cached, 0 caches, 0 pending"


@functools.cache
def fork_server():
    """One server forks all Twisted programs, because importing Twisted takes long."""
    return ForkServer(PYTHON, LIVE)


class Failed(Exception):
    """The result of a check is not the expected one."""


def expect(what, got, wanted):
    """Fails unless both values are equal."""
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


class Process:
    """A running program: a subprocess.Popen or a ForkedProgram. Its output is kept, and
    printed when a check fails."""

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
        """The next line of its standard output; None at the end."""
        try:
            return self._unread.get(timeout=self.stage.seconds_left())
        except queue.Empty:
            raise Failed(f"{self.name} printed no further line in time") from None

    def find(self, pattern):
        """Reads lines up to the first that matches the whole pattern; returns the
        match."""
        while (line := self.line()) is not None:
            if match := re.fullmatch(pattern, line):
                return match
        raise Failed(f"{self.name} ended without printing {pattern!r}")

    def port(self):
        """The port in its line "listening on ...", for which it waits."""
        return int(self.find(r"listening on \D*(\d+)")[1])

    def send_line(self, line):
        """Writes a line to its standard input."""
        try:
            self._popen.stdin.write(line + "\n")
            self._popen.stdin.flush()
        except OSError as e:
            raise Failed(f"{self.name} no longer reads: {e}") from None

    def ask(self, line):
        """Writes a line to its standard input, and returns the next line of its
        output."""
        self.send_line(line)
        return self.line()

    def end(self):
        """Waits for it to end, and returns its exit status."""
        try:
            status = self._popen.wait(self.stage.seconds_left())
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not end in time") from None
        for reader in self._readers:
            reader.join(self.stage.seconds_left())
        return status

    def terminate(self):
        """Sends SIGTERM, waits, and returns its exit status."""
        self._popen.terminate()
        return self.end()

    def kill(self):
        self._popen.kill()
        self._popen.wait()
        with contextlib.suppress(OSError):
            self._popen.stdin.close()

    def output(self, stream="out"):
        """All that it has printed so far to "out" or "err", as one string."""
        return "".join(line + "\n" for s, line in self.lines if s == stream)


class Stage:
    """Starts the processes of one check or of a group of checks, and kills them at its
    end. `build` is the build directory; `show(name, line)` gets each line of output, if
    given."""

    def __init__(self, build, seconds=20, show=None):
        self.build, self._show = Path(build), show
        self._deadline = time.monotonic() + seconds
        self._started = []

    def seconds_left(self):
        """The time until the deadline."""
        return max(0.0, self._deadline - time.monotonic())

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for started in reversed(self._started):
            started.kill()

    def add(self, started):
        """Has started.kill() called at the end of the stage; returns the argument."""
        self._started.append(started)
        return started

    def _add_process(self, name, popen):
        return self.add(Process(self, name, popen, self._show))

    def twisted(self, name, script, *args):
        """Runs a Python script; its path may be relative to this folder."""
        return self._add_process(name, fork_server().run([LIVE / script, *args]))

    def c(self, name, program, *args, wrapper=()):
        """Runs a program of the build directory, after the words of the wrapper."""
        argv = [str(a) for a in (*wrapper, self.build / program, *args)]
        return self._add_process(name, subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            encoding="utf-8", errors="backslashreplace"))

    def transcript(self):
        """The last lines that each process printed, for the report of a failure."""
        for process in self._started:
            for stream, line in getattr(process, "lines", [])[-60:]:
                yield f"{process.name} {stream}: {line}"


class Report:
    """Runs checks, prints their results, and counts them."""

    def __init__(self, build):
        self.build, self.passed, self.failed = build, 0, 0

    def check(self, name, function, *args, group=None, seconds=20):
        """Runs one check: function(stage, *args). If it fails, its transcript is printed,
        and that of `group`, the stage that several checks share."""
        with Stage(self.build, seconds) as stage:
            try:
                function(stage, *args)
            except Exception as e:
                self._failed(name, e, stage, group)
            else:
                self.passed += 1
                print(f"passed: {name}", flush=True)

    def group(self, name, function, *args, seconds=60):
        """Runs checks that share a stage: function(report, stage, *args)."""
        with Stage(self.build, seconds) as stage:
            try:
                function(self, stage, *args)
            except Exception as e:
                self._failed(name, e, stage)

    def steps(self, name, process):
        """Counts the steps that a process prints, up to its line "done"."""
        while (line := process.line()) != "done":
            verdict, _, step = (line or "").partition(": ")
            if verdict == "passed":
                self.passed += 1
            elif verdict == "FAILED":
                self.failed += 1
            else:
                raise Failed(f"{process.name} printed {line!r} instead of a step")
            print(f"{verdict}: {name}: {step}", flush=True)

    def _failed(self, name, error, stage, group=None):
        self.failed += 1
        kind = "" if isinstance(error, Failed) else f"{type(error).__name__}: "
        print(f"FAILED: {name}: {kind}{error}")
        for line in [*(group.transcript() if group else ()), *stage.transcript()]:
            print(f"    {line}")
        sys.stdout.flush()

    def close(self):
        """Prints the totals, and returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed")
        return 0 if self.passed and not self.failed else 1
