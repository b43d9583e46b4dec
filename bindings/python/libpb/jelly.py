# SPDX-License-Identifier: MIT
"""Jelly without a connection and without Twisted: Python objects to what Perspective
Broker sends, and back. Mirrors twisted.spread.jelly.

Supports built-in types, dates, Decimals, and instances of classes that are registered
with libpb.copyable. No other class is ever instantiated, whatever the bytes contain."""
from __future__ import annotations

import dataclasses
import threading
from typing import Any, Optional, Set, Tuple, Union

from libpb import _core, banana
from libpb._core import InsecureJelly, JellyError
from libpb.flavors import COPIES, Unpersistable, copy_state, fill_copy

__all__ = ["InsecureJelly", "JellyError", "Taster", "dumps", "jelly", "loads", "unjelly"]


class Taster:
    """Says what is allowed: nothing but None, bools, numbers, text, bytes, sets, dates and
    Decimals at first. Mirrors twisted.spread.jelly.SecurityOptions.

    What is not allowed is refused when it is read (InsecureJelly), and written as an
    Unpersistable. Unlike in Twisted, instances of registered classes have to be allowed,
    too. Without a taster, all built-in types and all registered classes are allowed."""

    def __init__(self) -> None:
        self._types: Set[str] = set()
        self._instances: Set[str] = set()

    def allow_basic_types(self) -> None:
        """Allows lists, tuples, dicts and references."""
        self.allow_types("dictionary", "list", "tuple", "reference", "dereference",
                         "unpersistable", "persistent", "long_int", "long", "dict")

    def allow_types(self, *names: Union[str, bytes]) -> None:
        """Allows types by the names that jelly has for them, such as "list"."""
        self._types.update(n.decode() if isinstance(n, bytes) else n for n in names)

    def allow_instances_of(self, *classes: Union[str, type]) -> None:
        """Allows instances of registered classes, or of those with such tags, and the
        basic types."""
        for cls in classes:
            tag = cls if isinstance(cls, str) else cls.__dict__.get("__pb_tag__")
            if tag is None:
                raise TypeError(f"{cls!r} is not registered by @copyable")
            self._instances.add(tag)
        self.allow_basic_types()

    allowBasicTypes, allowTypes = allow_basic_types, allow_types
    allowInstancesOf = allow_instances_of


def _allowed(taster: Optional[Taster]) -> "Optional[Tuple[Tuple[str, ...], ...]]":
    if taster is None:
        return None
    return tuple(taster._types), tuple(taster._instances)


def _is_own(cls: type, name: str) -> bool:
    """Whether a class that is written in Python has a method of its own."""
    return any(name in vars(c) and c.__module__ != "builtins" for c in cls.__mro__)


def _state(value: Any) -> Any:
    """The state of a copy, as Twisted's jelly takes it: since Python 3.11, None for one
    without members."""
    cls = type(value)
    if _is_own(cls, "getStateToCopyFor") or _is_own(cls, "getStateToCopy"):
        return copy_state(value, None)
    if dataclasses.is_dataclass(value) and not _is_own(cls, "__getstate__"):
        return copy_state(value, None) or (None if hasattr(object, "__getstate__") else {})
    if hasattr(value, "__getstate__"):
        return value.__getstate__()
    return dict(vars(value))


class _Handler:
    """The handler of a session (session/session.h), for objects of no built-in type."""

    def flatten(self, value: Any, perspective: Any) -> Any:
        tag = type(value).__dict__.get("__pb_tag__")
        if tag is None:
            cls = type(value)
            raise JellyError(f"{cls.__module__}.{cls.__qualname__} cannot be jellied: it "
                             "is neither a built-in type nor registered by @copyable")
        return tag, _state(value)

    def fill(self, copy: Any, state: Any) -> None:
        cls = type(copy)
        if _is_own(cls, "__setstate__") and not _is_own(cls, "setCopyableState"):
            copy.__setstate__(state)
            return
        if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
            state = {**(state[0] or {}), **state[1]}  # of a class with slots
        fill_copy(copy, state)

    def unpersistable(self, reason: str) -> Unpersistable:
        return Unpersistable(reason)


class _Local(threading.local):
    """A session belongs to one thread."""

    def __init__(self) -> None:
        self.session = _core.Session(_Handler(), _core.Remote, COPIES, False, None, 0,
                                     None, False, 0)


_local = _Local()


def dumps(value: Any, dialect: str = "pb", *, taster: Optional[Taster] = None) -> bytes:
    """Jellies an object and encodes it. Raises JellyError for an object that jelly cannot
    send, BananaError for one that is too large for banana."""
    return _core.jelly_dumps(_local.session, value, banana._words(dialect),
                             _allowed(taster))


def loads(data: bytes, dialect: str = "pb", *, taster: Optional[Taster] = None) -> Any:
    """Decodes and unjellies bytes that hold exactly one jelly expression. Raises
    BananaError or JellyError for malformed bytes, InsecureJelly for types that are not
    allowed."""
    return _core.jelly_loads(_local.session, data, banana._words(dialect),
                             _allowed(taster))


def jelly(value: Any, taster: Optional[Taster] = None) -> Any:
    """Jellies an object: its expression, of lists, bytes and numbers."""
    return banana.decode(dumps(value, "none", taster=taster))


def unjelly(expression: Any, taster: Optional[Taster] = None) -> Any:
    """Unjellies an expression: its object."""
    return loads(banana.encode(expression), "none", taster=taster)
