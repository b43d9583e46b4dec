# SPDX-License-Identifier: MIT
"""Servers: of a root object for every client, or of avatars for users who log in."""
from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import signal
import socket
import ssl as _ssl
from typing import (Any, Awaitable, Callable, Dict, Generator, Mapping, Optional,
                    Sequence, Set, Union)

from libpb.connection import FATAL, Connection, Protocol, Tasks, wait_for_tasks
from libpb.endpoints import Endpoint
from libpb.errors import describe
from libpb.flavors import Avatar, Referenceable, Root

__all__ = ["Portal", "Server", "serve"]

_Text = Union[str, bytes]
_logger = logging.getLogger("libpb")


class Portal:
    """Checks logins and gives avatars.

    realm(name, mind) returns the Avatar of a user. name is a str, or None for an
    anonymous login. mind is the object that the client passed as such, usually a
    reference to call the client by, or None. An exception refuses the login. A realm that
    has a parameter `connection` gets the client's connection as such, too.

    users is a dict of names and passwords. Instead, checker(name) can return the password
    of a user, or None for an unknown one. Passwords are never sent, only digests of them.
    anonymous=True allows logins without a name. realm and checker may be coroutine
    functions."""

    def __init__(self, realm: Callable[..., Any],
                 users: Optional[Mapping[_Text, _Text]] = None, *,
                 checker: Optional[Callable[[str], Any]] = None,
                 anonymous: bool = False) -> None:
        if users is not None and checker is not None:
            raise ValueError("pass users or checker, not both")
        self._realm = realm
        self._tells = _takes(realm, "connection")
        self._users = {_name(name): password for name, password in (users or {}).items()}
        self._checker = checker or self._users.get
        self._anonymous = anonymous

    def check(self, protocol: Protocol, attempt: Any) -> None:
        """Accepts or refuses a login."""
        if attempt.anonymous:
            attempt.accept(b"") if self._anonymous else attempt.refuse()
        elif attempt.username is None:
            attempt.refuse()
        else:
            username = attempt.username

            def compare(password: Optional[_Text]) -> None:
                if password is not None and attempt.check_password(_bytes(password)):
                    attempt.accept(username)
                else:
                    attempt.refuse()

            _ask(protocol, attempt, compare, self._checker, _name(username))

    def grant(self, protocol: Protocol, attempt: Any, avatar_id: bytes) -> None:
        """Gives the avatar of a login that was accepted."""
        def give(avatar: Any) -> None:
            if not isinstance(avatar, Avatar):
                raise TypeError(f"the realm returned {avatar!r}, which is not an Avatar")
            attempt.grant(avatar, lambda: _log_out(protocol, avatar))

        name = None if attempt.anonymous else _name(avatar_id)
        more = {"connection": protocol.connection} if self._tells else {}
        _ask(protocol, attempt, give, functools.partial(self._realm, **more), name,
             attempt.mind)


def _takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of that name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _ask(protocol: Protocol, attempt: Any, use: Callable[[Any], None],
         function: Callable[..., Any], *args: Any) -> None:
    """Calls `use` with the result of a function or coroutine function. An exception fails
    the login."""
    async def later(result: Any) -> None:
        try:
            use(await result)
        except FATAL:
            raise
        except BaseException as e:
            _refuse(protocol, attempt, e)
            if isinstance(e, asyncio.CancelledError):
                raise

    try:
        result = function(*args)
        if inspect.isawaitable(result):
            protocol.later(later(result))
        else:
            use(result)
    except FATAL:
        raise
    except BaseException as e:
        _refuse(protocol, attempt, e)


def _refuse(protocol: Protocol, attempt: Any, exception: BaseException) -> None:
    types, text, _ = describe(exception)
    attempt.fail(types, text)


def _log_out(protocol: Protocol, avatar: Avatar) -> None:
    async def later(result: Awaitable[Any]) -> None:
        try:
            await result
        except FATAL:
            raise
        except BaseException:
            _logger.exception("exception in the logout of %r", avatar)

    try:
        result = avatar.logout()
        if inspect.isawaitable(result):
            protocol.finish(later(result))
    except FATAL:
        raise
    except BaseException:
        _logger.exception("exception in the logout of %r", avatar)


def _name(name: _Text) -> str:
    return name.decode("utf-8", "surrogateescape") if isinstance(name, bytes) else name


def _bytes(text: _Text) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


class _Served(Connection):
    """An accepted connection."""

    def __init__(self, server: "Server") -> None:
        self._server = server

    def _made(self, protocol: Protocol) -> None:
        self._server.connections.add(self)

    def _gone(self, protocol: Protocol) -> None:
        self._server.connections.discard(self)


