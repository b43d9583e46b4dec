# SPDX-License-Identifier: MIT
"""Tests examples/words_client.c with a server of twisted.words, in which a user in Twisted
answers what it says: words_test.py BUILD_DIR. Prints a line for each check and the
totals; the exit status is 1 if a check failed."""

import sys
from pathlib import Path

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import Portal
from twisted.internet import defer, reactor
from twisted.internet.utils import getProcessOutputAndValue
from twisted.spread import pb
from twisted.words import service

TIMEOUT = 30  # seconds


class Echo(service.PBMind):
    """The mind of bob, who answers in the group."""

    group = None

    def remote_receive(self, sender, recipient, message):
        text = message["text"]
        reactor.callLater(0, self.group.send, {"text": "you said " + text})


class CountingBroker(pb.Broker):
    """Notes the objects that a client had not released when it was lost."""

    left = []

    def connectionLost(self, reason):
        classes = [type(o.object).__name__ for o in self.localObjects.values()]
        self.left.append(sorted(classes))
        super().connectionLost(reason)


def make_server():
    realm = service.InMemoryWordsRealm("realm")
    realm.createGroupOnRequest = True
    users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret", bob=b"word")
    factory = pb.PBServerFactory(Portal(realm, [users]))
    factory.protocol = CountingBroker
    return reactor.listenTCP(0, factory, interface="127.0.0.1")


async def join_bob(port):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", port, factory)
    mind = Echo()
    avatar = await factory.login(UsernamePassword(b"bob", b"word"), mind)
    mind.group = await avatar.callRemote("join", "lobby")
    return avatar, mind


async def run_checks(build):
    server = make_server()
    port = server.getHost().port
    bob = await join_bob(port)
    out, err, status = await getProcessOutputAndValue(
        str(build / "examples" / "words_client"),
        [f"tcp:127.0.0.1:{port}", "alice", "secret", "lobby", "hello"])
    checks = [
        ("status", status, 0),
        ("errors", err.decode(), ""),
        ("output", out.decode(), "joined as a twisted.words.service.PBGroup\n"
                                 "b'lobby': {'text': 'you said hello'}\n"),
        ("objects that were not released", CountingBroker.left, [["_PortalWrapper"]]),
    ]
    del bob
    failed = 0
    for what, got, wanted in checks:
        good = got == wanted
        failed += not good
        print(f"{'ok' if good else 'FAILED'} - {what}" +
              ("" if good else f": {got!r} instead of {wanted!r}"))
    print(f"{len(checks) - failed} passed, {failed} failed")
    return failed


def main(build):
    status = []
    d = defer.ensureDeferred(run_checks(build))
    d.addTimeout(TIMEOUT, reactor)
    d.addBoth(status.append)
    d.addBoth(lambda _: reactor.stop())
    reactor.run()
    if status[0] != 0:
        print(status[0], file=sys.stderr)
    return int(status[0] != 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
