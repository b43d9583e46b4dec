# SPDX-License-Identifier: MIT
"""The Twisted ends of a paging. "serve FILE": a server whose root has fetch(collector).
"fetch PORT": calls it, with a collector that writes each page to standard output and lags
behind as its reader does."""

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
    factory.getRootObject().addCallback(lambda root: root.callRemote("fetch", Collector()))


{"serve": serve, "fetch": fetch}[sys.argv[1]](sys.argv[2])
reactor.run()
