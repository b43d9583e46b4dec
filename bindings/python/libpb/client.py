# SPDX-License-Identifier: MIT
"""Clients: connections to a server."""
from __future__ import annotations

import asyncio
import socket as _socket
import ssl as _ssl
from typing import Any, Generator, Optional, Tuple, Union

from libpb.connection import Call, Connection, Protocol, RemoteReference
from libpb.endpoints import Endpoint
from libpb.errors import CallTimeout, ConnectionLost, LoginFailed, RemoteError

__all__ = ["Client", "connect"]

_Text = Union[str, bytes]


class Client(Connection):
    """A connection to a server, made by connect(). Its calls go to the server's root
    object or, after a login, to the avatar."""

    avatar: Optional[RemoteReference] = None

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Call:
        """Calls a method of the avatar, or of the root object without a login. As
        RemoteReference.call."""
        return self._target.call(method, *args, **kwargs)

    callRemote = call

    @property
    def _target(self) -> RemoteReference:
        return self.avatar if self.avatar is not None else self.root

    def options(self, *, timeout: Optional[float] = None, answer: bool = True) -> Any:
        """As RemoteReference.options."""
        return self._target.options(timeout=timeout, answer=answer)

    async def login(self, username: Optional[_Text], password: _Text = b"", *,
                    mind: Any = None, name_as_text: bool = False,
                    timeout: Optional[float] = None) -> RemoteReference:
        """Logs in, and returns the avatar. The login is anonymous if username is None.
        The password is never sent, only a digest of it. mind is a Referenceable by which
        the server can call the client. name_as_text sends the name as str, for services
        that do not accept bytes. Raises LoginFailed if the server refuses the login."""
        future = Call(loop=self._protocol.loop)
        future._call = self._protocol.session.login(
            _bytes(username), _bytes(password), name_as_text, mind,
            int(timeout * 1000) or 1 if timeout else 0, future._answered)
        try:
            avatar: RemoteReference = await future
            return avatar
        except RemoteError as e:
            if e.check("twisted.cred.error.LoginFailed",
                       "twisted.cred.error.Unauthorized"):
                raise LoginFailed(e.type, e.value, e.traceback, e.parents) from None
            raise

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *exception: Any) -> None:
        self.close()
        await self.wait_closed()


def _bytes(text: Optional[_Text]) -> Optional[bytes]:
    return text.encode() if isinstance(text, str) else text


class _Connecting:
    """The result of connect(): await it, or use it in `async with`."""

    def __init__(self, endpoint: Any, ssl: Optional[_ssl.SSLContext],
                 timeout: Optional[float], login: Any, protocol: Any) -> None:
        self._transport = None
        if isinstance(endpoint, str):
            self._endpoint = Endpoint(endpoint, context=ssl)
        else:
            self._endpoint = Endpoint.of_socket(endpoint, ssl)
            if not isinstance(endpoint, _socket.socket):
                self._transport = endpoint
        self._timeout = self._endpoint.timeout or timeout
        self._login, self._options = login, protocol

    async def _open(self) -> Client:
        client = Client()
        try:
            await asyncio.wait_for(self._begin(client), self._timeout)
        except asyncio.TimeoutError as e:
            await _abandon(client)
            if isinstance(e, (CallTimeout, RemoteError)):
                raise
            raise ConnectionLost(f"no connection to {self._endpoint.text} within "
                                 f"{self._timeout} seconds") from None
        except BaseException:
            await _abandon(client)
            raise
        return client

    async def _begin(self, client: Client) -> None:
        def factory() -> Protocol:
            client._protocol = Protocol(client, server=False, **self._options)
            return client._protocol

        try:
            if self._transport is not None:
                protocol = factory()
                self._transport.set_protocol(protocol)
                protocol.connection_made(self._transport)
            else:
                await self._endpoint.connect(factory)
        except OSError as e:
            raise ConnectionLost(f"{self._endpoint.text}: {e}") from e
        await client._protocol.ready_future
        if self._login is not None:
            username, password, mind, name_as_text = self._login
            client.avatar = await client.login(username, password, mind=mind,
                                               name_as_text=name_as_text)

    def __await__(self) -> Generator[Any, None, Client]:
        return self._open().__await__()

    async def __aenter__(self) -> Client:
        self._client = await self._open()
        return self._client

    async def __aexit__(self, *exception: Any) -> None:
        await self._client.__aexit__(*exception)


async def _abandon(client: Client) -> None:
    if hasattr(client, "_protocol"):
        client.close()
        if client._protocol.transport is not None:
            client._protocol.transport.abort()


def connect(endpoint: Union[str, _socket.socket, asyncio.Transport], *,
            login: Optional[Tuple[_Text, _Text]] = None,
            anonymous: bool = False, mind: Any = None, name_as_text: bool = False,
            ssl: Optional[_ssl.SSLContext] = None, timeout: Optional[float] = 30,
            profile: Optional[str] = None, size_limit: int = 0) -> _Connecting:
    """Connects to a server:

        async with libpb.connect("tcp:localhost:8789") as root:
            print(await root.call("add", 1, 2))

    or `client = await libpb.connect(...)`, and client.close() at the end. Both give a
    Client. The endpoint may be a connected socket, or a transport of asyncio's.

    login is a pair of name and password; with it, or with anonymous=True, the client logs
    in. mind and name_as_text are as in Client.login. timeout, in seconds, covers all of
    this. ssl is the TLS context of endpoints that begin with "tls:" or "ssl:" (by default
    one that trusts the system's roots); with it, other endpoints use TLS too. profile
    says what the peer runs on, if that is not Python 3: "python2", "20.3-py2". size_limit
    is the maximum length of a string in bytes and of a list in items, sent or received;
    the default is 640 * 1024; set it on both sides.

    Raises ConnectionLost if the connection fails, LoginFailed if the login is refused."""
    if login is not None and anonymous:
        raise ValueError("pass login or anonymous, not both")
    credentials = None
    if login is not None or anonymous:
        username, password = (None, b"") if login is None else login
        credentials = (username, password, mind, name_as_text)
    return _Connecting(endpoint, ssl, timeout, credentials,
                       {"profile": profile, "size_limit": size_limit})
