# SPDX-License-Identifier: MIT
"""A client that stays connected: it connects again, and logs in again, by itself."""
from __future__ import annotations

import asyncio
import logging
import random
from typing import Any, Awaitable, Callable, Optional

from libpb.client import Client, connect
from libpb.errors import ConnectionLost, LoginFailed

__all__ = ["Service"]

_logger = logging.getLogger("libpb")


class Service:
    """A client that connects again when its connection ends, and logs in again:

        async with libpb.Service("tcp:localhost:8789", login=("alice", "secret")) as service:
            print(await service.call("greet"))

    Its calls wait until it is connected, for at most `wait` seconds (None: for ever), and
    raise ConnectionLost then. A call that was sent when the connection ended fails with
    ConnectionLost, too: it is not sent again, for the peer may have done it.

    delay is the time in seconds before the second attempt. It doubles up to max_delay,
    with some jitter. connected(client) is called, and awaited if it is a coroutine, after
    each login and before any waiting call is sent. A login that is refused fails the
    waiting calls, and is tried again. The other options are those of connect()."""

    def __init__(self, endpoint: str, *, delay: float = 0.5, max_delay: float = 60,
                 wait: Optional[float] = None,
                 connected: Optional[Callable[[Client], Any]] = None,
                 **options: Any) -> None:
        connect(endpoint, **options)  # raises for options that are wrong
        self._endpoint, self._options = endpoint, options
        self._delay, self._max_delay, self._wait = delay, max_delay, wait
        self._connected = connected
        self._client: Optional[Client] = None
        self._waiting: "Optional[asyncio.Future[Client]]" = None
        self._task: "Optional[asyncio.Task[None]]" = None

    @property
    def client(self) -> Optional[Client]:
        """The connection that there is now, or None."""
        return self._client

    def start(self) -> None:
        """Begins to connect. `async with` does it."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Ends the connection, and fails the calls that wait."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._fail(ConnectionLost("the service was stopped"))

    async def when_connected(self) -> Client:
        """The connection, as soon as there is one."""
        if self._task is None:
            raise ConnectionLost("the service was not started, or was stopped")
        if self._client is not None:
            return self._client
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        try:
            return await asyncio.wait_for(asyncio.shield(self._waiting), self._wait)
        except asyncio.TimeoutError:
            raise ConnectionLost(f"no connection to {self._endpoint} within {self._wait} "
                                 "seconds") from None

    async def call(self, method: str, /, *args: Any, **kwargs: Any) -> Any:
        """Calls a method of the avatar, or of the root object, as soon as there is a
        connection."""
        client = await self.when_connected()
        return await client.call(method, *args, **kwargs)

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            # Without the frames of this task: the waiting task has frames of its own.
            waiting.set_exception(error.with_traceback(None))
            waiting.exception()  # the waiting task may have been cancelled

    async def _run(self) -> None:
        delay = self._delay
        while True:
            try:
                async with connect(self._endpoint, **self._options) as client:
                    if self._connected is not None:
                        result = self._connected(client)
                        if isinstance(result, Awaitable):
                            await result
                    delay = self._delay
                    self._client = client
                    waiting, self._waiting = self._waiting, None
                    if waiting is not None and not waiting.done():
                        waiting.set_result(client)
                    try:
                        await client.wait_closed()
                    finally:
                        self._client = None
                _logger.info("%s: connection ended: %s", self._endpoint, client.reason)
            except LoginFailed as e:
                _logger.error("%s: %s", self._endpoint, e)
                self._fail(e)
            except ConnectionLost as e:
                _logger.info("%s", e)
            except Exception as e:
                _logger.exception("%s: the client could not be set up", self._endpoint)
                self._fail(e)
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))
            delay = min(delay * 2, self._max_delay)

    async def __aenter__(self) -> "Service":
        self.start()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self.stop()
