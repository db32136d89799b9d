"""One connection, and the short way of its ordinary requests.

Like `internals`, this leans on names that aiohttp does not promise, as aiohttp 3.14 has them.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD

from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.response import RawResponse
from bahamut.telemetry.metrics import MetricsManager
from bahamut.web import head, internals
from bahamut.web.adapter import split_target
from bahamut.web.masks import MaskedFrames


class Door(Protocol):
    """What answers requests in plain values, where they are its own."""

    def takes(self, raw: RawRequest) -> bool:
        """Tell whether a request is its own; all others are the application's."""
        ...

    async def answer(self, raw: RawRequest, content: Any) -> RawResponse:
        """Answer a request; its body is read from *content*."""
        ...

    async def write_by_hand(self, raw: RawRequest, response: RawResponse) -> web.StreamResponse:
        """Let the writer of an answer write it."""
        ...


@dataclass(slots=True)
class Connections:
    """How many connections there may be, how patient they are, and who counts them."""

    maximum: int = 0
    """0 for no limit."""
    header_timeout: float = 0.0
    """Seconds within which the headers of a request must come; 0 for no limit."""
    write_timeout: float = 0.0
    """Seconds for which a client may leave unread what is written to it; 0 for no limit."""
    metrics: MetricsManager | None = None
    open: int = 0

    def enter(self) -> bool:
        """Count a connection, and tell whether there is room for it."""
        self.open += 1
        if self.metrics is not None:
            self.metrics.register_tcp_connection()
        return not self.maximum or self.open <= self.maximum

    def leave(self) -> None:
        """Count it out."""
        self.open -= 1
        if self.metrics is not None:
            self.metrics.unregister_tcp_connection()


class Arrival(RawRequest):
    """A request as the parser left it; what aiohttp makes of it is made when somebody asks."""

    __slots__ = ("_handler", "_message", "content")

    def __init__(self, handler: Handler, message: RawRequestMessage, content: Any) -> None:
        self.method = message.method
        self.path, self.query = split_target(message.path)
        self.headers = message.headers
        self.remote = handler.remote
        self.tls = handler.tls
        self.content = content
        self._handler = handler
        self._message = message
        self._native = None

    @property
    def native(self) -> Any:
        """The web server's own request."""
        if self._native is None:
            self._native = self._handler.request_of(self._message, self.content)
        return self._native


