"""What leans on names that aiohttp does not promise, all of it in this one file.

`Answer` writes head and body at once, straight to the transport; `plain_answer` does the same by
the public API alone. `Handler` is a connection with a deadline for headers and a limit to its
number. Each name is used as aiohttp 3.14 has it; `IS_KNOWN` tells whether it is still there, and
without it everything falls back to the public API.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11, RawRequestMessage, StreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict

from bahamut.web.connections import Connections

IS_KNOWN = all(
    hasattr(web.RequestHandler, name)
    for name in ("_drain_helper", "_paused", "_current_request", "_messages", "_request_count")
) and hasattr(web.BaseRequest, "protocol")
IS_SHORT = aiohttp.__version__.startswith("3.14.")
"""Whether requests take the short way, which was written for these versions of aiohttp."""

DECORATED = web.ResponseKey("bahamut.decorated", bool)
"""Marks answers that carry the headers of their CORS policy already."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_LINES: dict[int, str] = {}
_date: tuple[int, str] = (0, "")


def _now() -> str:
    """Return the value of ``Date``, made once a second."""
    global _date
    second = int(time.time())
    if _date[0] != second:
        _date = (second, formatdate(second, usegmt=True))
    return _date[1]


def status_line(status: int) -> str:
    """Return the first line of an answer."""
    line = _LINES.get(status)
    if line is None:
        reason = _REASONS.get(status, "Unknown")
        line = _LINES[status] = f"HTTP/1.1 {status} {reason}\r\nServer: {SERVER_SOFTWARE}\r\nDate: "
    return line


