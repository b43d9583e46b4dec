# SPDX-License-Identifier: MIT
"""One connection under asyncio: the protocol that drives a session, the references that
came over it, and the calls both ways."""
from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Optional, Set, Tuple

from libpb import _core
from libpb._core import InsecureJelly, JellyError
from libpb.errors import (CallTimeout, ConnectionLost, DeadReferenceError, Error, NoSuchMethod,
                          RemoteError, describe)
from libpb.flavors import (COPIES, PREFIXES, REMOTE, VIEW, Avatar, Referenceable,
                           Unpersistable, Viewable, copy_state, fill_copy)

if TYPE_CHECKING:
    from libpb.server import Portal

__all__ = ["Call", "Connection", "RemoteReference"]

_logger = logging.getLogger("libpb")
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}  # PB_LOG_
# What a peer has to take what was sent to it before a connection is cut, in seconds.
_LINGER = 5
# PB_ERR_ codes (pb/error.h).
_NOMEM, _INSECURE, _DEAD, _LOST, _TIMEOUT, _CANCELLED = -1, -7, -9, -10, -11, -12


class Call(asyncio.Future):  # type: ignore[type-arg]
    """The answer to come of a call that is under way already. To cancel it is to give the
    call up: the peer goes on, but its answer is dropped."""

    _call: Any = None

    def cancel(self, msg: Optional[Any] = None) -> bool:
        if not super().cancel(msg):
            return False
        call, self._call = self._call, None
        if call is not None:
            call.cancel()
        return True

    def _answered(self, done: bool, outcome: Any) -> None:
        self._call = None
        if self.done():
            return
        if done:
            self.set_result(outcome)
        else:
            self.set_exception(outcome)


class RemoteReference(_core.Remote):
    """A reference to an object of the peer's. It is given back when it is collected, or by
    release(). Two to one object are equal."""

    __slots__ = ("__weakref__",)

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> "Call":
        """Calls a method; await what it gives. The call is sent whether that is awaited or
        not. RemoteError is what the peer answers with where it fails, ConnectionLost where
        the connection ends before the answer, DeadReferenceError where it had ended."""
        return _call(self, method, args, kwargs, None)

    callRemote = call

    def options(self, *, timeout: Optional[float] = None, answer: bool = True) -> "_Caller":
        """The same reference with options for its calls: the seconds after which they fail
        with CallTimeout; and whether an answer is wanted: without, calls give None."""
        return _Caller(self, timeout, answer)

    @property
    def connection(self) -> "Connection":
        """The connection that it came over."""
        return self.handler.connection

    def notify_on_disconnect(self, callback: Callable[["RemoteReference"], Any]) -> None:
        """Calls callback(reference) once when the connection ends. Until then the
        reference is held."""
        if self.connection.closed:
            raise DeadReferenceError("the connection has ended")
        self.handler.callbacks.append((callback, self))

    def dont_notify_on_disconnect(self, callback: Callable[["RemoteReference"], Any]) -> None:
        """Takes a callback back."""
        self.handler.callbacks.remove((callback, self))

    notifyOnDisconnect = notify_on_disconnect
    dontNotifyOnDisconnect = dont_notify_on_disconnect

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RemoteReference):
            return NotImplemented
        return self is other or (self.luid == other.luid != 0 and
                                 self.handler is other.handler)

    def __hash__(self) -> int:
        return hash((RemoteReference, self.luid))

    def __repr__(self) -> str:
        return f"<RemoteReference {self.luid or 'by name'}>"


class _Caller:
    """A reference with options for its calls."""

    def __init__(self, reference: RemoteReference, timeout: Optional[float],
                 answer: bool) -> None:
        if timeout is not None and timeout <= 0:
            raise ValueError(f"a call cannot be answered in {timeout} seconds")
        self._reference, self._timeout, self._answer = reference, timeout, answer

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> "Call":
        """As RemoteReference.call."""
        return _call(self._reference, method, args, kwargs, self._timeout, self._answer)

    callRemote = call


def _call(reference: RemoteReference, method: str, args: Tuple[Any, ...],
          kwargs: Dict[str, Any], timeout: Optional[float], answer: bool = True) -> Call:
    future = Call(loop=reference.handler.loop)
    try:
        call = reference.begin(method, args, kwargs or None,
                               int(timeout * 1000) or 1 if timeout else 0,
                               future._answered if answer else None)
    except ReferenceError as e:
        future.set_exception(DeadReferenceError(str(e)))
    except Exception as e:
        future.set_exception(e)
    else:
        if answer:
            future._call = call
        else:
            future.set_result(None)
    return future


