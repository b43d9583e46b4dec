# SPDX-License-Identifier: MIT
"""Runs one of Twisted's own examples unchanged, but with other ports:
run_twisted_example.py PORT SCRIPT. A server listens on any free port, which is printed; a
client connects to PORT. A script that defines an application is run as twistd does. Names
and passwords that the script passes as text are converted to bytes: otherwise the logins
of the examples fail on Python 3."""

import os
import runpy
import sys

from twisted.application import service
from twisted.cred import checkers, credentials
from twisted.internet import reactor

port, script = int(sys.argv[1]), sys.argv[2]
listen, connect = reactor.listenTCP, reactor.connectTCP


def listen_anywhere(asked, factory, *args, **kw):
    listening = listen(0, factory, interface="127.0.0.1")
    os.write(1, b"listening on tcp:%d\n" % listening.getHost().port)
    return listening


def with_bytes(method):
    """A wrapper of the method that converts text arguments to bytes."""
    def encode(value):
        return value.encode() if isinstance(value, str) else value

    return lambda self, *args, **kw: method(
        self, *map(encode, args), **{k: encode(v) for k, v in kw.items()})


for cls, name in ((credentials.UsernamePassword, "__init__"),
                  (checkers.InMemoryUsernamePasswordDatabaseDontUse, "__init__"),
                  (checkers.InMemoryUsernamePasswordDatabaseDontUse, "addUser")):
    setattr(cls, name, with_bytes(getattr(cls, name)))
reactor.listenTCP = listen_anywhere
reactor.connectTCP = lambda host, asked, *args, **kw: connect(host, port, *args, **kw)
sys.path.insert(0, os.path.dirname(script))
sys.argv = [script]
is_application = "application = " in open(script).read()
names = runpy.run_path(script, run_name="tac" if is_application else "__main__")
if is_application:
    service.IService(names["application"]).startService()
    reactor.run()
