# SPDX-License-Identifier: MIT
"""Objects that peers can call, and classes whose instances are sent as copies.

A peer can call only decorated methods, and what it sends becomes an instance only of a
registered class."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar, Union, overload

if TYPE_CHECKING:
    from libpb.connection import Connection, RemoteReference

__all__ = ["Avatar", "Cacheable", "Referenceable", "RemoteCache", "Root", "Unpersistable",
           "Viewable", "cacheable", "copyable", "copyable_tree", "observe", "perspective",
           "remote", "view"]

_F = TypeVar("_F", bound=Callable[..., Any])
_C = TypeVar("_C", bound=type)

# The values of pb_role (pb/flavors.h): which kind of method is called.
REMOTE, PERSPECTIVE, VIEW, OBSERVE = range(4)
PREFIXES = ("remote_", "perspective_", "view_", "observe_")


def _decorator(role: int, doc: str) -> Any:
    def decorate(function: Any) -> Any:
        if isinstance(function, str):
            return lambda f: mark(f, function)
        return mark(function, function.__name__)

    def mark(function: Any, name: str) -> Any:
        if not callable(function):
            raise TypeError(f"{function!r} is not callable")
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
    perspective = view = observe = remote
else:
    remote = _decorator(REMOTE, """Lets peers call a method of a Referenceable: @remote,
or @remote("name") to give it another name for peers. It may be a coroutine function.""")
    perspective = _decorator(PERSPECTIVE, """Lets a client that has logged in call a
method of its Avatar. Otherwise as @remote.""")
    view = _decorator(VIEW, """Lets peers call a method of a Viewable. Its first argument
is the caller's avatar, or None. Otherwise as @remote.""")
    observe = _decorator(OBSERVE, """Lets the peer call a method of a RemoteCache, to keep
it up to date. Otherwise as @remote.""")


class _Served:
    """A base class with methods for peers."""

    __pb_methods__: "dict[tuple[int, str], str]" = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods: "dict[tuple[int, str], str]" = {}
        for base in reversed(cls.__mro__):
            for attribute, function in vars(base).items():
                for role, name in getattr(function, "__pb_names__", {}).items():
                    methods[role, name] = attribute
        cls.__pb_methods__ = methods

    def find_method(self, method: str) -> Optional[Callable[..., Any]]:
        """The function for a call of a method that is not decorated; None if there is no such
        method. For objects whose methods are known at run time only, such as proxies. As
        Twisted's remoteMessageReceived."""
        return None


class Referenceable(_Served):
    """An object that is sent as a reference. Peers call its @remote methods."""


class Root(Referenceable):
    """The root object of a server, which clients call first."""

    def root_object(self, connection: "Connection") -> Referenceable:
        """The root object of one connection. By default this object."""
        return self


class Viewable(_Served):
    """An object that is sent as a reference. Peers call its @view methods, which also get
    the caller's avatar: the one whose method returned the reference."""


class Avatar(_Served):
    """The object of a client that has logged in, which calls its @perspective methods."""

    def logout(self) -> Any:
        """Called once when the client has released it or the connection has ended. It may
        be a coroutine function."""


class Cacheable:
    """An object whose state the peer has a cache of, which is kept up to date:

        class Stock(libpb.Cacheable):
            def state_to_cache(self, avatar, observer):
                self.observers.append(observer)
                return {"count": self.count}

            def stopped_observing(self, avatar, observer):
                self.observers.remove(observer)

            def sell(self):
                self.count -= 1
                for observer in self.observers:
                    observer.options(answer=False).call("count", self.count)

    It is sent under the name that @cacheable gives to its class, or else the class's
    own. The methods may also have their names in Twisted: getStateToCacheAndObserveFor
    and stoppedObserving."""

    def state_to_cache(self, avatar: Any, observer: "RemoteReference") -> Any:
        """The state that is sent to a peer that has no cache of it yet. Calls of the
        observer reach the @observe methods of the peer's caches. avatar is the peer's, or
        None."""
        own = getattr(self, "getStateToCacheAndObserveFor", None)
        return dict(vars(self)) if own is None else own(avatar, observer)

    def stopped_observing(self, avatar: Any, observer: "RemoteReference") -> None:
        """Called when the peer has no cache of it any more, or has gone."""
        own = getattr(self, "stoppedObserving", None)
        if own is not None:
            own(avatar, observer)


