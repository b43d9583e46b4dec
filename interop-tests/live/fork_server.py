# SPDX-License-Identifier: MIT
"""Starts Twisted programs fast: a process that has imported Twisted, except for the
reactor, forks for each program. harness.py sends the requests."""

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


class ForkServer:
    """The client side; it starts the server process, which ends with this process."""

    def __init__(self, python, path):
        self._socket, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        env = dict(os.environ, PYTHONPATH=str(path), PYTHONDONTWRITEBYTECODE="1")
        with child:
            self._popen = subprocess.Popen(
                [python, "-B", __file__, str(child.fileno())], env=env,
                stdin=subprocess.DEVNULL, pass_fds=[child.fileno()])

    def run(self, argv):
        """Starts a program with pipes for its standard streams."""
        return ForkedProgram(self._socket, argv)


class ForkedProgram:
    """A running program, with those members of subprocess.Popen that harness.py uses."""

    def __init__(self, server, argv):
        child_in, stdin = os.pipe()
        stdout, child_out = os.pipe()
        stderr, child_err = os.pipe()
        status, child_status = os.pipe()
        child = [child_in, child_out, child_err, child_status]
        socket.send_fds(server, [json.dumps([str(a) for a in argv]).encode()], child)
        for fd in child:
            os.close(fd)
        text = {"encoding": "utf-8", "errors": "backslashreplace"}
        self.stdin = open(stdin, "w", **text)
        self.stdout, self.stderr = open(stdout, **text), open(stderr, **text)
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


def run_program(argv, fds):
    """Runs the program in this process, with these standard streams, and exits."""
    for n, fd in enumerate(fds):
        os.dup2(fd, n)
        os.close(fd)
    text = {"encoding": "utf-8", "errors": "backslashreplace", "buffering": 1}
    sys.stdin = open(0)
    sys.stdout, sys.stderr = open(1, "w", **text), open(2, "w", **text)
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


def fork_program(argv, fds):
    """Forks the program, and writes the id of its process and its exit status, a line
    each, to the last file descriptor."""
    *streams, status_fd = fds
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid == 0:
        os.close(status_fd)
        run_program(argv, streams)
    for fd in streams:
        os.close(fd)
    os.write(status_fd, b"%d\n" % pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.write(status_fd, b"%d\n" % status)
    os._exit(0)


def main():
    import twisted.cred.checkers  # noqa: F401
    import twisted.cred.portal  # noqa: F401
    import twisted.internet.endpoints  # noqa: F401
    import twisted.internet.task  # noqa: F401
    import twisted.protocols.basic  # noqa: F401
    import twisted.spread.publish  # noqa: F401
    import twisted.spread.util  # noqa: F401

    requests = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while (request := socket.recv_fds(requests, 65536, 4))[0]:
        argv, fds = json.loads(request[0]), request[1]
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            requests.close()
            fork_program(argv, fds)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    main()
