# SPDX-License-Identifier: MIT
"""Exceptions: what a peer's failure is here, and what an exception here is to a peer.

Exceptions go over the wire by the names of their class and of its bases, so each side traps
what the other raised by name."""
from __future__ import annotations

import asyncio
import traceback as _traceback
from typing import Any, Optional, Sequence, Type, Union

from libpb._core import Error, InsecureJelly

__all__ = ["CallTimeout", "ConnectionLost", "DeadReferenceError", "Error", "LoginFailed",
           "NoSuchMethod", "RemoteError"]


class ConnectionLost(Error):
    """The connection is gone, or could not be made. Twisted's PBConnectionLost."""


class DeadReferenceError(Error):
    """A reference whose connection has ended, or that was given back, was called."""


class CallTimeout(Error, asyncio.TimeoutError):
    """A call was not answered in the time it was given."""


class NoSuchMethod(AttributeError):
    """An object has no such method for peers. Raise it from a method of your own that
    finds others by name."""


class RemoteError(Error):
    """An exception of the peer's, which answered a call.

    type is the dotted name of its class, parents those of its class and bases, value its
    text, and traceback what the peer tells of where it was raised."""

    def __init__(self, type: str, value: str = "", traceback: str = "",
                 parents: Sequence[str] = ()) -> None:
        super().__init__(f"{type}: {value}" if value else type)
        self.type = type
        self.value = value
        self.traceback = traceback
        self.parents = tuple(parents) or (type,)

    def check(self, *types: Union[str, Type[BaseException]]) -> \
            Optional[Union[str, Type[BaseException]]]:
        """The first of these classes, or dotted names of classes, that the exception is
        of; or None."""
        mine = {_plain(name) for name in (self.type, *self.parents)}
        for type in types:
            name = type if isinstance(type, str) else class_name(type)
            if _plain(name) in mine:
                return type
        return None


class LoginFailed(RemoteError):
    """The peer did not let us in."""


_NAMES = {
    Error: "twisted.spread.pb.Error",
    ConnectionLost: "twisted.spread.pb.PBConnectionLost",
    DeadReferenceError: "twisted.spread.pb.DeadReferenceError",
    CallTimeout: "twisted.internet.defer.TimeoutError",
    NoSuchMethod: "twisted.spread.flavors.NoSuchMethod",
    InsecureJelly: "twisted.spread.jelly.InsecureJelly",
    LoginFailed: "twisted.cred.error.LoginFailed",
}
_BUILTIN_MODULES = ("builtins.", "exceptions.", "__builtin__.")


def _plain(name: str) -> str:
    """Built-in classes are in another module in Python 2."""
    for module in _BUILTIN_MODULES:
        if name.startswith(module):
            return name[len(module):]
    return name


def class_name(cls: Type[BaseException]) -> str:
    """The name by which peers know a class."""
    return _NAMES.get(cls) or f"{cls.__module__}.{cls.__qualname__}"


def describe(exception: BaseException) -> tuple[str, str, str]:
    """What a peer is told of an exception: names of classes, text, and a traceback, which
    is sent only where that is allowed."""
    if isinstance(exception, RemoteError):
        names = [exception.type, *(p for p in exception.parents if p != exception.type)]
        text, trace = exception.value, exception.traceback
    else:
        names = [class_name(cls) for cls in type(exception).__mro__ if cls is not object]
        try:
            text = str(exception)
        except Exception:
            text = f"<unprintable {names[0]} object>"
        trace = "".join(_traceback.format_exception(
            type(exception), exception, exception.__traceback__))
    return " ".join(_clean(name).replace(" ", "") for name in names), _clean(text), \
        _clean(trace)


def _clean(text: Any) -> str:
    """As UTF-8 text without NUL."""
    return str(text).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
