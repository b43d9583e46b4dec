# SPDX-License-Identifier: MIT
"""Large data in pages, so that no message is large and others pass in between. Mirrors
twisted.spread.util, with which both sides work together."""
from __future__ import annotations

import asyncio
from typing import (TYPE_CHECKING, Any, AsyncIterable, AsyncIterator, Iterable, List,
                    Optional, Union)

from libpb.errors import ConnectionLost
from libpb.flavors import Referenceable, remote

if TYPE_CHECKING:
    from libpb.connection import RemoteReference

__all__ = ["get_pages", "send_pages"]


class _Collector(Referenceable):
    """The object that the sender calls: Twisted's CallbackPageCollector."""

    def __init__(self) -> None:
        self.pages: List[Any] = []
        self.ended = False
        self.error: Optional[BaseException] = None
        self.event = asyncio.Event()

    @remote
    def gotPage(self, page: Any) -> None:
        self.pages.append(page)
        self.event.set()

    @remote
    def endedPaging(self) -> None:
        self.ended = True
        self.event.set()

    def fail(self, error: BaseException) -> None:
        self.error = self.error or error
        self.event.set()


async def get_pages(reference: Any, method: str, /, *args: Any, **kwargs: Any
                    ) -> AsyncIterator[Any]:
    """Calls a method of a reference (or of a Client) with a collector before its
    arguments, and gives the pages that the peer sends to it:

        async for page in libpb.get_pages(root, "read", "file"):
            ...

    Raises what the call raises, and ConnectionLost if the connection ends before the last
    page. The pages of a peer that is faster than the loop wait in memory."""
    collector = _Collector()
    call = reference.call(method, collector, *args, **kwargs)

    def answered(future: "asyncio.Future[Any]") -> None:
        if not future.cancelled() and future.exception() is not None:
            collector.fail(future.exception())  # type: ignore[arg-type]

    call.add_done_callback(answered)
    connection = getattr(reference, "connection", reference)

    def lost(connection: Any) -> None:
        collector.fail(ConnectionLost("the connection ended before all pages had come"))

    connection.notify_on_disconnect(lost)
    try:
        while True:
            collector.event.clear()
            pages, collector.pages = collector.pages, []
            for page in pages:
                yield page
            if collector.pages:
                continue
            if collector.error is not None:
                raise collector.error
            if collector.ended:
                return
            await collector.event.wait()
    finally:
        call.cancel()
        if not connection.closed:
            connection.dont_notify_on_disconnect(lost)


async def send_pages(collector: "RemoteReference",
                     pages: Union[Iterable[Any], AsyncIterable[Any]]) -> None:
    """Sends pages to a collector that a method was called with:

        @libpb.remote
        async def read(self, collector, name):
            await libpb.send_pages(collector, chunks(name))

    The next page is taken when the peer has answered for the one before, or, if it asks
    for no more, never."""
    try:
        if isinstance(pages, AsyncIterable):
            async for page in pages:
                await collector.call("gotPage", page)
        else:
            for page in pages:
                await collector.call("gotPage", page)
    finally:
        if not collector.connection.closed:
            collector.options(answer=False).call("endedPaging")
