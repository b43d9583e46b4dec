# SPDX-License-Identifier: MIT
"""Objects that peers may call, and classes whose instances they get copies of.

Nothing can be called that is not decorated, and nothing becomes an instance of a class that
is not registered, whatever a peer says."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union, overload

if TYPE_CHECKING:
    from libpb.connection import Connection

__all__ = ["Avatar", "Referenceable", "Root", "Unpersistable", "Viewable", "copyable",
           "perspective", "remote", "view"]

_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)

# The roles in which an object is called, as pb_role has them.
REMOTE, PERSPECTIVE, VIEW = range(3)
PREFIXES = ("remote_", "perspective_", "view_")


def _decorator(role: int, doc: str) -> Any:
    def decorate(function: Any) -> Any:
        if isinstance(function, str):
            return lambda f: mark(f, function)
        return mark(function, function.__name__)

    def mark(function: Any, name: str) -> Any:
        if not callable(function):
            raise TypeError(f"{function!r} cannot be called")
        function.__pb_names__ = {**getattr(function, "__pb_names__", {}), role: name}
        return function

    decorate.__doc__ = doc
    return decorate


if TYPE_CHECKING:
    @overload
    def remote(function: _F) -> _F: ...
    @overload
    def remote(function: str) -> Callable[[_F], _F]: ...
    def remote(function: Any) -> Any: ...
    perspective = view = remote
else:
    remote = _decorator(REMOTE, """Lets peers call a method of a Referenceable: @remote, or
@remote("name") where it has another name for them. It may be a coroutine function.""")
    perspective = _decorator(PERSPECTIVE, """Lets the client that has logged in call a method
of its Avatar: as @remote.""")
    view = _decorator(VIEW, """Lets peers call a method of a Viewable: as @remote; its first
argument is the avatar of who calls, or None.""")


class _Served:
    """What has methods for peers."""

    __pb_methods__: "dict[tuple[int, str], str]" = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods: "dict[tuple[int, str], str]" = {}
        for base in reversed(cls.__mro__):
            for attribute, function in vars(base).items():
                for role, name in getattr(function, "__pb_names__", {}).items():
                    methods[role, name] = attribute
        cls.__pb_methods__ = methods


class Referenceable(_Served):
    """An object of which peers get references; they call its @remote methods."""


class Root(Referenceable):
    """The object that a server offers first."""

    def root_object(self, connection: "Connection") -> Referenceable:
        """The root of one connection; this one, unless a subclass says otherwise."""
        return self


class Viewable(_Served):
    """An object of which peers get references, too; they call its @view methods, which
    are told for whom: the avatar over whose methods the reference was got."""


class Avatar(_Served):
    """What a client that has logged in may do: its @perspective methods."""

    def logout(self) -> None:
        """Called once when the client has given it back, or its connection has ended."""


class Unpersistable:
    """Stands for what the peer could not send, and says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Unpersistable({self.reason!r})"


# ---- Copies ----

COPIES: "dict[str, type]" = {}
_BUILT_IN = (str, bytes, int, float, list, tuple, dict, set, frozenset)


def copyable(tag: str) -> Callable[[_C], _C]:
    """Registers a class under the name by which peers know it: instances are sent as
    copies, and copies that come are instances of it. On both sides of Twisted's that is
    pb.setUnjellyableForClass.

    The fields of a dataclass are its state; of any other class, its attributes. A field
    that does not come has its default, one that the class does not have is left out, and
    __post_init__ runs when all are there. getStateToCopy() and setCopyableState(state), if
    the class has them, do both by themselves; getStateToCopyFor(avatar) is told for whom.
    An exception class that is registered so can be raised through the wire as itself."""
    if not isinstance(tag, str) or not tag:
        raise TypeError("copyable needs a name: @copyable(\"module.Class\")")

    def register(cls: _C) -> _C:
        if issubclass(cls, (*_BUILT_IN, _Served)):
            raise TypeError(f"{cls.__qualname__} goes over the wire as something else already")
        COPIES[tag] = cls
        setattr(cls, "__pb_tag__", tag)
        return cls

    return register


def copy_state(copy: Any, perspective: Optional[Any]) -> Any:
    """What is sent of a copy."""
    for_whom = getattr(copy, "getStateToCopyFor", None)
    if for_whom is not None:
        return for_whom(perspective)
    own = getattr(copy, "getStateToCopy", None)
    if own is not None:
        return own()
    if dataclasses.is_dataclass(copy):
        return {f.name: getattr(copy, f.name) for f in dataclasses.fields(copy)}
    return dict(vars(copy))


def fill_copy(copy: Any, state: Any) -> None:
    """Makes a copy that has just come of its state."""
    own = getattr(copy, "setCopyableState", None)
    if own is not None:
        own(state)
        return
    name = type(copy).__qualname__
    state = {} if state is None else state  # as Python 3.11 has it of no attributes
    if not isinstance(state, dict):
        raise TypeError(f"the state of a {name} is no dict")
    members = {_text(key): value for key, value in state.items()}
    if not dataclasses.is_dataclass(copy):
        for key, value in members.items():
            if key.startswith("__"):
                raise TypeError(f"a {name} has no attribute {key!r} that can be set")
            setattr(copy, key, value)
        return
    for f in dataclasses.fields(copy):
        if f.name in members:
            value = members[f.name]
        elif f.default is not dataclasses.MISSING:
            value = f.default
        elif f.default_factory is not dataclasses.MISSING:
            value = f.default_factory()
        else:
            raise TypeError(f"a {name} came without its field {f.name!r}")
        object.__setattr__(copy, f.name, value)
    finish = getattr(copy, "__post_init__", None)
    if finish is not None:
        finish()


def _text(key: Union[str, bytes]) -> str:
    """The names of members come as bytes from Python 2."""
    if isinstance(key, bytes):
        return key.decode("utf-8")
    if isinstance(key, str):
        return key
    raise TypeError(f"a member of a copy is named by {key!r}")