class Protocol(asyncio.Protocol):
    """Drives a session, and is told by it what happens. Not for use by itself."""

    def __init__(self, connection: "Connection", *, server: bool, root: Any = None,
                 portal: Optional["Portal"] = None, profile: Optional[str] = None,
                 size_limit: int = 0, unsafe_tracebacks: bool = False) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection = connection
        self.callbacks: List[Tuple[Callable[[Any], Any], Any]] = []
        self.ready_future: "asyncio.Future[None]" = self.loop.create_future()
        self.gone_future: "asyncio.Future[None]" = self.loop.create_future()
        self.reason: Optional[Exception] = None
        self.ended = False
        self.transport: Any = None
        self._portal = portal
        self._old = profile is not None and ("py2" in profile or "python2" in profile)
        self._tasks: Set["asyncio.Task[None]"] = set()
        self._woken = self._blocked = False
        self._unblocked: "Optional[asyncio.Future[None]]" = None
        self._reading = True
        self._timer: Optional[asyncio.TimerHandle] = None
        self.session = _core.Session(
            self, RemoteReference, COPIES, server, "portal" if portal else root, size_limit,
            profile, unsafe_tracebacks, self._now())

    # ---- The transport ----

    def _now(self) -> int:
        return int(self.loop.time() * 1000)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.connection._made(self)
        self._pump()

    def data_received(self, data: bytes) -> None:
        self.session.recv(data, self._now())
        self._pump()

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._pump()
        self._go_on()

    def _go_on(self) -> None:
        if self._unblocked is not None and not self._blocked:
            self._unblocked.set_result(None)
            self._unblocked = None

    async def drain(self) -> None:
        while self._blocked and self.transport is not None:
            if self._unblocked is None:
                self._unblocked = self.loop.create_future()
            await asyncio.shield(self._unblocked)

    def connection_lost(self, exc: Optional[Exception]) -> None:
        self.transport = None
        if self._timer is not None:
            self._timer.cancel()
        self.session.lost(str(exc) if exc is not None else None)
        self._blocked = False
        self._go_on()
        if not self.gone_future.done():
            self.gone_future.set_result(None)
        self.connection._gone(self)

    def wake(self, from_elsewhere: bool) -> None:
        """There is something to do, and nobody who will notice."""
        if from_elsewhere:
            self.loop.call_soon_threadsafe(self._pump)
        elif not self._woken:
            self._woken = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Writes what is to be written, and minds the time."""
        self._woken = False
        transport = self.transport
        if transport is None:
            return
        session, now = self.session, self._now()
        deadline = session.deadline()
        if self._blocked or deadline is not None and deadline <= now:
            session.tick(now)
        while not self._blocked:
            data = session.send(now)
            if not data:
                break
            transport.write(data)
        if self.ended:
            if not transport.is_closing():
                transport.close()
                self.loop.call_later(_LINGER, transport.abort)
            return
        reading = session.want_recv()
        if reading != self._reading:
            self._reading = reading
            if reading:
                transport.resume_reading()
            else:
                transport.pause_reading()
        self._mind(session.deadline())

    def _mind(self, deadline: Optional[int]) -> None:
        timer = self._timer
        when = deadline / 1000 + 0.001 if deadline is not None else None
        if timer is not None:
            if when is not None and timer.when() <= when and not timer.cancelled():
                return  # it looks again then
            timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self.loop.call_at(when, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._pump()

    def close(self) -> None:
        self.session.close()
        self._pump()

    # ---- What the session tells ----

    def ready(self) -> None:
        if not self.ready_future.done():
            self.ready_future.set_result(None)

    def closed(self, code: int, text: str) -> None:
        self.ended = True
        if code:
            self.reason = ConnectionLost(text or "the connection was closed")
        why = self.reason or ConnectionLost("the connection was closed")
        if not self.ready_future.done():
            self.ready_future.set_exception(why)
            self.ready_future.exception()  # nobody need have waited
        callbacks, self.callbacks = self.callbacks, []
        for callback, argument in callbacks:
            try:
                callback(argument)
            except Exception:
                _logger.exception("a callback of a connection that has ended")

    def log(self, level: int, text: str) -> None:
        _logger.log(_LEVELS[level], "%s", text)

    def failure(self, code: int, type: str, text: str, traceback: str,
                parents: List[str]) -> BaseException:
        """The exception for a failure: the peer's, or one of our own."""
        if code == 0:
            return RemoteError(type, text, traceback, parents)
        if code == _CANCELLED:
            return asyncio.CancelledError()
        if code == _NOMEM:
            return MemoryError()
        return {_LOST: ConnectionLost, _TIMEOUT: CallTimeout, _DEAD: DeadReferenceError,
                _INSECURE: InsecureJelly}.get(code, Error)(text)

    # ---- Values ----

    def flatten(self, value: Any, perspective: Any) -> Any:
        """How an object goes over the wire that is no built-in one."""
        cls = type(value)
        tag = cls.__dict__.get("__pb_tag__")
        if tag is not None:
            state = copy_state(value, perspective)
            if self._old and isinstance(state, dict):
                state = {k.encode() if isinstance(k, str) else k: v
                         for k, v in state.items()}
            return tag, state
        if isinstance(value, Viewable):
            return True
        if isinstance(value, Referenceable):
            return False
        if isinstance(value, BaseException):
            return describe(value)
        if isinstance(value, Avatar):
            raise JellyError("an Avatar is sent by a login only")
        raise JellyError(f"{cls.__module__}.{cls.__qualname__} cannot be sent: it is no "
                         "built-in type, no Referenceable, and not registered by @copyable")

    def fill(self, copy: Any, state: Any) -> None:
        """Makes a copy that came of its state."""
        fill_copy(copy, state)

    def unpersistable(self, reason: str) -> Unpersistable:
        return Unpersistable(reason)

    # ---- Calls of the peer's ----

    def dispatch(self, request: Any, target: Any, role: int, method: str, args: Any,
                 kwargs: Any, perspective: Any) -> None:
        """Calls a method that is served, and answers, now or when it is done."""
        name = target.__pb_methods__.get((role, method))
        if name is None:
            self.fail(request, _no_method(target, role, method))
            return
        if kwargs:
            kwargs = {k.decode() if isinstance(k, bytes) else k: v for k, v in kwargs.items()}
        if role == VIEW:
            args = (perspective, *args)
        try:
            result = getattr(target, name)(*args, **kwargs)
        except Exception as e:
            self.fail(request, e)
            return
        if inspect.isawaitable(result):
            self.later(self._answer_later(request, result, perspective))
        else:
            self._answer(request, result, perspective)

    def later(self, coroutine: Any) -> None:
        """Runs a coroutine that nobody awaits."""
        task = self.loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer_later(self, request: Any, result: Awaitable[Any],
                            perspective: Any) -> None:
        try:
            answer = await result
        except asyncio.CancelledError as e:
            self.fail(request, e)
            raise
        except Exception as e:
            self.fail(request, e)
        else:
            self._answer(request, answer, perspective)

    def _answer(self, request: Any, result: Any, perspective: Any) -> None:
        try:
            request.answer(result, perspective)
        except Exception as e:
            self.fail(request, e)

    def fail(self, request: Any, exception: BaseException) -> None:
        """Answers with an exception; the library logs what is no Error."""
        if not request.waiting:
            return  # an answer that could not be sent has become a failure already
        if "__pb_tag__" in vars(type(exception)):
            try:
                request.fail_as(exception)
                return
            except Exception as e:
                exception = e
        if request.waiting:
            request.fail(*describe(exception))

    refused = fail  # where the arguments of a call could not be read

    # ---- Logins ----

    def check(self, attempt: Any) -> None:
        """Judges who wants to log in."""
        assert self._portal is not None
        self._portal.check(self, attempt)

    def realm(self, attempt: Any, avatar_id: bytes) -> None:
        """Gives an avatar to who was let in."""
        assert self._portal is not None
        self._portal.grant(self, attempt, avatar_id)


