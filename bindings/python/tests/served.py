# SPDX-License-Identifier: MIT
"""The root object that the tests serve, with its copies, exceptions and avatars."""
import asyncio
import dataclasses
import enum
import logging
import unittest

import libpb

LOCAL = "tcp:0:interface=127.0.0.1"


@libpb.copyable("test.Point")
@dataclasses.dataclass
class Point:
    x: int
    y: int = 0
    others: list = dataclasses.field(default_factory=list)

    def __post_init__(self):
        if self.x == 13:
            raise ValueError("13 brings bad luck")


@libpb.copyable("test.Fixed")
@dataclasses.dataclass(frozen=True)
class Fixed:
    name: str
    held: object = None


@libpb.copyable("test.Plain")
class Plain:
    pass


@libpb.copyable("test.Own")
class Own:
    def getStateToCopyFor(self, avatar):
        return (1, avatar and avatar.name)

    def setCopyableState(self, state):
        self.state = state


@libpb.copyable("test.Trouble")
class Trouble(Exception):
    pass


class Colour(enum.IntEnum):
    RED = 4


class Thing(libpb.Referenceable):
    pass


class View(libpb.Viewable):
    @libpb.view
    def whose(self, avatar, *args):
        return avatar and avatar.name, args


class Root(libpb.Root):
    def __init__(self):
        self.thing, self.kept = Thing(), None

    @libpb.remote
    def echo(self, /, *args, **kwargs):
        return args, kwargs

    @libpb.remote
    def keep(self, it):
        self.kept = it

    @libpb.remote
    def give(self, name):
        return getattr(self, name)

    @libpb.remote
    def new(self):
        return Thing()

    @libpb.remote("is it")
    def is_it(self, it):
        return it is self.thing

    @libpb.remote
    async def wait(self):
        await asyncio.Event().wait()

    @libpb.remote
    def fail(self, kind):
        if kind == "trouble":
            trouble = Trouble()
            trouble.why = "all of it"
            raise trouble
        if kind == "object":
            return object()
        if kind == "deep":
            deep = []
            for _ in range(100000):
                deep = [deep]
            return deep
        raise {"value": ValueError("bad"), "both": Both("two")}[kind]

    @libpb.remote
    async def forward(self, ref, method):
        return await ref.call(method, "value")

    def hidden(self):
        raise AssertionError("a peer called it")


class Derived(Root):
    def echo(self, *args):
        return "derived"


class Both(KeyError, ConnectionError):
    pass


class Person(libpb.Avatar):
    def __init__(self, name, mind):
        self.name, self.mind, self.left = name, mind, 0

    @libpb.perspective
    def get(self, what):
        return {"view": View, "own": Own}[what]()

    @libpb.perspective
    def same(self, view):
        return isinstance(view, View)

    async def logout(self):
        self.left += 1


class Pair(unittest.IsolatedAsyncioTestCase):
    """A server with a Root and a client in one test."""

    root_class = Root
    options: dict = {}

    async def asyncSetUp(self):
        logging.getLogger("libpb").setLevel(logging.CRITICAL)
        self.root_object = self.root_class()
        self.server = await libpb.serve(LOCAL, self.root_object, **self.options)
        self.client = await libpb.connect(f"tcp:127.0.0.1:{self.server.port}")
        self.root = self.client.root

    async def asyncTearDown(self):
        self.client.close()
        self.server.close()
        await self.server.wait_closed()
        await self.client.wait_closed()

    async def echo(self, *values):
        got, kwargs = await self.root.call("echo", *values)
        self.assertEqual(kwargs, {})
        return got

    def counts(self):
        """(exported, held) of the server."""
        connection, = self.server.connections
        counts = connection.counts()
        return counts["exported"], counts["held"]
