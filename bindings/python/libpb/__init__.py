# SPDX-License-Identifier: MIT
"""Twisted's Perspective Broker on libpb's C code.

libpb.accelerate makes an installed Twisted faster. connect(), serve() and the other names
below are clients and servers for asyncio, without Twisted. libpb.banana and libpb.jelly
convert the wire formats without a connection."""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from libpb._core import __version__ as __version__
from libpb._core import BananaError, Error, InsecureJelly, JellyError

if TYPE_CHECKING:
    from libpb.client import Client as Client, connect as connect
    from libpb.connection import (Call as Call, Connection as Connection,
                                  RemoteReference as RemoteReference)
    from libpb.errors import (CallTimeout as CallTimeout,
                              ConnectionLost as ConnectionLost,
                              DeadReferenceError as DeadReferenceError,
                              LoginFailed as LoginFailed, NoSuchMethod as NoSuchMethod,
                              RemoteError as RemoteError)
    from libpb.flavors import (Avatar as Avatar, Cacheable as Cacheable,
                               Referenceable as Referenceable,
                               RemoteCache as RemoteCache, Root as Root,
                               Unpersistable as Unpersistable, Viewable as Viewable,
                               cacheable as cacheable, copyable as copyable,
                               copyable_tree as copyable_tree, observe as observe,
                               perspective as perspective, remote as remote, view as view)
    from libpb.paging import get_pages as get_pages, send_pages as send_pages
    from libpb.service import Service as Service
    from libpb.server import Portal as Portal, Server as Server, serve as serve

# Names by module. They are imported on first use, because libpb.accelerate needs no
# asyncio.
_HOMES = {
    "client": ("Client", "connect"),
    "connection": ("Call", "Connection", "RemoteReference"),
    "errors": ("CallTimeout", "ConnectionLost", "DeadReferenceError", "LoginFailed",
               "NoSuchMethod", "RemoteError"),
    "flavors": ("Avatar", "Cacheable", "Referenceable", "RemoteCache", "Root",
                "Unpersistable", "Viewable", "cacheable", "copyable", "copyable_tree",
                "observe", "perspective", "remote", "view"),
    "paging": ("get_pages", "send_pages"),
    "server": ("Portal", "Server", "serve"),
    "service": ("Service",),
}
__all__ = ["BananaError", "Error", "InsecureJelly", "JellyError",
           *(name for names in _HOMES.values() for name in names)]


if not TYPE_CHECKING:  # which would take every name for a right one
    def __dir__() -> "list[str]":
        return sorted({*globals(), *__all__})

    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names:
                value = getattr(importlib.import_module(f"libpb.{home}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'libpb' has no attribute {name!r}")
