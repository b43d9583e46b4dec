# SPDX-License-Identifier: MIT
"""The Twisted sides of the test. "serve CERTIFICATE [ROOT]" runs a server with the method
echo(x); if ROOT is given, it accepts only clients with a certificate that ROOT has
signed. "call ENDPOINT" calls that method."""

import sys

from twisted.internet import endpoints, reactor, ssl
from twisted.spread import pb


class Root(pb.Root):
    def remote_echo(self, x):
        return x


def serve(certificate, root=None):
    with open(certificate, "rb") as file:
        own = ssl.PrivateCertificate.loadPEM(file.read())
    if root:
        with open(root, "rb") as file:
            options = own.options(ssl.Certificate.loadPEM(file.read()))
    else:
        options = own.options()
    port = reactor.listenSSL(0, pb.PBServerFactory(Root()), options,
                             interface="127.0.0.1")
    print(f"listening on ssl:{port.getHost().port}", flush=True)


def call(endpoint):
    factory = pb.PBClientFactory()
    status = []

    def done(result):
        print(result)
        status.append(0 if isinstance(result, list) else 1)
        reactor.stop()

    class Broker(pb.Broker):
        def connectionLost(self, reason):
            pb.Broker.connectionLost(self, reason)
            if not status:
                done(reason)

    factory.protocol = Broker
    endpoints.clientFromString(reactor, endpoint).connect(factory).addErrback(done)
    root = factory.getRootObject()
    root.addCallback(lambda r: r.callRemote("echo", [1, 2, 3])).addBoth(
        lambda result: status or done(result))
    reactor.callLater(20, lambda: status or done("no answer"))
    reactor.run()
    sys.exit(status[0])


{"serve": serve, "call": call}[sys.argv[1]](*sys.argv[2:])
reactor.run()
