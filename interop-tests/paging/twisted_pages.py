# SPDX-License-Identifier: MIT
"""The Twisted sides of the test. "serve FILE" runs a server whose root has the method
fetch(collector), which sends the file. "fetch PORT" calls that method, with a collector
that writes each page to standard output, and so is as slow as the reader of the
output."""

import sys

from twisted.internet import reactor
from twisted.spread import pb, util


class Files(pb.Root):
    def __init__(self, path):
        self.path = path

    def remote_fetch(self, collector):
        file = open(self.path, "rb")
        util.FilePager(collector, file, file.close)


class Collector(pb.Referenceable):
    def remote_gotPage(self, page):
        sys.stdout.buffer.write(page)

    def remote_endedPaging(self):
        sys.stdout.flush()
        reactor.stop()


def serve(path):
    port = reactor.listenTCP(0, pb.PBServerFactory(Files(path)), interface="127.0.0.1")
    print(f"listening on tcp:{port.getHost().port}", flush=True)


def fetch(port):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", int(port), factory)
    factory.getRootObject().addCallback(
        lambda root: root.callRemote("fetch", Collector()))


{"serve": serve, "fetch": fetch}[sys.argv[1]](sys.argv[2])
reactor.run()