class Handler(web.RequestHandler):
    """A connection that must send its headers in time, and whose requests take a short way.

    aiohttp serves a connection from a loop of its own, which it wakes for each request and which
    waits for a task of that request. Here a request for the door that came whole, with none before
    it on its way, gets its task at once, and the loop sleeps on. Whatever else comes is the loop's:
    bodies still to come, pipelined requests, upgrades, malformed requests, HTTP/1.0, the last
    request of a connection.
    """

    __slots__ = (
        "_connections",
        "_door",
        "_factory",
        "_header_timer",
        "_is_counted",
        "_serving",
        "_write_timer",
        "remote",
        "tls",
    )

    def __init__(
        self, manager: Any, *, connections: Connections, door: Door | None, **kwargs: Any
    ) -> None:
        super().__init__(manager, **kwargs)
        self._connections = connections
        self._door = door if internals.IS_SHORT and not self._logging_enabled else None
        self._factory = manager.request_factory
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._is_counted = False
        self._serving: asyncio.Task[None] | None = None
        """Serves the request that took the short way."""
        self.remote = ""
        """The peer's address."""
        self.tls: Any = None
        """What is known of the TLS connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_counted = True
        if not self._connections.enter():
            transport.abort()  # type: ignore[attr-defined]
            return
        super().connection_made(transport)
        peer = self.peername
        self.remote = str(peer[0] if isinstance(peer, list | tuple) else peer or "")
        self.tls = transport.get_extra_info("ssl_object")
        self._start_header_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_header_timer()
        self._stop_write_timer()
        if self._is_counted:
            self._is_counted = False
            self._connections.leave()
        is_cancelled = self._manager is not None and self._manager.handler_cancellation
        super().connection_lost(exc)
        if is_cancelled and self._serving is not None:
            self._serving.cancel()

    if sys.version_info < (
        3,
        12,
    ):  # from there on the task of aiohttp's loop begins when it is made

        def start(self) -> Coroutine[Any, Any, None]:
            # Its loop must sleep when the first request comes, or that one is the loop's, and with
            # a fast client all that follow.
            return _Begun(super().start())

    def data_received(self, data: bytes) -> None:
        before, waiter, door = self._request_count, self._waiter, self._door
        if waiter is None or door is None or self._payload_parser is not None:
            super().data_received(data)
        else:
            self._waiter = None  # out of sight, so that what is parsed does not wake the loop
            super().data_received(data)
            self._waiter = waiter
            if self._messages and self._serving is None and not waiter.done():
                self._serve_or_wake(waiter, door)
        if self._request_count != before:
            self._stop_header_timer()
        elif self._is_idle and not self._upgraded:
            self._start_header_timer()

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's
        # Streams ask for more with all that is read from them; nearly always nothing was held back.
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def set_parser(self, parser: Any, data_received_cb: Callable[[], None] | None = None) -> None:
        masked: Any = MaskedFrames(parser)
        super().set_parser(masked, data_received_cb)

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        # Malformed requests and lost clients: anyone could fill the log with their traces.
        error = kwargs.get("exc_info")
        is_gone = self.transport is None or self.transport.is_closing()
        is_of_client = isinstance(error, HttpProcessingError) or (
            is_gone and isinstance(error, ConnectionResetError)
        )
        (self.logger.debug if is_of_client else self.logger.exception)(*args, **kwargs)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: Any = None, *_: Any
    ) -> web.StreamResponse:
        # What was wrong with it is for the log; the answer is the original's.
        found = super().handle_error(request, status, exc, f"{status} {internals.reason(status)}")
        return head.refusal_of_miscount(exc) or found

    # --- the short way -----------------------------------------------------------------------

    def request_of(self, message: RawRequestMessage, content: Any) -> web.BaseRequest:
        """Return aiohttp's request."""
        writer = StreamWriter(self, self._loop)
        task = self._serving or asyncio.current_task(self._loop)
        request: web.BaseRequest = self._factory(message, content, self, writer, task)
        return request

    def _serve_or_wake(self, waiter: asyncio.Future[None], door: Door) -> None:
        """Serve what was parsed, or let aiohttp's loop do it."""
        message, content = self._messages[0]
        if (
            len(self._messages) > 1
            or self._buffer_paused
            or message.__class__ is not RawRequestMessage
            or message.version is not HttpVersion11
            or message.should_close
            or message.upgrade
            or message.method == "HEAD"
            or not (content is EMPTY_PAYLOAD or (content.is_eof() and content.exception() is None))
            or not door.takes(raw := Arrival(self, message, content))
        ):
            waiter.set_result(None)
            return
        if self._parser is None or self._manager is None:  # the connection is gone
            return
        self._messages.clear()
        self._parser.message_consumed()
        self._manager.requests_count += 1
        self._request_in_progress = True
        task = _started(self._loop, self._serve(door, raw))
        if not task.done():
            self._serving = task

    async def _serve(self, door: Door, raw: Arrival) -> None:
        is_kept = False
        try:
            try:
                response = await door.answer(raw, raw.content)
            except Exception as error:  # noqa: BLE001 - raised again where aiohttp answers for it
                is_kept = await self._finish(raw, _raising(error))
            else:
                if response.writer is not None:
                    is_kept = await self._finish(raw, door.write_by_hand(raw, response))
                else:
                    self._write(response)
                    if self._paused:
                        await internals.drained(self)
                    is_kept = True
        except ConnectionError:
            self.log_debug("Ignored premature client disconnection")
        except Exception:  # noqa: BLE001 - as aiohttp's loop does
            self.log_exception("Unhandled exception")
        finally:
            self._serving = None
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
            if is_kept and not self._close and not self._force_close:
                self._wait_for_next(raw.content)
            else:
                self.force_close()

    def _write(self, response: RawResponse) -> None:
        if self.transport is None:
            raise ConnectionResetError("the client has gone")
        internals.send(self.transport, response.status, response.headers, response.body)

    async def _finish(self, raw: Arrival, answering: Awaitable[web.StreamResponse]) -> bool:
        """Let aiohttp answer as it does on its own way; tell whether the connection goes on."""
        answer, is_gone = await self._handle_request(raw.native, None, lambda _: answering)
        return bool(answer.keep_alive) and not is_gone

    def _wait_for_next(self, content: Any) -> None:
        if not content.at_eof():  # nobody wanted the body; reading goes on when it is gone
            content.read_nowait()
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _process_keepalive(self) -> None:
        if self._serving is None:
            super()._process_keepalive()
            return
        # The loop is idle, the connection is not.
        self._keepalive_handle = self._loop.call_later(
            self._keepalive_timeout, self._process_keepalive
        )

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        await super().shutdown(timeout)
        if self._serving is not None:
            self._serving.cancel()

    # --- clients that do not read ------------------------------------------------------------

    def pause_writing(self) -> None:
        super().pause_writing()
        seconds = self._connections.write_timeout
        if seconds and not self._upgraded:  # those who serve a websocket have their own deadline
            self._write_timer = self._loop.call_later(seconds, self._abort)

    def resume_writing(self) -> None:
        self._stop_write_timer()
        super().resume_writing()

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()
        self.force_close()

    # --- late headers ------------------------------------------------------------------------

    @property
    def _is_idle(self) -> bool:
        return self._current_request is None and self._serving is None and not self._messages

    def _start_header_timer(self) -> None:
        if self._header_timer is None and self._connections.header_timeout:
            seconds = self._connections.header_timeout
            self._header_timer = self._loop.call_later(seconds, self._headers_are_late)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _headers_are_late(self) -> None:
        self._header_timer = None
        if self._is_idle:
            self._abort()


