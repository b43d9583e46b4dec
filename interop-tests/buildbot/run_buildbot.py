# SPDX-License-Identifier: MIT
"""Runs Buildbot's own master or worker in the foreground: run_buildbot.py PACKAGE master
FOLDER, or run_buildbot.py PACKAGE worker FOLDER PORT NAME PASSWORD. PACKAGE is the folder
of libpb's Python package, which then accelerates Twisted, or "-" for plain Twisted."""

import importlib.util
import os
import sys
import types

from twisted.application.service import MultiService
from twisted.internet import reactor
from twisted.python import log


def supply_test_class():
    """Buildbot 4's master asks whether its pool of threads is of a class of Buildbot's own
    tests, which Debian's package leaves out. No pool is of this one."""
    if importlib.util.find_spec("buildbot.test"):
        return
    for name in "buildbot.test", "buildbot.test.fake", "buildbot.test.fake.reactor":
        sys.modules[name] = types.ModuleType(name)
    sys.modules["buildbot.test.fake.reactor"].NonThreadPool = type("NonThreadPool", (), {})


def master(folder):
    supply_test_class()
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
