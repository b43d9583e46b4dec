# SPDX-License-Identifier: MIT
"""A connection under asyncio: the protocol that drives a session, references to the
peer's objects, and calls in both directions."""
from __future__ import annotations

import asyncio
import inspect
import logging
from typing import (TYPE_CHECKING, Any, Awaitable, Callable, Dict, List, Optional, Set,
                    Tuple)

from libpb import _core
from libpb._core import InsecureJelly, JellyError
from libpb.errors import (CallTimeout, ConnectionLost, DeadReferenceError, Error,
                          NoSuchMethod, describe, remote_error)
from libpb.flavors import (COPIES, PREFIXES, REMOTE, VIEW, Avatar, Cacheable,
                           Referenceable, RemoteCache, Unpersistable, Viewable,
                           copy_state, fill_copy)

if TYPE_CHECKING:
    from libpb.server import Portal

__all__ = ["Call", "Connection", "RemoteReference"]

_logger = logging.getLogger("libpb")
_LEVELS = {1: logging.ERROR, 2: logging.WARNING, 3: logging.INFO, 4: logging.DEBUG}  # by PB_LOG_ level
# Seconds that a peer has to read the output of a connection that is being closed.
_LINGER = 5
# Exceptions that end the program; any other exception ends the call that it comes from. As in
# asyncio's tasks.
FATAL = (KeyboardInterrupt, SystemExit)
Tasks = Set["asyncio.Task[Any]"]
# Codes of errors: PB_ERR_ in pb/error.h.
_NOMEM, _INSECURE, _DEAD, _LOST, _TIMEOUT, _CANCELLED = -1, -7, -9, -10, -11, -12


class Call(asyncio.Future):  # type: ignore[type-arg]
    """The future answer of a call. The call is sent already. Cancelling it drops the
    answer; the peer goes on."""

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
            self.set_exception(_raisable(outcome))


def _raisable(exception: BaseException) -> BaseException:
    """The exception; instead of one that would end the coroutine which awaits it, one that
    names it."""
    if not isinstance(exception, (StopIteration, GeneratorExit)):
        return exception
    return RuntimeError(f"{type(exception).__name__} was raised: {exception}")


class RemoteReference(_core.Remote):
    """A reference to an object of the peer's. It is released when it is collected, or by
    release(). Two references to the same object are equal."""

    __slots__ = ("__weakref__",)

    def call(self, method: str, /, *args: Any, **kwargs: Any) -> "Call":
        """Calls a method. Await the result; the call is sent even if it is not awaited.
        The result raises RemoteError if the peer answers with a failure, ConnectionLost
        if the connection ends before the answer, DeadReferenceError if it ended before
        the call."""
        return _call(self, method, args, kwargs, None)

    callRemote = call

    def options(self, *, timeout: Optional[float] = None,
                answer: bool = True) -> "_Caller":
        """The same reference with options for its calls: timeout is the seconds after
        which a call fails with CallTimeout. With answer=False the peer sends no answer,
        and a call returns None."""
        return _Caller(self, timeout, answer)

    @property
    def connection(self) -> "Connection":
        """The connection that the reference belongs to."""
        connection: Connection = self.handler.connection
        return connection

    def notify_on_disconnect(self, callback: Callable[["RemoteReference"], Any]) -> None:
        """Calls callback(reference) once when the connection ends. The reference is kept
        until then."""
        if self.connection.closed:
            raise DeadReferenceError("the connection has ended")
        self.handler.callbacks.append((callback, self))

    def dont_notify_on_disconnect(
            self, callback: Callable[["RemoteReference"], Any]) -> None:
        """Removes such a callback."""
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
            raise ValueError(f"the timeout must be positive, not {timeout} seconds")
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
    except FATAL:
        raise
    except BaseException as e:
        future.set_exception(_raisable(e))
    else:
        if answer:
            future._call = call
        else:
            future.set_result(None)
    return future


