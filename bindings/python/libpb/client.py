# SPDX-License-Identifier: MIT
"""Connecting to a server."""
from __future__ import annotations

import asyncio
import ssl as _ssl
from typing import Any, Generator, Optional, Tuple, Union

from libpb.connection import Call, Connection, Protocol, RemoteReference
from libpb.endpoints import Endpoint
from libpb.errors import CallTimeout, ConnectionLost, LoginFailed, RemoteError

__all__ = ["Client", "connect"]

_Text = Union[str, bytes]


class Client(Connection):
    """A connection to a server, made by connect(). It is called as its root is, or, where
    there was a login, its avatar."""

    avatar: Optional[RemoteReference] = None

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> Call:
        """Calls a method of the avatar, or of the root where there was no login: as
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
        """Logs in; anonymously where username is None. The password never goes over the
        wire. mind is what the server may call the client by: a Referenceable. name_as_text
        sends the name as str, for services that do not take bytes. Gives the avatar.
        LoginFailed where the server does not let us in."""
        future = Call(loop=self._protocol.loop)
        future._call = self._protocol.session.login(
            _bytes(username), _bytes(password), name_as_text, mind,
            int(timeout * 1000) or 1 if timeout else 0, future._answered)
        try:
            return await future
        except RemoteError as e:
            if e.check("twisted.cred.error.LoginFailed", "twisted.cred.error.Unauthorized"):
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
    """What connect() gives: await it, or use it as a context."""

    def __init__(self, endpoint: str, ssl: Optional[_ssl.SSLContext],
                 timeout: Optional[float], login: Any, protocol: Any) -> None:
        self._endpoint = Endpoint(endpoint, context=ssl)
        self._timeout = self._endpoint.timeout or timeout
        self._login, self._options = login, protocol

    async def _open(self) -> Client:
        client = Client()
        try:
            await asyncio.wait_for(self._begin(client), self._timeout)
        except asyncio.TimeoutError as e:
            await _abandon(client)
            if isinstance(e, CallTimeout):
                raise
            raise ConnectionLost(f"no connection to {self._endpoint.text} in "
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


def connect(endpoint: str, *, login: Optional[Tuple[_Text, _Text]] = None,
            anonymous: bool = False, mind: Any = None, name_as_text: bool = False,
            ssl: Optional[_ssl.SSLContext] = None, timeout: Optional[float] = 30,
            profile: Optional[str] = None, size_limit: int = 0) -> _Connecting:
    """Connects to a server, and logs in where there is a login, a pair of name and
    password, or anonymous is true:

        async with libpb.connect("tcp:localhost:8789") as root:
            print(await root.call("add", 1, 2))

    or `client = await libpb.connect(...)`, to be ended by client.close(). Both are a
    Client. timeout is in seconds, for all of it. ssl is for endpoints that begin with
    "tls:" or "ssl:", and makes others so; without, the system's roots are trusted. mind and
    name_as_text are as in Client.login. profile tells what the peer is where that matters:
    "python2", "20.3-py2". size_limit is the longest string in bytes, and list in items,
    that is sent or taken, where 640 KiB are too few: set it on both sides.
    ConnectionLost where there is no connection, LoginFailed where we are not let in."""
    if login is not None and anonymous:
        raise ValueError("a login is anonymous, or it has a name")
    who = None
    if login is not None or anonymous:
        username, password = (None, b"") if login is None else login
        who = (username, password, mind, name_as_text)
    return _Connecting(endpoint, ssl, timeout, who,
                       {"profile": profile, "size_limit": size_limit})