class Server:
    """A listening server, made by serve(). connections is the set of open connections."""

    def __init__(self, endpoint: Endpoint, root: Any, options: Dict[str, Any]) -> None:
        self._endpoint, self._root, self._options = endpoint, root, options
        self.connections: Set[Connection] = set()
        self._tasks: Tasks = set()
        self._server: Optional[asyncio.AbstractServer] = None
        self._port: Optional[int] = None

    def _make(self) -> Protocol:
        connection = _Served(self)
        connection._protocol = Protocol(connection, server=True, tasks=self._tasks,
                                        root=self._root_object if self._root else None,
                                        **self._options)
        return connection._protocol

    def _root_object(self, connection: Connection) -> Any:
        root = self._root
        if isinstance(root, Root):
            root = root.root_object(connection)
            if not isinstance(root, Referenceable):
                raise TypeError(
                    f"root_object returned {root!r}, which is not a Referenceable")
        return root

    async def _open(self) -> "Server":
        self._closing = asyncio.Event()
        self._server = await self._endpoint.listen(self._make)
        name = self._server.sockets[0].getsockname()  # type: ignore[attr-defined]
        self._port = name[1] if isinstance(name, tuple) else None
        return self

    @property
    def port(self) -> Optional[int]:
        """The port number, also if the endpoint has port 0. None for a UNIX socket."""
        return self._port

    def close(self) -> None:
        """Stops listening, and closes all connections, which cancels the methods that
        are running."""
        assert self._server is not None
        self._server.close()
        self._closing.set()
        for connection in list(self.connections):
            connection.close()

    async def wait_closed(self) -> None:
        """Waits until the connections of a closed server have ended, with the methods and
        logouts of their clients."""
        for connection in list(self.connections):
            await connection.wait_closed()
        await wait_for_tasks(self._tasks)

    async def stop(self, timeout: Optional[float] = 10) -> None:
        """Stops gracefully: stops listening, closes each connection as soon as none of
        its methods is running, and all of them after timeout seconds (None: never). Then
        waits as wait_closed(), so that all clients are logged out."""
        assert self._server is not None
        self._server.close()
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while self.connections and (end is None or loop.time() < end):
            for connection in list(self.connections):
                if not connection._protocol.busy:
                    connection.close()
            await asyncio.sleep(0.02)
        self.close()
        await self.wait_closed()

    async def run(self, *, timeout: Optional[float] = 10,
                  signals: Sequence[int] = (signal.SIGTERM, signal.SIGINT)) -> None:
        """Serves until the process gets one of the signals, or the server is closed; then
        stops gracefully, as stop(timeout)."""
        loop = asyncio.get_running_loop()
        for number in signals:
            loop.add_signal_handler(number, self._closing.set)
        try:
            await self._closing.wait()
        finally:
            for number in signals:
                loop.remove_signal_handler(number)
            await self.stop(timeout)

    def serve_transport(self, transport: Any) -> Connection:
        """Serves a client over a transport of asyncio's that is connected already."""
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        return protocol.connection

    async def serve_forever(self) -> None:
        """Serves until the server is closed, or closes it when it is cancelled."""
        try:
            await self._closing.wait()
        finally:
            self.close()

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *exception: Any) -> None:
        self.close()
        await self.wait_closed()


class _Serving:
    """The result of serve(): await it, or use it in `async with`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def __await__(self) -> Generator[Any, None, Server]:
        return self._server._open().__await__()

    async def __aenter__(self) -> Server:
        return await self._server._open()

    async def __aexit__(self, *exception: Any) -> None:
        await self._server.__aexit__(*exception)


def serve(endpoint: Union[str, socket.socket], root: Optional[Referenceable] = None, *,
          portal: Optional[Portal] = None, ssl: Optional[_ssl.SSLContext] = None,
          profile: Optional[str] = None, size_limit: int = 0,
          unsafe_tracebacks: bool = False, max_calls: int = 0) -> _Serving:
    """Serves a root object, or a portal with logins:

        server = await libpb.serve("tcp:8789", Hello())
        await server.serve_forever()

    or `async with libpb.serve(...) as server`. The endpoint may be a socket to listen on,
    such as one that systemd has opened. ssl is the TLS context of endpoints that
    begin with "tls:" or "ssl:"; with it, other endpoints use TLS too. profile and
    size_limit are as in connect(). unsafe_tracebacks sends the tracebacks of exceptions
    to the caller. max_calls is how many calls of one client may wait for their answer
    (65536): while there are more, no more is read from that client."""
    if (root is None) == (portal is None):
        raise ValueError("pass either a root object or a portal")
    if root is not None and not isinstance(root, Referenceable):
        raise TypeError(f"{root!r} is not a Referenceable")
    options = {"portal": portal, "profile": profile, "size_limit": size_limit,
               "unsafe_tracebacks": unsafe_tracebacks, "max_calls": max_calls}
    where = Endpoint.of_socket(endpoint, ssl) if isinstance(endpoint, socket.socket) else \
        Endpoint(endpoint, server=True, context=ssl)
    return _Serving(Server(where, root, options))
