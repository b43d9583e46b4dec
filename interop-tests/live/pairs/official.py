# SPDX-License-Identifier: MIT
"""Runs one of Twisted's own examples as it is, but on a port of ours: official.py PORT
SCRIPT. What it listens on is told, whatever port it asks for; what it connects to is PORT.
A script that makes an application is run as twistd would."""

import os
import runpy
import sys

from twisted.application import service
from twisted.internet import reactor

port, script = int(sys.argv[1]), sys.argv[2]
listen, connect, run = reactor.listenTCP, reactor.connectTCP, reactor.run


def listen_anywhere(asked, factory, *args, **kw):
    listening = listen(0, factory, interface="127.0.0.1")
    os.write(1, b"listening on tcp:%d\n" % listening.getHost().port)
    return listening


reactor.listenTCP = listen_anywhere
reactor.connectTCP = lambda host, asked, *args, **kw: connect(host, port, *args, **kw)
sys.path.insert(0, os.path.dirname(script))
sys.argv = [script]
is_application = "application = " in open(script).read()
names = runpy.run_path(script, run_name="tac" if is_application else "__main__")
if is_application:
    service.IService(names["application"]).startService()
    reactor.run()
