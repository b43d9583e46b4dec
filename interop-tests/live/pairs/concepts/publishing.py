# SPDX-License-Identifier: MIT
"""Publishables: the client keeps a published object in a file, and asks for its state
again only if the object has changed."""

import os
import tempfile

from twisted.spread import pb, publish

from pairs import pair
from peers import peer


class Song(publish.Publishable):
    def __init__(self, words):
        self.words = words
        publish.Publishable.__init__(self, "song-1")

    def republish(self):
        self.timestamp = getattr(self, "timestamp", 1000.5) + 1

    def getTypeToCopy(self):
        return b"publishing.Song"

    def getStateToPublish(self):
        print("the song is asked for")
        return {"words": self.words}


class ReceivedSong(publish.RemotePublished):
    def activated(self):
        print("activated:", self.words)


pb.setUnjellyableForClass(b"publishing.Song", ReceivedSong)


class Radio(pb.Root):
    def __init__(self):
        self.song = Song("la la")

    def rootObject(self, broker):
        self.broker = broker
        return self

    def remote_play(self):
        return self.song

    def remote_change(self, words):
        self.song.words = words
        self.song.republish()

    def remote_counts(self):
        return peer.counts(self.broker)


def publishing(factory):
    root = yield factory.getRootObject()
    os.chdir(tempfile.mkdtemp())  # publish writes its files to the current directory
    for words in None, None, "lo lo", None:
        if words:
            yield root.callRemote("change", words)
        song = yield publish.whenReady(root.callRemote("play"))
        print("received:", song.words, "of", song.getFileName(), song.timestamp)
        yield pair.print_server_counts(root, "counts")
        del song
        yield root.callRemote("counts")  # the peer releases its references after uncache
        yield pair.print_server_counts(root, "counts")
    print("files:", os.listdir())
    os.remove("None-None-song-1.pub")
    os.rmdir(os.getcwd())


pair.main({"publishing": (lambda: peer.serve(Radio()), publishing)})
