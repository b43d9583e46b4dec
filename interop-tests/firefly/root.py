# SPDX-License-Identifier: MIT
"""The root of a Firefly tree: root.py ENDPOINT."""

from twisted.spread import pb

from peers import peer
from service import Service, echo


class Broker(peer.WatchedBroker):
    """Removes the children of a connection when it is closed."""

    def connectionLost(self, reason):
        for name, proxy in list(self.factory.root.children.items()):
            if proxy.broker is self:
                print(name, "leaves")
                del self.factory.root.children[name]
        del proxy
        peer.WatchedBroker.connectionLost(self, reason)


class Root(pb.Root):
    def __init__(self, service):
        self.children, self.service = {}, service

    def remote_takeProxy(self, name, proxy):
        if name in self.children:
            raise ValueError(f"child {name} exists")
        print(name, "joins")
        self.children[name] = proxy

    def remote_callTarget(self, command, *args, **kw):
        return self.service.call(command, *args, **kw)


service = Service()
root = Root(service)


@service.target
def add(a, b, scale=1):
    return (a + b) * scale


@service.target
def children():
    return list(reversed(root.children))


@service.target
def tell(name, command, *args, **kw):
    if name not in root.children:
        print("there is no such child:", (name, command, *args))
        return None
    return root.children[name].callRemote("callChild", command, *args, **kw)


service.targets["echo"] = service.targets[7] = echo
peer.serve(root, protocol=Broker)
