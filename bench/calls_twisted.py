# SPDX-License-Identifier: MIT
"""`pb serve` and `pb bench call` in Twisted.

usage: calls_twisted.py serve
       calls_twisted.py call PORT OUTSTANDING [LITERAL]

`serve` prints the port. `call` prints the same lines as `pb bench call`: it calls `echo`
with LITERAL, or with 1. """
import ast
import sys
import time

from twisted.internet import defer, reactor
from twisted.spread import pb

SECONDS = 2.0


class Root(pb.Root):
    def remote_echo(self, x):
        return x


@defer.inlineCallbacks
def caller(root, argument, until, latencies):
    while time.monotonic() < until:
        began = time.monotonic()
        yield root.callRemote("echo", argument)
        latencies.append(time.monotonic() - began)


@defer.inlineCallbacks
def call(port, outstanding, argument):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", port, factory)
    root = yield factory.getRootObject()
    latencies, start = [], time.monotonic()
    yield defer.gatherResults(
        [caller(root, argument, start + SECONDS, latencies) for _ in range(outstanding)])
    took = time.monotonic() - start
    latencies.sort()
    n = len(latencies)
    print(f"calls {n / took:.0f} calls/s")
    print(f"latency_p50 {latencies[n // 2] * 1e6:.1f} us")
    print(f"latency_p99 {latencies[n - 1 - n // 100] * 1e6:.1f} us")
    reactor.stop()


def main(argv):
    if argv[0] == "serve":
        port = reactor.listenTCP(0, pb.PBServerFactory(Root()), interface="127.0.0.1")
        print(f"listening on tcp:{port.getHost().port}", flush=True)
    else:
        call(int(argv[1]), int(argv[2]), ast.literal_eval(argv[3]) if argv[3:] else 1)
    reactor.run()


if __name__ == "__main__":
    main(sys.argv[1:])
