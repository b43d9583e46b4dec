# SPDX-License-Identifier: MIT
"""A cache, as in Twisted's cache example: the receiver of a pond observes it until it
releases its copy."""

from twisted.spread import pb

from pairs import pair
from peers import peer


class MasterPond(pb.Cacheable):
    def __init__(self, ducks):
        self.ducks, self.observers = ducks, []

    def getTypeToCopy(self):
        return b"cache_classes.MasterDuckPond"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        print("the pond is observed")
        return self.ducks

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)
        print("the pond is", "still" if self.observers else "no longer", "observed")

    def add(self, duck):
        self.ducks.append(duck)
        for observer in self.observers:
            observer.callRemote("addDuck", duck)

    def remove(self, duck):
        self.ducks.remove(duck)
        for observer in self.observers:
            observer.callRemote("removeDuck", duck)


class SlavePond(pb.RemoteCache):
    def setCopyableState(self, state):
        self.ducks = state

    def observe_addDuck(self, duck):
        print("a duck is added:", duck)
        self.ducks.append(duck)

    def observe_removeDuck(self, duck):
        print("a duck is removed:", duck)
        self.ducks.remove(duck)


pb.setUnjellyableForClass(b"cache_classes.MasterDuckPond", SlavePond)


class Receiver(pb.Root):
    def remote_takePond(self, pond):
        self.pond = pond
        self.remote_checkDucks()

    def remote_checkDucks(self):
        print(len(self.pond.ducks), "ducks:", ", ".join(self.pond.ducks))

    def remote_ignorePond(self):
        self.pond = None
        print("the pond is released")

    def remote_shutdown(self):
        peer.stop()


def cache(factory):
    pond = MasterPond(["one duck", "two duck"])
    receiver = yield factory.getRootObject()
    yield pair.print_result("takePond", receiver.callRemote("takePond", pond))
    pond.add("ugly duckling")
    yield pair.print_result("checkDucks", receiver.callRemote("checkDucks"))
    pond.remove("one duck")
    yield pair.print_result("checkDucks", receiver.callRemote("checkDucks"))
    yield pair.print_result("ignorePond", receiver.callRemote("ignorePond"))
    pond.add("nobody's duck")
    yield pair.shut_down(receiver)


pair.main({"cache": (lambda: peer.serve(Receiver()), cache)})