async def _raising(error: Exception) -> Any:
    raise error


class _Begun(Coroutine[Any, Any, None]):
    """A coroutine that has begun already, for a task that begins with what it waits for.

    A generator would do the same, and cost each connection a third of a kilobyte more.
    """

    __slots__ = ("_awaited", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._awaited = coroutine.send(None)

    def send(self, value: Any) -> Any:
        awaited, self._awaited = self._awaited, None
        return self._coroutine.send(value) if awaited is None else awaited

    def throw(self, *error: Any) -> Any:
        self._awaited = None
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._coroutine.__await__()


def _started(loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[None]:
    """Return a task that has begun already, where Python can do that."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    return asyncio.Task(coroutine, loop=loop)


class _Server(web.Server):
    def __init__(
        self, *args: Any, connections: Connections, door: Door | None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._limits = connections
        self._door = door

    def __call__(self) -> web.RequestHandler:
        return Handler(
            self, loop=self._loop, connections=self._limits, door=self._door, **self._kwargs
        )


class Runner(web.AppRunner):
    """Runs an application on connections that are watched.

    Args:
        app: the application.
        connections: their limits.
        shortcut: gets the handler of the application, returns what is called instead.
        door: answers its own requests in their place, where they can take the short way.
        **kwargs: as `web.AppRunner` takes them.
    """

    def __init__(
        self,
        app: web.Application,
        connections: Connections,
        shortcut: Callable[[Any], Any] | None = None,
        door: Door | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, **kwargs)
        self._limits = connections
        self._shortcut = shortcut
        self._door = door

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        handler: Any = server.request_handler
        if self._shortcut is not None:
            handler = self._shortcut(handler)
        if not internals.IS_KNOWN:
            server.request_handler = handler
            return server
        return _Server(
            handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=asyncio.get_running_loop(),
            connections=self._limits,
            door=self._door,
            **server._kwargs,
        )
