# SPDX-License-Identifier: MIT
"""A master that sends a worker what no master would: malformed_master.py PROGRAM. Starts
the worker PROGRAM, waits for its login, and calls each of its methods with many wrong
arguments. Each call has to be answered, with a result or a failure, each command that is
started has to end, and the worker has to go on. Prints a line for each mistake, and the
number of calls; the exit status is 1 if there was a mistake."""

import os
import signal
import sys
import tempfile
from pathlib import Path

from twisted.cred import checkers, portal
from twisted.internet import defer, protocol, reactor, task
from twisted.spread import pb
from zope.interface import implementer

WRONG = [None, True, -1, 1 << 80, 1e300, float("nan"), "", "text", "a\0b", b"\xff\xfe",
         "x" * 5000, [], ["a", None], [[]], (), ("a",), {}, {"a": 1}, {1: 2}]
# Arguments with which each command works.
GOOD = {
    "shell": {"workdir": "build", "command": "exit 0", "env": {"A": "b"}, "timeout": 5,
              "maxTime": 5, "sigtermTime": 1, "want_stdout": 1, "want_stderr": 1,
              "initial_stdin": "text", "logfiles": {"log": "log"}, "usePTY": False,
              "logEnviron": False, "interruptSignal": "KILL", "max_lines": 10},
    "uploadFile": {"workdir": "build", "workersrc": "file", "writer": None,
                   "maxsize": None, "blocksize": 100, "keepstamp": True},
    "uploadDirectory": {"workdir": "build", "workersrc": "", "writer": None,
                        "maxsize": None, "blocksize": 100, "compress": "gz"},
    "downloadFile": {"workdir": "build", "workerdest": "file", "reader": None,
                     "maxsize": 1000, "blocksize": 100, "mode": 0o644},
    "mkdir": {"dir": "made"},
    "rmdir": {"dir": "made", "timeout": 5, "maxTime": 5, "logEnviron": False},
    "cpdir": {"fromdir": "made", "todir": "copy", "timeout": 5, "maxTime": 5,
              "logEnviron": False},
    "stat": {"workdir": "build", "file": "file"},
    "glob": {"path": "**/*"},
    "listdir": {"dir": "build"},
    "rmfile": {"path": "nothing"},
}
CALLS = {
    "print": [], "getWorkerInfo": [], "getCommands": [], "getVersion": [],
    "setBuilderList": [[("b", "b")]],
}
# What a file of the master answers; None is the end of the file.
ANSWERS = [b"", None, "text", b"x" * 90, b"x" * 5000, 7, [], {}, pb.Error("an error")]


class File(pb.Referenceable):
    """A file of the master that answers each call with the same."""

    def __init__(self, answer):
        self.answer, self.calls = answer, 0

    def remoteMessageReceived(self, broker, message, args, kwargs):
        self.calls += 1
        answer = self.answer if self.calls < 4 else b""
        if isinstance(answer, Exception):
            return broker.serialize(defer.fail(answer), None)
        return broker.serialize(answer, None)


class Step(pb.Referenceable):
    """A step, which notes when its command ends."""

    def __init__(self):
        self.ended = defer.Deferred()

    def remote_update(self, updates):
        for update, number in updates:
            if number != 0 or not isinstance(update, dict):
                raise ValueError(f"not an update: {update!r}")

    def remote_complete(self, failure):
        self.ended.callback([failure])  # never as an error


