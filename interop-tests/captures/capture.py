#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Captures what the installed Twisted sends, in the format of README.md.

    capture.py FOLDER

Writes one file for each scenario below into FOLDER/VERSION-py3, with two brokers of that
Twisted in one process. The scenarios are those in which versions of Twisted differ."""

import gzip
import hashlib
import json
import os
import platform
import sys

import twisted
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import Anonymous, UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python import failure, log, reflect
from twisted.python.failure import Failure
from twisted.spread import pb, util
from zope.interface import implementer


class Refused(pb.Error):
    pass


class Connection:
    """Two brokers, and the chunks that crossed between them."""

    def __init__(self, server_factory, client_factory):
        self.lines = []
        self.sides = {}
        for side, factory in (("server", server_factory), ("client", client_factory)):
            broker = factory.buildProtocol(None)
            broker.makeConnection(StringTransport())
            self.sides[side] = broker
        self.pump()

    def pump(self):
        busy = True
        while busy:
            busy = False
            for side, other in (("server", "client"), ("client", "server")):
                transport = self.sides[side].transport
                data = transport.value()
                if data:
                    busy = True
                    transport.clear()
                    self.lines.append({"from": side, "hex": data.hex(),
                                       "t": round(0.001 * (len(self.lines) + 1), 3)})
                    self.sides[other].dataReceived(data)
                elif transport.producer:
                    busy = True
                    transport.producer.resumeProducing()

    def close(self):
        self.lines.append({"event": "closed", "by": "client", "error": None, "message": ""})
        for broker in self.sides.values():
            broker.connectionLost(Failure(ConnectionDone()))


class Notes:
    """The expectations of a scenario."""

    def __init__(self):
        self.calls, self.served, self.log = [], [], []


class Collector(util.CallbackPageCollector):
    pass


def value_to_json(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return {"int": str(value)}
    if isinstance(value, str):
        return {"str": value}
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [value_to_json(v) for v in value]}
    if isinstance(value, dict):
        return {"dict": [[value_to_json(k), value_to_json(v)] for k, v in value.items()]}
    if isinstance(value, pb.Referenceable):
        return {"referenceable": type(value).__name__}
    if isinstance(value, pb.RemoteReference):
        return {"remote": value.luid}
    raise TypeError(value)


def failure_to_json(f):
    if not isinstance(f.type, bytes):  # made on the caller's side
        return {"type": reflect.qual(f.type), "value": str(f.value)}
    kind = f.type.decode() 
    return {"type": kind, "value": f.value, "parents": f.parents,
            "traceback": f.traceback != "Traceback unavailable\n",
            **({"traceback_text": f.traceback}
               if f.traceback != "Traceback unavailable\n" else {})}


def object_name(luid):
    return luid.decode() if isinstance(luid, bytes) else luid


def call(conversation, notes, remote, method, *args, later=None, **kwargs):
    """One call of the client. later runs when the call waits."""
    result = []
    entry = {"from": "client", "object": object_name(remote.luid), "method": method,
             "args": value_to_json(args), "kwargs": value_to_json(kwargs),
             "request": conversation.sides["client"].currentRequestID + 1}
    notes.calls.append(entry)
    maybeDeferred(remote.callRemote, method, *args, **kwargs).addBoth(result.append)
    if conversation.sides["client"].currentRequestID < entry["request"]:
        del entry["request"]  # nothing was sent
    conversation.pump()
    if later:
        later()
        conversation.pump()
    if isinstance(result[0], Failure):
        entry["failure"] = failure_to_json(result[0])
    else:
        entry["answer"] = value_to_json(result[0])


class Echo(pb.Root):
    def __init__(self, notes):
        self.notes = notes
        self.waiting = None

    def served(self, method, *args, **kwargs):
        self.notes.served.append({"class": "Echo", "method": "remote_" + method,
                                  "args": value_to_json(args),
                                  "kwargs": value_to_json(kwargs)})

    def remote_refused(self, text):
        self.served("refused", text)
        raise Refused(text)

    def remote_key(self):
        self.served("key")
        raise KeyError("x")

    def remote_add(self, a, b=1):
        self.served("add", a, b)
        return a + b

    def remote_pages(self, first, second):
        self.served("pages", first, second)
        util.StringPager(first, b"0123456789" * 3, 8)
        util.StringPager(second, b"abcdefghij" * 2, 8)

    def remote_failed(self):
        self.served("failed")
        return fail(RuntimeError("at once"))

    def remote_later(self):
        self.served("later")
        self.waiting = Deferred()
        return self.waiting


@implementer(IRealm)
class Realm:
    def __init__(self, notes):
        self.notes = notes

    def requestAvatar(self, avatar_id, mind, *interfaces):
        person = Person(self.notes, avatar_id)
        name = avatar_id.decode() if isinstance(avatar_id, bytes) else str(avatar_id)
        self.notes.log.append(["login", name])
        return pb.IPerspective, person, lambda: self.notes.log.append(["logout", name])


class Person(pb.Avatar):
    def __init__(self, notes, name):
        self.notes, self.name = notes, name

    def perspective_name(self):
        self.notes.served.append({"class": "Person", "method": "perspective_name",
                                  "args": {"tuple": []}, "kwargs": {"dict": []}})
        return self.name.decode()


def get_root(c, factory):
    found = []
    factory.getRootObject().addCallback(found.append)
    c.pump()
    return found[0]


def failures(notes, unsafe=False):
    root = Echo(notes)
    server = pb.PBServerFactory(root, unsafeTracebacks=unsafe)
    client = pb.PBClientFactory()
    c = Connection(server, client)
    remote = get_root(c, client)

    def fail_with(e):
        return lambda: root.waiting.errback(e)

    if not unsafe:
        call(c, notes, remote, "refused", "not today")
        call(c, notes, remote, "key")
        call(c, notes, remote, "add")
        call(c, notes, remote, "add", 1, 2, 3)
        call(c, notes, remote, "add", 1, c=2)
        call(c, notes, remote, "missing")
    call(c, notes, remote, "failed")
    call(c, notes, remote, "later", later=fail_with(KeyError("late")))
    call(c, notes, remote, "later", later=fail_with(Refused("late")))
    call(c, notes, remote, "later", later=lambda: root.waiting.callback(None))
    return c


def failures_unsafe(notes):
    return failures(notes, unsafe=True)


def log_in(c, notes, factory, credentials, does):
    result = []
    factory.login(credentials).addBoth(result.append)
    c.pump()
    entry = {"does": does}
    notes.calls.append(entry)
    if isinstance(result[0], Failure):
        entry["failure"] = failure_to_json(result[0])
        return None
    entry["answer"] = value_to_json(result[0])
    return result[0]


def make_portal(notes, anonymous=False):
    users = InMemoryUsernamePasswordDatabaseDontUse(bob=b"", alice=b"secret")
    return Portal(Realm(notes), [users] + [AllowAnonymousAccess()] * anonymous)


def logins(notes):
    """Three avatars, of which the second is released, and the connection ends."""
    server = pb.PBServerFactory(make_portal(notes, anonymous=True))
    client = pb.PBClientFactory()
    c = Connection(server, client)
    alice = UsernamePassword(b"alice", b"secret")
    avatars = [log_in(c, notes, client, UsernamePassword(b"bob", b""), "login('bob', '')"),
               log_in(c, notes, client, alice, "login('alice', 'secret')"),
               log_in(c, notes, client, Anonymous(), "loginAnonymous()")]
    call(c, notes, avatars[0], "name")
    call(c, notes, avatars[1], "name")
    del avatars[1]
    c.pump()
    c.close()
    return c


def login_refused(notes):
    server = pb.PBServerFactory(make_portal(notes))
    client = pb.PBClientFactory()
    c = Connection(server, client)
    log_in(c, notes, client, UsernamePassword(b"bob", b"wrong"), "login('bob', 'wrong')")
    log_in(c, notes, client, UsernamePassword(b"eve", b"x"), "login('eve', 'x')")
    return c


def login_after_refused(notes):
    server = pb.PBServerFactory(make_portal(notes, anonymous=True))
    client = pb.PBClientFactory()
    c = Connection(server, client)
    log_in(c, notes, client, UsernamePassword(b"bob", b"wrong"), "login('bob', 'wrong')")
    bob = log_in(c, notes, client, UsernamePassword(b"bob", b""), "login('bob', '')")
    call(c, notes, bob, "name")
    log_in(c, notes, client, UsernamePassword(b"alice", b"x"), "login('alice', 'x')")
    alice = log_in(c, notes, client, UsernamePassword(b"alice", b"secret"),
                   "login('alice', 'secret')")
    call(c, notes, alice, "name")
    return c


def pages_together(notes):
    """Two pagers at once: each turn sends the page of the last one first."""
    root = Echo(notes)
    client = pb.PBClientFactory()
    c = Connection(pb.PBServerFactory(root), client)
    got = []
    call(c, notes, get_root(c, client), "pages", Collector(got.append), Collector(got.append))
    notes.log.append([b"".join(pages).decode() for pages in got])
    return c


def never_sent(notes):
    root = Echo(notes)
    client = pb.PBClientFactory()
    c = Connection(pb.PBServerFactory(root), client)
    remote = get_root(c, client)
    call(c, notes, remote, "add", 1, 2)
    c.close()
    call(c, notes, remote, "add", 3, 4)
    return c


SCENARIOS = {
    "login_after_refused": (login_after_refused, "logins that are refused, and then not"),
    "pages_together": (pages_together, "two pagers that are started by one call"),
    "never_sent": (never_sent, "a call after the connection has ended"),
    "failures": (failures, "exceptions, wrong arguments and failed Deferreds"),
    "failures_unsafe": (failures_unsafe, "failed Deferreds with unsafeTracebacks on"),
    "logins": (logins, "several logins on one connection, which ends"),
    "login_refused": (login_refused, "logins with a wrong name or password"),
}


def seed_challenges():
    count = [0]

    def challenge():
        count[0] += 1
        return hashlib.md5(b"%d" % count[0]).digest()

    pb.challenge = challenge


def main(folder):
    log.startLoggingWithObserver(lambda event: None, setStdout=False)
    version = twisted.version
    folder = os.path.join(folder, "%d.%d.%d-py3" % (version.major, version.minor,
                                                    version.micro))
    os.makedirs(folder, exist_ok=True)
    for name, (run, about) in SCENARIOS.items():
        notes = Notes()
        seed_challenges()
        failure.count = 0
        c = run(notes)
        lines = [{"format": "pb-capture", "version": 1, "twisted": twisted.__version__,
                  "python": platform.python_version(), "implementation": "CPython",
                  "scenario": name, "about": about}]
        lines += c.lines
        expect = {"calls": notes.calls, "served": notes.served,
                  "notes": [{"log": value_to_json(notes.log)}] if notes.log else []}
        lines.append({"expect": expect})
        with gzip.GzipFile(os.path.join(folder, name + ".jsonl.gz"), "wb", mtime=0) as f:
            for line in lines:
                f.write(json.dumps(line, sort_keys=True).encode() + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
