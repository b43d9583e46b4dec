# SPDX-License-Identifier: MIT
"""Jelly without a connection and without Twisted: Python objects to what Perspective
Broker sends, and back. Mirrors twisted.spread.jelly.

Supports built-in types, dates, Decimals, and instances of classes that are registered
with libpb.copyable. No other class is ever instantiated, whatever the bytes contain."""
from __future__ import annotations

import threading
from typing import Any

from libpb import _core, banana
from libpb._core import InsecureJelly, JellyError
from libpb.flavors import COPIES, Unpersistable, copy_state, fill_copy

__all__ = ["InsecureJelly", "JellyError", "dumps", "jelly", "loads", "unjelly"]


class _Handler:
    """The handler of a session (session/session.h), for objects of no built-in type."""

    def flatten(self, value: Any, perspective: Any) -> Any:
        tag = type(value).__dict__.get("__pb_tag__")
        if tag is None:
            cls = type(value)
            raise JellyError(f"{cls.__module__}.{cls.__qualname__} cannot be jellied: it "
                             "is neither a built-in type nor registered by @copyable")
        return tag, copy_state(value, perspective)

    def fill(self, copy: Any, state: Any) -> None:
        fill_copy(copy, state)

    def unpersistable(self, reason: str) -> Unpersistable:
        return Unpersistable(reason)


class _Local(threading.local):
    """A session belongs to one thread."""

    def __init__(self) -> None:
        self.session = _core.Session(_Handler(), _core.Remote, COPIES, False, None, 0,
                                     None, False, 0)


_local = _Local()


def dumps(value: Any, dialect: str = "pb") -> bytes:
    """Jellies an object and encodes it. Raises JellyError for an object that jelly cannot
    send, BananaError for one that is too large for banana."""
    return _core.jelly_dumps(_local.session, value, banana._words(dialect))


def loads(data: bytes, dialect: str = "pb") -> Any:
    """Decodes and unjellies bytes that hold exactly one jelly expression. Raises
    BananaError or JellyError for malformed bytes, InsecureJelly for types that are not
    allowed."""
    return _core.jelly_loads(_local.session, data, banana._words(dialect))


def jelly(value: Any) -> Any:
    """Jellies an object: its expression, of lists, bytes and numbers."""
    return banana.decode(dumps(value, "none"))


def unjelly(expression: Any) -> Any:
    """Unjellies an expression: its object."""
    return loads(banana.encode(expression), "none")