class Answer(web.StreamResponse):
    """An answer whose head is rendered once and leaves with its body in one write.

    For HTTP/1.1 connections that are kept alive; `answer_for` knows when it will do.
    """

    def __init__(self, status: int, pairs: list[tuple[str, str]], body: bytes) -> None:
        # The parent's constructor makes a multi-dictionary that is hardly ever asked for.
        self._status = status
        self._pairs = pairs
        self._bytes = body
        self._sent = False
        self._fields: CIMultiDict[str] | None = None
        self._items: dict[Any, Any] = {}

    @property
    def status(self) -> int:
        return self._status

    @property
    def reason(self) -> str:
        return _REASONS.get(self._status, "")

    @property
    def prepared(self) -> bool:
        return self._sent

    @property
    def keep_alive(self) -> bool:
        return True

    @property
    def body_length(self) -> int:
        return len(self._bytes)

    @property
    def headers(self) -> CIMultiDict[str]:
        """The headers, as somebody's middleware may want to change them."""
        if self._fields is None:
            self._fields = CIMultiDict(self._pairs)
        return self._fields

    def __getitem__(self, key: Any) -> Any:
        return self._items[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[key] = value

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything."""
        if self._sent:
            return
        await request._prepare_hook(self)
        if self.send(request):
            await drained(request.protocol)

    def send(self, request: web.BaseRequest) -> bool:
        """Write everything, and tell whether the client has yet to take what was written.

        Raises:
            ConnectionResetError: there is no client any more.
        """
        self._sent = True
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        pairs = self._pairs if self._fields is None else list(self._fields.items())
        head = "".join([f"\r\n{name}: {value}" for name, value in pairs])
        length = f"\r\nContent-Length: {len(self._bytes)}" if self._status not in (204, 304) else ""
        text = f"{status_line(self._status)}{_now()}{head}{length}\r\n\r\n"
        transport.write(text.encode("utf-8", "replace") + self._bytes)
        return request.protocol._paused

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""

    async def write(self, data: Any) -> None:
        raise RuntimeError("an answer is written at once")


async def drained(protocol: web.RequestHandler, seconds: float = 0.0) -> None:
    """Wait until the client has taken what was written; cut it off after *seconds*, 0 for never.

    The wait is shielded, its end heard: aiohttp shares one future among all who wait.
    """
    waiting = asyncio.ensure_future(protocol._drain_helper())
    waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
    _, pending = await asyncio.wait((waiting,), timeout=seconds or None)
    if pending:
        transport = protocol.transport
        if transport is not None:
            transport.abort()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        raise ConnectionResetError("the client does not read")
    waiting.result()


def plain_answer(status: int, pairs: list[tuple[str, str]], body: bytes) -> web.Response:
    """Return the same answer, by the public API alone."""
    response = web.Response(status=status, body=body or None, headers=CIMultiDict(pairs))
    response[DECORATED] = True
    return response


def answer_for(
    request: web.BaseRequest,
    status: int,
    pairs: list[tuple[str, str]],
    body: bytes,
) -> web.StreamResponse:
    """Return the fastest answer that will do for *request*."""
    if (
        IS_KNOWN
        and request.method != "HEAD"
        and request.keep_alive
        and request.version == HttpVersion11
    ):
        return Answer(status, pairs, body)
    return plain_answer(status, pairs, body)


class Handler(web.RequestHandler):
    """A connection that must send its headers in time, and whose requests take a short way.

    aiohttp serves a connection from a loop of its own, which it wakes for each request and which
    waits for a task of that request. Here a request that came whole, with none before it on its
    way, gets its task at once, and the loop sleeps on. Whatever else comes is the loop's: bodies
    still to be read, pipelined requests, upgrades, malformed requests.
    """

    __slots__ = ("_connections", "_header_timer", "_is_counted", "_serving", "_write_timer")

    def __init__(self, manager: Any, *, connections: Connections, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._connections = connections
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._is_counted = False
        self._serving: asyncio.Task[None] | None = None
        """Serves the request that took the short way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._is_counted = True
        if not self._connections.enter():
            transport.abort()  # type: ignore[attr-defined]
            return
        super().connection_made(transport)
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

    def data_received(self, data: bytes) -> None:
        before, waiter = self._request_count, self._waiter
        if waiter is None or self._payload_parser is not None or not IS_SHORT:
            super().data_received(data)
        else:
            self._waiter = None  # out of sight, so that what is parsed does not wake the loop
            super().data_received(data)
            self._waiter = waiter
            if self._messages and self._serving is None and not waiter.done():
                self._serve_or_wake(waiter)
        if self._request_count != before:
            self._stop_header_timer()
        elif self._current_request is None and not self._messages and not self._upgraded:
            self._start_header_timer()

    def log_exception(self, *args: Any, **kwargs: Any) -> None:
        # What is no HTTP is the client's doing: anyone could fill the log with traces.
        is_of_client = isinstance(kwargs.get("exc_info"), HttpProcessingError)
        (self.logger.debug if is_of_client else self.logger.exception)(*args, **kwargs)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: Any = None, *_: Any
    ) -> web.StreamResponse:
        # What was wrong with it is for the log; the answer is the original's.
        return super().handle_error(request, status, exc, f"{status} {_REASONS.get(status, '')}")

    # --- the short way -----------------------------------------------------------------------

    def _serve_or_wake(self, waiter: asyncio.Future[None]) -> None:
        """Serve what was parsed, or let aiohttp's loop do it."""
        message, payload = self._messages[0]
        if (
            len(self._messages) > 1
            or self._buffer_paused
            or message.__class__ is not RawRequestMessage
            or message.upgrade
            or not payload.is_eof()
        ):
            waiter.set_result(None)
            return
        parser, manager, factory = self._parser, self._manager, self._request_factory
        if parser is None or manager is None or factory is None:  # the connection is gone
            return
        self._messages.clear()
        parser.message_consumed()
        manager.requests_count += 1
        loop, task_of_loop = self._loop, cast("asyncio.Task[None]", self._task_handler)
        request = factory(message, payload, self, StreamWriter(self, loop), task_of_loop)
        self._current_request = request
        self._request_in_progress = True
        task = _started(loop, self._serve(request, self._request_handler))
        if not task.done():
            self._serving = task

    async def _serve(self, request: web.BaseRequest, handler: Any) -> None:
        try:
            response, is_gone = await self._answered(request, handler)
        except ConnectionError:
            self.force_close()
            return
        except Exception:  # noqa: BLE001 - as aiohttp's loop does
            self.log_exception("Unhandled exception")
            self.force_close()
            return
        except BaseException:
            self.force_close()
            raise
        finally:
            self._serving = self._current_request = None
            self._request_in_progress = False
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
            request._task = None  # type: ignore[assignment] # aiohttp's loop cuts it as well
        self._keepalive = bool(response.keep_alive)
        if is_gone or not self._keepalive or self._close or self._force_close:
            self.force_close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive_handle = self._loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _answered(
        self, request: web.BaseRequest, handler: Any
    ) -> tuple[web.StreamResponse, bool]:
        """Answer a request; return the answer, and whether nobody was left to read it."""
        answer: Any
        try:
            response = await handler(request)
        except Exception as error:  # noqa: BLE001 - raised again where aiohttp answers for it
            answer = _raising(error)
        else:
            # What an application answered may be decorated by it; what the door did is complete.
            is_complete = getattr(request, "_match_info", None) is None
            if is_complete and response.__class__ is Answer and not self._logging_enabled:
                try:
                    if response.send(request):
                        await drained(self)
                except ConnectionError:
                    return response, True
                return response, False
            answer = _returning(response)
        begin = self._loop.time() if self._logging_enabled else None
        return await self._handle_request(request, begin, lambda _: answer)

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
        if self._current_request is None and not self._messages:
            self._abort()


async def _raising(error: Exception) -> Any:
    raise error


async def _returning(response: Any) -> Any:
    return response


def _started(loop: asyncio.AbstractEventLoop, coroutine: Any) -> asyncio.Task[None]:
    """Return a task that has begun already, where Python can do that."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(coroutine, loop=loop, eager_start=True)
    return loop.create_task(coroutine)


class _Server(web.Server):
    def __init__(self, *args: Any, connections: Connections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = connections

    def __call__(self) -> web.RequestHandler:
        return Handler(self, loop=self._loop, connections=self._limits, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application on connections that are watched.

    Args:
        app: the application.
        connections: their limits.
        shortcut: gets the handler of the application, returns what is called instead.
        **kwargs: as `web.AppRunner` takes them.
    """

    def __init__(
        self,
        app: web.Application,
        connections: Connections,
        shortcut: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(app, **kwargs)
        self._limits = connections
        self._shortcut = shortcut

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        handler: Any = server.request_handler
        if self._shortcut is not None:
            handler = self._shortcut(handler)
        if not IS_KNOWN:
            server.request_handler = handler
            return server
        return _Server(
            handler,
            request_factory=server.request_factory,
            handler_cancellation=server.handler_cancellation,
            loop=asyncio.get_running_loop(),
            connections=self._limits,
            **server._kwargs,
        )
