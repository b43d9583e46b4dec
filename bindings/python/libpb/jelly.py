# SPDX-License-Identifier: MIT
"""Jelly by itself: Python objects to what Perspective Broker sends, and back, without a
connection and without Twisted. Mirrors twisted.spread.jelly.

Built-in types, dates, Decimals, and instances of classes that are registered with
libpb.copyable. No other class is ever instantiated, whatever the bytes say."""
from __future__ import annotations

import threading
from typing import Any

from libpb import _core, banana
from libpb._core import InsecureJelly, JellyError
from libpb.flavors import COPIES, Unpersistable, copy_state, fill_copy

__all__ = ["InsecureJelly", "JellyError", "dumps", "jelly", "loads", "unjelly"]


class _Handler:
    """What a session asks about objects that are no built-in ones."""

    def flatten(self, value: Any, perspective: Any) -> Any:
        tag = type(value).__dict__.get("__pb_tag__")
        if tag is None:
            cls = type(value)
            raise JellyError(f"{cls.__module__}.{cls.__qualname__} cannot be jellied: it is no "
                             "built-in type, and not registered by @copyable")
        return tag, copy_state(value, perspective)

    def fill(self, copy: Any, state: Any) -> None:
        fill_copy(copy, state)

    def unpersistable(self, reason: str) -> Unpersistable:
        return Unpersistable(reason)


class _Local(threading.local):
    """A session belongs to one thread."""

    def __init__(self) -> None:
        self.session = _core.Session(_Handler(), _core.Remote, COPIES, False, None, 0, None,
                                     False, 0)


_local = _Local()


def dumps(value: Any, dialect: str = "pb") -> bytes:
    """The jelly of an object in banana, in one step. JellyError for what jelly cannot take,
    BananaError for what is too large for banana."""
    return _core.jelly_dumps(_local.session, value, banana._words(dialect))


def loads(data: bytes, dialect: str = "pb") -> Any:
    """The object of bytes that hold exactly one jelly expression. BananaError or JellyError
    for what is malformed, InsecureJelly for what is not allowed."""
    return _core.jelly_loads(_local.session, data, banana._words(dialect))


def jelly(value: Any) -> Any:
    """The expression of an object: lists, bytes and numbers."""
    return banana.decode(dumps(value, "none"))


def unjelly(expression: Any) -> Any:
    """The object of an expression."""
    return loads(banana.encode(expression), "none")
