# SPDX-License-Identifier: MIT
"""Exceptions, and their form on the wire.

An exception is sent as the names of its class and of its base classes, so each side
recognises exceptions of the other by name."""
from __future__ import annotations

import asyncio
import builtins
import traceback as _traceback
import weakref
from typing import Any, Optional, Sequence, Type, Union

from libpb._core import Error, InsecureJelly

__all__ = ["CallTimeout", "ConnectionLost", "DeadReferenceError", "Error", "LoginFailed",
           "NoSuchMethod", "RemoteError"]


class ConnectionLost(Error):
    """The connection was lost, or could not be made. Twisted's PBConnectionLost."""


class DeadReferenceError(Error):
    """The reference that was called is released, or its connection has ended."""


class CallTimeout(Error, asyncio.TimeoutError):
    """A call was not answered within its timeout."""


class NoSuchMethod(AttributeError):
    """An object has no such method for peers. Raise it from a method that looks up other
    methods by name."""


class RemoteError(Error):
    """An exception that the peer answered a call with.

    type is the dotted name of its class; parents are the names of the class and its
    bases; value is its text; traceback is the peer's traceback, if the peer sends
    that.

    If the class or a base of it is one of Python's own, the exception is an instance of
    that one, too: `except ValueError` catches a remote ValueError."""

    def __init__(self, type: str, value: str = "", traceback: str = "",
                 parents: Sequence[str] = ()) -> None:
        super().__init__(f"{type}: {value}" if value else type)
        self.type = type
        self.value = value
        self.traceback = traceback
        self.parents = tuple(parents) or (type,)

    def __str__(self) -> str:
        return str(self.args[0])  # also of a KeyError

    def check(self, *types: Union[str, Type[BaseException]]) -> \
            Optional[Union[str, Type[BaseException]]]:
        """The first of these classes, or dotted names of classes, that the exception is
        an instance of; None if there is none."""
        mine = {_plain(name) for name in (self.type, *self.parents)}
        for type in types:
            name = type if isinstance(type, str) else class_name(type)
            if _plain(name) in mine:
                return type
        return None


def remote_error(type: str, value: str, traceback: str,
                 parents: Sequence[str]) -> RemoteError:
    """The RemoteError for a failure, which is an instance of Python's own class as far as
    there is one."""
    for name in (type, *parents):
        cls = _own_class(name)
        if cls is not None:
            try:
                return cls(type, value, traceback, parents)
            except TypeError:
                pass  # its constructor takes something else; there is a base of it
    return RemoteError(type, value, traceback, parents)


def _own_class(name: str) -> Optional[Type[RemoteError]]:
    """The class of RemoteErrors that are instances of a built-in class. A peer
    cannot make us raise an exception that ends a program, a coroutine or an iteration."""
    plain = _plain(name)
    if plain == name:
        return None
    if plain not in _own_classes:
        own: Any = getattr(builtins, plain, None)
        fit = isinstance(own, builtins.type) and issubclass(own, Exception) and \
            own is not Exception and \
            not issubclass(own, (StopIteration, StopAsyncIteration))
        if not fit:
            return None
        _own_classes[plain] = builtins.type(
            f"Remote{plain}", (RemoteError, own), {"__module__": "libpb"})
    return _own_classes[plain]


_own_classes: "dict[str, Type[RemoteError]]" = {}


class LoginFailed(RemoteError):
    """The peer refused the login."""


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
    """A class name without the module of built-in classes, which differs in Python 2."""
    for module in _BUILTIN_MODULES:
        if name.startswith(module):
            return name[len(module):]
    return name


def class_name(cls: Type[BaseException]) -> str:
    """The dotted name that is sent for a class."""
    return _NAMES.get(cls) or f"{cls.__module__}.{cls.__qualname__}"


def describe(exception: BaseException, traceback: bool = False) \
        -> "tuple[str, str, Optional[str]]":
    """The form of an exception on the wire: class names separated by spaces, text, and
    the traceback, if it is wanted."""
    trace: Optional[str] = None
    if isinstance(exception, RemoteError):
        names = _words(exception.type,
                       *(p for p in exception.parents if p != exception.type))
        text = exception.value
        if traceback:
            trace = exception.traceback
    else:
        names = _class_names(type(exception))
        try:
            text = str(exception)
        except Exception:
            text = f"<unprintable {names.partition(' ')[0]} object>"
        if traceback:
            trace = "".join(_traceback.format_exception(
                type(exception), exception, exception.__traceback__))
    return names, _clean(text), None if trace is None else _clean(trace)


def _class_names(cls: Type[BaseException]) -> str:
    names = _known.get(cls)
    if names is None:
        names = _known[cls] = _words(*(class_name(c) for c in cls.__mro__
                                       if c is not object))
    return names


# The names of a class and of its bases, as describe() gives them.
_known: "weakref.WeakKeyDictionary[Type[BaseException], str]" = \
    weakref.WeakKeyDictionary()


def _words(*names: str) -> str:
    return " ".join(_clean(name).replace(" ", "") for name in names)


def _clean(text: Any) -> str:
    """Text without NUL that can be encoded as UTF-8."""
    return str(text).replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
