# SPDX-License-Identifier: MIT
"""The example of Twisted's Perspective Broker documentation: the root, One, returns a
Two, and recognizes it when it is sent back."""

from twisted.spread import pb

from peers import peer


class Two(pb.Referenceable):
    def remote_three(self, arg):
        print("Two.three was given", arg)
        return [1, 2, 3]


class One(pb.Root):
    def __init__(self, two):
        self.two = two

    def remote_getTwo(self):
        print("One.getTwo, handing out my two")
        return self.two

    def remote_checkTwo(self, two):
        same = two is self.two
        print("One.checkTwo,", "it is my two" if same else "it is not my two")
        return same


peer.serve(One(Two()))
