# SPDX-License-Identifier: MIT
"""Publishables: what is published once is kept in a file, and asked for again only when it
has changed."""

import os
import tempfile

from twisted.spread import pb, publish

from pairs import pair
from pairs.pair import say
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
        say("the song is asked for")
        return {"words": self.words}


class Heard(publish.RemotePublished):
    def activated(self):
        say("activated:", self.words)


pb.setUnjellyableForClass(b"publishing.Song", Heard)


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

    def remote_tables(self):
        return peer.tables(self.broker)


def publishing(factory):
    root = yield factory.getRootObject()
    os.chdir(tempfile.mkdtemp())  # where the file goes
    for words in None, None, "lo lo", None:
        if words:
            yield root.callRemote("change", words)
        song = yield publish.whenReady(root.callRemote("play"))
        say("heard:", song.words, "of", song.getFileName(), song.timestamp)
        yield pair.tell("tables", root.callRemote("tables"))
        del song
        yield root.callRemote("tables")  # what it held is given back once it is uncached
        yield pair.tell("tables", root.callRemote("tables"))
    say("files:", os.listdir())
    os.remove("None-None-song-1.pub")
    os.rmdir(os.getcwd())


pair.main({"publishing": (lambda: peer.serve(Radio()), publishing)})