class RemoteCache(_Served):
    """A cache of an object of the peer's. The peer calls its @observe methods. Register
    subclasses with @cacheable. Each receipt of a cache is an object of its own; those of
    the same cache share their members and are equal. While one of them is held, the peer
    keeps it up to date."""

    __slots__ = ("_receipt",)  # not among the members, which others share
    __pb_cache__ = True
    _receipt: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemoteCache) and self.__dict__ is other.__dict__

    def __hash__(self) -> int:
        return id(self.__dict__)


class Unpersistable:
    """Received instead of an object that the peer could not send; reason says why."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return f"Unpersistable({self.reason!r})"


# ---- Copies ----

COPIES: "dict[str, type]" = {}
_BUILT_IN = (str, bytes, int, float, list, tuple, dict, set, frozenset)


def copyable(tag: str) -> Callable[[_C], _C]:
    """Registers a class under the name that peers have for it. Instances are sent as
    copies, and received copies become instances. In Twisted: pb.setUnjellyableForClass,
    on both sides.

    The state of a dataclass is its fields; of any other class, its attributes. A field
    that is not received gets its default, a received one that the class does not have is
    ignored, and __post_init__ is called at the end. A class can define getStateToCopy()
    or getStateToCopyFor(avatar), and setCopyableState(state), to do this itself. An
    exception of a registered class that a method raises is raised as itself at the
    caller."""
    if not isinstance(tag, str) or not tag:
        raise TypeError("copyable needs a name: @copyable(\"module.Class\")")

    def register(cls: _C) -> _C:
        if issubclass(cls, (*_BUILT_IN, _Served)):
            raise TypeError(f"{cls.__qualname__} is sent as something else already")
        COPIES[tag] = cls
        setattr(cls, "__pb_tag__", tag)
        return cls

    return register


def cacheable(tag: str) -> Callable[[_C], _C]:
    """Gives the name that peers have for it to a class of Cacheables, and registers a
    class of RemoteCaches under it. In Twisted: setUnjellyableForClass."""
    if not isinstance(tag, str) or not tag:
        raise TypeError("cacheable needs a name: @cacheable(\"module.Class\")")

    def register(cls: _C) -> _C:
        if issubclass(cls, RemoteCache):
            COPIES[tag] = cls
        elif issubclass(cls, Cacheable):
            setattr(cls, "__pb_cached_as__", tag)
        else:
            raise TypeError(f"{cls.__qualname__} is neither a Cacheable nor a RemoteCache")
        return cls

    return register


def copyable_tree(module: Any, base: type, prefix: Optional[str] = None) -> None:
    """Registers all classes of a module that are derived from a base as @copyable does,
    under their names behind a prefix: by default the module's name; "" for none. As
    Twisted's setUnjellyableForClassTree."""
    prefix = module.__name__ if prefix is None else prefix
    for name in dir(module):
        cls = getattr(module, name)
        if isinstance(cls, type) and issubclass(cls, base):
            copyable(f"{prefix}.{name}" if prefix else name)(cls)


def copy_state(copy: Any, perspective: Optional[Any]) -> Any:
    """The state of a copy to be sent to a perspective."""
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
    """Fills a received copy with its state."""
    own = getattr(copy, "setCopyableState", None)
    if own is not None:
        own(state)
        return
    name = type(copy).__qualname__
    state = {} if state is None else state  # Python 3.11 sends None for no attributes
    if not isinstance(state, dict):
        raise TypeError(f"the state of a {name} is not a dict")
    members = {_text(key): value for key, value in state.items()}
    if not dataclasses.is_dataclass(copy):
        for key, value in members.items():
            if key.startswith("__"):
                raise TypeError(f"a peer cannot set the attribute {key!r} of a {name}")
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
            raise TypeError(f"a {name} was received without its field {f.name!r}")
        object.__setattr__(copy, f.name, value)
    finish = getattr(copy, "__post_init__", None)
    if finish is not None:
        finish()


def _text(key: Union[str, bytes]) -> str:
    """The name of a member, which Python 2 sends as bytes."""
    if isinstance(key, bytes):
        return key.decode("utf-8")
    if isinstance(key, str):
        return key
    raise TypeError(f"{key!r} is not a name of a member of a copy")