def _no_method(target: Any, role: int, method: str) -> Exception:
    name = PREFIXES[role] + method
    if role == REMOTE:
        return NoSuchMethod(f"No such method: {name}")
    return AttributeError(f"{type(target).__name__!r} object has no attribute {name!r}")


class Connection:
    """A connection to a peer."""

    _protocol: Protocol

    def _made(self, protocol: Protocol) -> None:
        """The transport is there."""

    def _gone(self, protocol: Protocol) -> None:
        """The transport is gone."""

    @property
    def root(self) -> RemoteReference:
        """The peer's root object."""
        return self._protocol.session.root()

    def for_name(self, name: str) -> RemoteReference:
        """What the peer has published under a name. Nothing is sent for this."""
        return self._protocol.session.for_name(name)

    def publish(self, name: str, target: Referenceable) -> None:
        """Lets the peer reach an object by a name."""
        if not isinstance(target, Referenceable):
            raise TypeError(f"{target!r} is no Referenceable")
        self._protocol.session.publish(name, target)

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._protocol.ended

    @property
    def reason(self) -> Optional[Exception]:
        """Why it has ended; None while it has not, or if that was asked for here."""
        return self._protocol.reason

    @property
    def peer(self) -> Any:
        """The address of the peer; None when the transport is gone."""
        transport = self._protocol.transport
        return transport.get_extra_info("peername") if transport is not None else None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio's transport knows: "ssl_object", "socket", ..."""
        transport = self._protocol.transport
        return transport.get_extra_info(name, default) if transport is not None else default

    def counts(self) -> Dict[str, int]:
        """How many calls wait for an answer from there (pending) and from here (serving),
        how many objects of ours the peer holds (exported), how many references of its we
        hold (held), and how many bytes wait to be sent (queued)."""
        return self._protocol.session.counts()

    def notify_on_disconnect(self, callback: Callable[["Connection"], Any]) -> None:
        """Calls callback(connection) once when it ends; at once if it has."""
        if self.closed:
            callback(self)
        else:
            self._protocol.callbacks.append((callback, self))

    async def drain(self) -> None:
        """Waits while the peer takes less than is sent to it: for who sends much without
        awaiting the answers."""
        await self._protocol.drain()

    def close(self) -> None:
        """Ends the connection. What was sent still goes out; every call that waits fails
        with ConnectionLost."""
        self._protocol.close()

    async def wait_closed(self) -> None:
        """Waits until the connection is gone, whoever ends it."""
        await asyncio.shield(self._protocol.gone_future)
