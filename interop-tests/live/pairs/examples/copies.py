# SPDX-License-Identifier: MIT
"""Copies, as in Twisted's copy and copy2: a pond is sent as a copy, with its attributes
or with a state that it computes, and is rejected if its class is not registered."""

from twisted.spread import pb

from pairs import pair
from peers import peer


class CopyPond(pb.Copyable):
    def __init__(self, color, frogs):
        self.color, self.numFrogs = color, frogs

    def getTypeToCopy(self):
        return b"copy_sender.CopyPond"


class SenderPond(pb.Copyable):
    def __init__(self, frogs, toads):
        self.frogs, self.toads = frogs, toads

    def getTypeToCopy(self):
        return b"copy2_classes.SenderPond"

    def getStateToCopy(self):
        return {"frogsAndToads": self.frogs + self.toads}


class HiddenPond(pb.Copyable):
    """Not registered by the receiver."""

    __module__ = "ponds"


class ReceivedCopyPond(pb.RemoteCopy):
    def description(self):
        return f"{self.numFrogs} {self.color} frogs"


class ReceivedSenderPond(pb.RemoteCopy):
    def setCopyableState(self, state):
        self.count = state["frogsAndToads"]

    def description(self):
        return f"{self.count} frogs and toads"


pb.setUnjellyableForClass(b"copy_sender.CopyPond", ReceivedCopyPond)
pb.setUnjellyableForClass(b"copy2_classes.SenderPond", ReceivedSenderPond)


class Receiver(pb.Root):
    def remote_takePond(self, pond):
        print("got", pond.description())
        return "safe and sound"

    def remote_shutdown(self):
        peer.stop()


def sender(*ponds):
    def client(factory):
        receiver = yield factory.getRootObject()
        for pond in ponds:
            yield pair.print_result("takePond", receiver.callRemote("takePond", pond))
        yield pair.shut_down(receiver)

    return client


def serve():
    peer.serve(Receiver())


pair.main({
    "copy": (serve, sender(CopyPond("green", 7), HiddenPond())),
    "copy2": (serve, sender(SenderPond(3, 4))),
})
