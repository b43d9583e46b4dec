# SPDX-License-Identifier: MIT
"""Paging: a string and a file sent in pages to the peer's collector, a pager with its own
pages, and all pages as one answer."""

import tempfile

from twisted.internet import defer
from twisted.spread import pb, util

from pairs import pair
from peers import peer

TEXT = b"".join(b"%05d " % n for n in range(5000))


class CountingPager(util.Pager):
    """Its pages are the numbers from 1 to `last`."""

    def __init__(self, collector, last):
        self.page, self.last = 0, last
        util.Pager.__init__(self, collector, print, "the numbers are paged")

    def nextPage(self):
        self.page += 1
        if self.page >= self.last:
            self.stopPaging()
        return self.page


def send(kind, collector):
    if kind == "string":
        util.StringPager(collector, TEXT, 8192, print, "the string is paged")
    elif kind == "small":
        util.StringPager(collector, TEXT[:24], 5)
    elif kind == "exact":
        util.StringPager(collector, TEXT[:24], 6)
    elif kind == "empty":
        util.StringPager(collector, b"")
    elif kind == "numbers":
        CountingPager(collector, 4)
    elif kind == "file":
        file = tempfile.TemporaryFile()
        file.write(TEXT)
        file.seek(0)
        util.FilePager(collector, file, print, "the file is paged")


class Pages(pb.Root):
    def rootObject(self, broker):
        self.broker = broker
        return self

    def remote_page(self, collector, kind):
        send(kind, collector)

    def remote_page_to(self, collector, *, kind):
        send(kind, collector)

    def remote_collect(self, pager):
        """Has the argument send its pages, and answers whether they are the text."""
        done = defer.Deferred()
        collector = util.CallbackPageCollector(done.callback)
        pager.callRemote("page", collector)
        return done.addCallback(lambda pages: b"".join(pages) == TEXT)

    def remote_counts(self):
        return peer.counts(self.broker)


class Sender(pb.Referenceable):
    def remote_page(self, collector):
        util.StringPager(collector, TEXT, 1000, print, "our string is paged")


class Collector(pb.Referenceable):
    """Prints each page."""

    def __init__(self):
        self.done = defer.Deferred()

    def remote_gotPage(self, page):
        print("got", page)

    def remote_endedPaging(self):
        print("no more pages")
        self.done.callback(None)


def paging(factory):
    root = yield factory.getRootObject()
    for kind in "string", "file":
        pages = yield util.getAllPages(root, "page", kind)
        print(kind, "is", "right" if b"".join(pages) == TEXT else "wrong")
    for kind in "small", "exact", "empty", "numbers":
        pages = yield util.getAllPages(root, "page", kind)
        print(kind, pages)
    pages = yield util.getAllPages(root, "page_to", kind="small")
    print("by keyword", pages)
    collector = Collector()
    yield root.callRemote("page", collector, "numbers")
    yield collector.done
    yield pair.print_result("collect", root.callRemote("collect", Sender()))
    del collector
    yield pair.print_server_counts(root, "counts")


pair.main({"paging": (lambda: peer.serve(Pages()), paging)})