class Judge:
    """Makes the calls, and counts them and the mistakes."""

    def __init__(self):
        self.calls = self.mistakes = 0

    def blame(self, text):
        self.mistakes += 1
        print(text, flush=True)

    @defer.inlineCallbacks
    def call(self, remote, method, *args):
        """Calls; whether it was answered with a result."""
        self.calls += 1
        what = f"{method}{args!r}"[:200]
        d = remote.callRemote(method, *args)
        d.addTimeout(20, reactor)
        try:
            result = yield d
        except (pb.PBConnectionLost, pb.DeadReferenceError):
            self.blame(f"the connection is lost after {what}")
            raise
        except defer.TimeoutError:
            self.blame(f"no answer to {what}")
            return False, None
        except Exception:  # a failure is an answer
            return False, None
        return True, result

    @defer.inlineCallbacks
    def command(self, builder, name, args):
        """Starts a command, and waits for its end if it was not refused."""
        step = Step()
        started, _ = yield self.call(builder, "startCommand", step, "1", name, args)
        if started:
            step.ended.addTimeout(20, reactor)
            try:
                yield step.ended
            except defer.TimeoutError:
                self.blame(f"{name} does not end: {args!r}"[:300])
        return started

    @defer.inlineCallbacks
    def commands(self, builder):
        for name, good in GOOD.items():
            for key in ("writer", "reader"):
                if key in good:
                    good = {**good, key: File(b"x" * 90)}
            started = yield self.command(builder, name, good)
            if not started:
                self.blame(f"{name} is refused: {good!r}")
            for wrong in WRONG:
                yield self.command(builder, name, wrong)
            for key in good:
                without = {k: v for k, v in good.items() if k != key}
                yield self.command(builder, name, without)
                for wrong in WRONG:
                    yield self.command(builder, name, {**good, key: wrong})
        for answer in ANSWERS:
            for name, key in (("uploadFile", "writer"), ("uploadDirectory", "writer"),
                              ("downloadFile", "reader")):
                yield self.command(builder, name, {**GOOD[name], key: File(answer)})

    @defer.inlineCallbacks
    def all(self, bot):
        _, builders = yield self.call(bot, "setBuilderList", [("b", "b")])
        builder = builders["b"]
        for wrong in WRONG:
            for args in ((), (wrong,), (wrong, wrong), [wrong] * 4, [wrong] * 5):
                for method in CALLS:
                    yield self.call(bot, method, *args)
                for method in ("print", "startBuild", "setMaster", "interruptCommand",
                               "startCommand", "nothing"):
                    yield self.call(builder, method, *args)
            yield self.call(bot, "setBuilderList", [(wrong, "b")])
            yield self.call(bot, "setBuilderList", [("b", wrong)])
            yield self.call(builder, "startCommand", Step(), wrong, wrong, wrong)
            yield self.call(builder, "startCommand", Step(), "1", wrong, {})
        _, builders = yield self.call(bot, "setBuilderList", [("b", "b")])
        builder = builders["b"]
        (Path("base") / "b" / "build").mkdir(parents=True, exist_ok=True)
        (Path("base") / "b" / "build" / "file").write_text("a file\n" * 100)
        yield self.commands(builder)
        yield self.interrupts(bot, builder)

    @defer.inlineCallbacks
    def interrupts(self, bot, builder):
        """A command can be interrupted after the list of builders was set again; a
        command is replaced by the next one, and silenced."""
        sleep = {"workdir": ".", "command": "sleep 100", "logEnviron": False}
        step = Step()
        yield self.call(builder, "startCommand", step, "1", "shell", sleep)
        _, builders = yield self.call(bot, "setBuilderList", [("b", "b"), ("c", "c")])
        yield self.call(builders["b"], "interruptCommand", "1", "why")
        step.ended.addTimeout(20, reactor)
        try:
            yield step.ended
        except defer.TimeoutError:
            self.blame("the command goes on after setBuilderList")
        dropped = Step()
        yield self.call(builder, "startCommand", dropped, "1", "shell", sleep)
        started = yield self.command(builder, "shell", {**sleep, "command": "exit 0"})
        if not started or dropped.ended.called:
            self.blame("a leftover command is not dropped")


@implementer(portal.IRealm)
class Realm:
    def __init__(self, attached):
        self.attached = attached

    def requestAvatar(self, avatar_id, mind, *interfaces):
        if not self.attached.called:
            self.attached.callback(mind)
        return pb.IPerspective, pb.Avatar(), lambda: None


class Worker(protocol.ProcessProtocol):
    """The worker, and what it prints on standard error."""

    def __init__(self):
        self.ended, self.errors = defer.Deferred(), b""

    def errReceived(self, data):
        self.errors += data

    def processEnded(self, reason):
        self.ended.callback(reason.value.status)


@defer.inlineCallbacks
def run(_, program):
    attached, judge = defer.Deferred(), Judge()
    checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(**{"name": b"secret"})
    factory = pb.PBServerFactory(portal.Portal(Realm(attached), [checker]))
    port = reactor.listenTCP(0, factory, interface="127.0.0.1")
    Path("base").mkdir()
    Path("settings").write_text(
        f"basedir = 'base'\nbuildmaster_host = '127.0.0.1'\nport = {port.getHost().port}\n"
        "workername = 'name'\npasswd = 'secret'\n", encoding="ascii")
    worker = Worker()
    process = reactor.spawnProcess(worker, program, [program, "settings"], os.environ)

    def ended(status):
        if not attached.called:
            attached.errback(RuntimeError(f"the worker ended: {worker.errors!r}"))
        return status

    worker.ended.addCallback(ended)
    bot = yield attached.addTimeout(20, reactor)
    try:
        yield judge.all(bot)
    except (pb.PBConnectionLost, pb.DeadReferenceError):
        pass
    if not worker.ended.called:
        process.signalProcess("TERM")
    status = yield worker.ended
    if status != 0:
        judge.blame(f"the worker ended with the status {status}: {worker.errors!r}")
    print(f"{judge.calls} calls, {judge.mistakes} mistakes")
    sys.exit(1 if judge.mistakes else 0)


signal.alarm(550)
os.umask(0o22)
with tempfile.TemporaryDirectory() as folder:
    PROGRAM = os.path.abspath(sys.argv[1])
    os.chdir(folder)
    task.react(run, [PROGRAM])
