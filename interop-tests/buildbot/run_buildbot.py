# SPDX-License-Identifier: MIT
"""Runs Buildbot's own master or worker in the foreground: run_buildbot.py PACKAGE master
FOLDER, or run_buildbot.py PACKAGE worker FOLDER PORT NAME PASSWORD. PACKAGE is the folder
of libpb's Python package, which then accelerates Twisted, or "-" for plain Twisted."""

import os
import sys

from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.python import log


def master(folder):
    from buildbot.master import BuildMaster
    return BuildMaster(folder, "master.cfg")


def worker(folder, port, name, password):
    from buildbot_worker.bot import Worker
    return Worker("localhost", int(port), name, password, folder, keepalive=600)


def main(package, kind, folder, *words):
    if package != "-":
        sys.path.insert(0, package)
        import libpb.accelerate
        libpb.accelerate.install()
        print("accelerated")
    log.startLogging(sys.stdout)
    os.chdir(folder)
    service = MultiService()
    {"master": master, "worker": worker}[kind](folder, *words).setServiceParent(service)
    reactor.callWhenRunning(service.startService)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()


main(*sys.argv[1:])
