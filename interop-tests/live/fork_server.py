# SPDX-License-Identifier: MIT
"""Twisted's programs without its slow start: a process that has imported Twisted, but for
the reactor, and forks for each program that it is asked for. harness.py asks."""

import contextlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import traceback


class Nursery:
    """The asking side. Ends with the process that made it."""

    def __init__(self, python, path):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = dict(os.environ, PYTHONPATH=str(path), PYTHONDONTWRITEBYTECODE="1")
        with theirs:
            self._popen = subprocess.Popen(
                [python, "-B", __file__, str(theirs.fileno())], env=env,
                stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])

    def run(self, argv):
        """A program that runs, as subprocess.Popen gives it with pipes."""
        return Born(self._socket, argv)


class Born:
    """As much of a subprocess.Popen as is needed."""

    def __init__(self, asking, argv):
        (stdin, ours), (out, stdout), (err, stderr), (status, told) = (
            os.pipe() for _ in range(4))
        theirs = [stdin, stdout, stderr, told]
        socket.send_fds(asking, [json.dumps([str(a) for a in argv]).encode()], theirs)
        for fd in theirs:
            os.close(fd)
        text = {"encoding": "utf-8", "errors": "backslashreplace"}
        self.stdin = open(ours, "w", **text)
        self.stdout, self.stderr = open(out, **text), open(err, **text)
        self._status = open(status)
        self.pid, self.returncode = int(self._status.readline()), None

    def wait(self, timeout=None):
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.pid, timeout)
            self.returncode = int(self._status.readline())
        return self.returncode

    def _signal(self, number):
        if not select.select([self._status], [], [], 0)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self):
        self._signal(signal.SIGTERM)

    def kill(self):
        self._signal(signal.SIGKILL)


def be(argv, fds):
    """Becomes the program, with its standard streams."""
    for n, fd in enumerate(fds):
        os.dup2(fd, n)
        os.close(fd)
    text = {"encoding": "utf-8", "errors": "backslashreplace", "buffering": 1}
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", **text), open(2, "w", **text)
    sys.argv, sys.path[0] = argv, os.path.dirname(argv[0])
    status = 0
    try:
        runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as e:
        status = e.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    os._exit(status)


def watch(argv, fds):
    """Tells the number of the program's process, and how it ended."""
    *streams, told = fds
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(told)
        be(argv, streams)
    for fd in streams:
        os.close(fd)
    os.write(told, b"%d\n" % pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(told, b"%d\n" % status)
    os._exit(0)


def main():
    import twisted.cred.checkers  # noqa: F401
    import twisted.cred.portal  # noqa: F401
    import twisted.internet.endpoints  # noqa: F401
    import twisted.internet.task  # noqa: F401
    import twisted.protocols.basic  # noqa: F401
    import twisted.spread.publish  # noqa: F401
    import twisted.spread.util  # noqa: F401

    asked = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (request := socket.recv_fds(asked, 65536, 4))[0]:
        argv, fds = json.loads(request[0]), request[1]
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            asked.close()
            watch(argv, fds)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main()