class Protocol(asyncio.Protocol):
    """Drives a session, and is its handler (session/session.h). Internal.

    tasks holds every task that serves the connection until it ends; a server passes one
    set to all its connections."""

    def __init__(self, connection: "Connection", *, server: bool,
                 root: Optional[Callable[["Connection"], Any]] = None,
                 portal: Optional["Portal"] = None, profile: Optional[str] = None,
                 size_limit: int = 0, unsafe_tracebacks: bool = False,
                 max_calls: int = 0, tasks: Optional[Tasks] = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.connection = connection
        self.callbacks: List[Tuple[Callable[[Any], Any], Any]] = []
        self.ready_future: "asyncio.Future[None]" = self.loop.create_future()
        self.gone_future: "asyncio.Future[None]" = self.loop.create_future()
        self.reason: Optional[Exception] = None
        self.ended = False
        self.transport: Any = None
        self._portal, self._root = portal, root
        self._tracebacks = unsafe_tracebacks
        self._failing: Optional[BaseException] = None
        self._old = profile is not None and ("py2" in profile or "python2" in profile)
        self.tasks: Tasks = set() if tasks is None else tasks
        self._handlers: Tasks = set()
        self._woken = self._blocked = False
        self._unblocked: "Optional[asyncio.Future[None]]" = None
        self._reading = True
        self._timer: Optional[asyncio.TimerHandle] = None
        self.session = _core.Session(
            self, RemoteReference, COPIES, server, "portal" if portal else None,
            size_limit, profile, unsafe_tracebacks, self._now(), max_calls)

    # ---- The transport ----

    def _now(self) -> int:
        return int(self.loop.time() * 1000)

    @property
    def busy(self) -> bool:
        """Whether methods that it serves are running."""
        return bool(self._handlers)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.connection._made(self)
        if self._root is not None:
            try:
                self.connection.publish("root", self._root(self.connection))
            except FATAL:
                raise
            except BaseException:
                _logger.exception("a client is refused, because its root object could "
                                  "not be made")
                self.session.close()
                transport.abort()  # type: ignore[attr-defined]  # before it is greeted
                return
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

    def wake(self, from_another_thread: bool) -> None:
        """Called when the session has work that no other event will start."""
        if from_another_thread:
            self.loop.call_soon_threadsafe(self._pump)
        elif not self._woken:
            self._woken = True
            self.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Writes the session's output, runs expired timers, and sets the next timer."""
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
        self._set_timer(session.deadline())

    def _set_timer(self, deadline: Optional[int]) -> None:
        timer = self._timer
        when = deadline / 1000 + 0.001 if deadline is not None else None
        if timer is not None:
            if when is not None and timer.when() <= when and not timer.cancelled():
                return  # it expires earlier, and sets the next timer then
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

    # ---- Reports of the session ----

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
            self.ready_future.exception()  # it may have no waiter
        current = asyncio.current_task(self.loop)
        for task in self._handlers:
            if task is not current:  # a method may go on after it has closed
                task.cancel()
        callbacks, self.callbacks = self.callbacks, []
        for callback, argument in callbacks:
            try:
                callback(argument)
            except FATAL:
                raise
            except BaseException:
                _logger.exception("exception in a disconnect callback")

    def log(self, level: int, text: str) -> None:
        _logger.log(_LEVELS[level], "%s", text, exc_info=self._failing)

    def failure(self, code: int, type: str, text: str, traceback: str,
                parents: List[str]) -> BaseException:
        """The exception for a failure of the peer or of the library."""
        if code == 0:
            return remote_error(type, text, traceback, parents)
        if code == _CANCELLED:
            return asyncio.CancelledError()
        if code == _NOMEM:
            return MemoryError()
        return {_LOST: ConnectionLost, _TIMEOUT: CallTimeout, _DEAD: DeadReferenceError,
                _INSECURE: InsecureJelly}.get(code, Error)(text)

    # ---- Values ----

    def flatten(self, value: Any, perspective: Any) -> Any:
        """How an object of no built-in type is sent."""
        cls = type(value)
        tag = cls.__dict__.get("__pb_tag__")
        if tag is not None:
            state = copy_state(value, perspective)
            if self._old and isinstance(state, dict):
                state = {k.encode() if isinstance(k, str) else k: v
                         for k, v in state.items()}
            return tag, state
        if isinstance(value, Cacheable):
            return getattr(cls, "__pb_cached_as__", None) or \
                f"{cls.__module__}.{cls.__qualname__}"
        if isinstance(value, RemoteCache):
            return value._receipt
        if isinstance(value, Viewable):
            return True
        if isinstance(value, Referenceable):
            return False
        if isinstance(value, BaseException):
            return describe(value, self._tracebacks)
        if isinstance(value, Avatar):
            raise JellyError("an Avatar is sent as the answer to a login only")
        raise JellyError(f"{cls.__module__}.{cls.__qualname__} cannot be sent: it is "
                         "neither a built-in type nor a Referenceable nor registered by "
                         "@copyable")

    def fill(self, copy: Any, state: Any) -> None:
        """Fills a received copy with its state."""
        fill_copy(copy, state)

    def receive(self, cache: RemoteCache, receipt: Any) -> RemoteCache:
        """The object for one receipt of a cache. It shares the cache's members."""
        cls = type(cache)
        shown = cls.__new__(cls)
        shown.__dict__ = cache.__dict__
        shown._receipt = receipt
        return shown

    def observe(self, value: Cacheable, perspective: Any,
                observer: RemoteReference) -> Any:
        """The state of a Cacheable, which the observer is told the changes of."""
        return value.state_to_cache(perspective, observer)

    def stop_observing(self, value: Cacheable, perspective: Any,
                       observer: RemoteReference) -> None:
        try:
            value.stopped_observing(perspective, observer)
        except FATAL:
            raise
        except BaseException:
            _logger.exception("exception in stopped_observing of %r", value)

    def unpersistable(self, reason: str) -> Unpersistable:
        return Unpersistable(reason)

    # ---- Incoming calls ----

    def dispatch(self, request: Any, target: Any, role: int, method: str, args: Any,
                 kwargs: Any, perspective: Any) -> None:
        """Calls a method and answers with its result, or, if it is a coroutine, later."""
        name = target.__pb_methods__.get((role, method))
        if kwargs:
            kwargs = {k.decode() if isinstance(k, bytes) else k: v
                      for k, v in kwargs.items()}
        if role == VIEW:
            args = (perspective, *args)
        try:
            function = getattr(target, name) if name is not None else \
                target.find_method(method)
            if function is None:
                raise _no_method(target, role, method)
            result = function(*args, **kwargs)
        except FATAL:
            raise
        except BaseException as e:
            self.fail(request, e)
            return
        if inspect.isawaitable(result):
            self.later(self._answer_later(request, result, perspective))
        else:
            self._answer(request, result, perspective)

    def later(self, coroutine: Any) -> None:
        """Runs a coroutine as a task, which is cancelled when the connection ends."""
        task = self.finish(coroutine)
        self._handlers.add(task)
        task.add_done_callback(self._handlers.discard)

    def finish(self, coroutine: Any) -> "asyncio.Task[Any]":
        """Runs a coroutine as a task, also after the connection has ended."""
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _answer_later(self, request: Any, result: Awaitable[Any],
                            perspective: Any) -> None:
        try:
            answer = await result
        except FATAL:
            raise
        except BaseException as e:
            self.fail(request, e)
            if isinstance(e, asyncio.CancelledError):
                raise
        else:
            self._answer(request, answer, perspective)

    def _answer(self, request: Any, result: Any, perspective: Any) -> None:
        try:
            request.answer(result, perspective)
        except FATAL:
            raise
        except BaseException as e:
            self.fail(request, e)

    def fail(self, request: Any, exception: BaseException) -> None:
        """Answers with an exception. The library logs those that are not an Error; the
        log gets the exception itself, and so makes a traceback only where it is
        written."""
        if not request.waiting:
            return  # an answer that could not be sent was replaced by a failure
        if "__pb_tag__" in vars(type(exception)):
            try:
                request.fail_as(exception)
                return
            except FATAL:
                raise
            except BaseException as e:
                exception = e
        if request.waiting:
            self._failing = None if self._tracebacks else exception
            try:
                request.fail(*describe(exception, self._tracebacks))
            finally:
                self._failing = None

    refused = fail  # called if the arguments of a call could not be read

    # ---- Logins ----

    def check(self, attempt: Any) -> None:
        """Checks a login."""
        assert self._portal is not None
        self._portal.check(self, attempt)

    def realm(self, attempt: Any, avatar_id: bytes) -> None:
        """Gives the avatar of a login that was accepted."""
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
        """Called when the transport is connected."""

    def _gone(self, protocol: Protocol) -> None:
        """Called when the transport is lost."""

    @property
    def root(self) -> RemoteReference:
        """The peer's root object."""
        root: RemoteReference = self._protocol.session.root()
        return root

    def for_name(self, name: str) -> RemoteReference:
        """A reference to the object that the peer has published under a name. Sends
        nothing."""
        reference: RemoteReference = self._protocol.session.for_name(name)
        return reference

    def publish(self, name: str, target: Referenceable) -> None:
        """Publishes an object under a name, by which the peer can call it."""
        if not isinstance(target, Referenceable):
            raise TypeError(f"{target!r} is not a Referenceable")
        self._protocol.session.publish(name, target)

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._protocol.ended

    @property
    def reason(self) -> Optional[Exception]:
        """Why the connection ended. None if it has not, or if close() was called here."""
        return self._protocol.reason

    @property
    def peer(self) -> Any:
        """The address of the peer. None once the transport is lost."""
        transport = self._protocol.transport
        return transport.get_extra_info("peername") if transport is not None else None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio's BaseTransport.get_extra_info: "ssl_object", "socket", ..."""
        transport = self._protocol.transport
        if transport is None:
            return default
        return transport.get_extra_info(name, default)

    def counts(self) -> Dict[str, int]:
        """The numbers of outgoing calls without an answer yet (pending), of incoming ones
        (serving), of our objects that the peer holds (exported), of the peer's objects
        that we hold (held), and of bytes to be sent (queued)."""
        return self._protocol.session.counts()

    def notify_on_disconnect(self, callback: Callable[["Connection"], Any]) -> None:
        """Calls callback(connection) once when the connection ends, or now if it has."""
        if self.closed:
            callback(self)
        else:
            self._protocol.callbacks.append((callback, self))

    def dont_notify_on_disconnect(self, callback: Callable[["Connection"], Any]) -> None:
        """Removes such a callback."""
        self._protocol.callbacks.remove((callback, self))

    async def drain(self) -> None:
        """Waits until the output buffer has room. For programs that send much without
        awaiting the answers."""
        await self._protocol.drain()

    def close(self) -> None:
        """Closes the connection. Output that is queued is still sent; calls that wait for
        an answer fail with ConnectionLost."""
        self._protocol.close()

    async def wait_closed(self) -> None:
        """Waits until the transport is closed, by either side, and the methods that it
        served and the logouts have ended. Methods are cancelled when the connection
        ends."""
        await asyncio.shield(self._protocol.gone_future)
        await wait_for_tasks(self._protocol.tasks)


async def wait_for_tasks(tasks: Tasks) -> None:
    """Waits until these tasks have ended, but for the one that waits."""
    current = asyncio.current_task()
    while tasks - {current}:
        await asyncio.wait(tasks - {current})
