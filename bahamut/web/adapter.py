"""aiohttp's requests into plain values, and plain answers into aiohttp's."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, failure, log_failure
from bahamut.config import RestConfig
from bahamut.context import ResponseWriter
from bahamut.elemental.errors import Error
from bahamut.elemental.raw_request import RawRequest
from bahamut.errors import RequestEntityTooLargeError
from bahamut.web.internals import DECORATED

log = get_logger(__name__)


def split_target(target: str) -> tuple[str, str]:
    """Return path and query of a target, as they were sent."""
    path, _, query = target.partition("?")
    return path, query.partition("#")[0] if query else ""


def raw_request(request: web.BaseRequest) -> RawRequest:
    """Return a request in plain values."""
    target = request.raw_path if isinstance(request, web.Request) else str(request.rel_url)
    if target.startswith("/") or target == "*":
        path, query = split_target(target)
    else:
        path, query = request.rel_url.raw_path or "/", request.rel_url.raw_query_string
    transport = request.transport
    tls = transport.get_extra_info("ssl_object") if transport is not None else None
    return RawRequest(
        request.method, path, query, request.headers, request.remote or "", tls=tls, native=request
    )


async def read_body(content: Any, headers: Any, config: RestConfig) -> bytes:
    """Return the body of a request.

    Args:
        content: aiohttp's stream of it.
        headers: of the request.
        config: limits its size and its time.

    Raises:
        RequestEntityTooLargeError: it exceeds the limit; nothing of it is kept.
        Error: it is malformed, or does not come in time.
    """
    limit = config.max_body_size
    try:
        if content.is_eof():  # all of it is here already: nothing to wait for
            whole: bytes = content.read_nowait()
            if len(whole) > limit:
                raise RequestEntityTooLargeError(limit)
            return whole
        if int(headers.get("Content-Length", 0)) > limit:
            raise RequestEntityTooLargeError(limit)
        if not config.timeouts.read:
            return await _bounded(content, limit)
        async with asyncio.timeout(config.timeouts.read):
            return await _bounded(content, limit)
    except ConnectionError:  # nobody is there to read the answer; it is no fault of the server
        raise Error("Client Closed Request", "The client has gone", "bahamut", 499) from None
    except TimeoutError:
        raise _unreadable("it did not come in time", 408) from None
    except (ClientPayloadError, HttpProcessingError, web.PayloadAccessError) as error:
        raise _unreadable(str(error), 400) from None


async def _bounded(content: Any, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk = await content.readany()
        if not chunk:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        size += len(chunk)
        if size > limit:
            raise RequestEntityTooLargeError(limit)
        chunks.append(chunk)


def _unreadable(why: str, code: int) -> Error:
    title = "Bad Request" if code == 400 else "Request Timeout"
    return Error(title, f"Unable to read body of request: {why}", "elemental", code)


class Stream:
    """What hand-written answers are written to: the head leaves with the first bytes."""

    def __init__(self, request: web.BaseRequest, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self._request = request
        self._response: web.StreamResponse | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the head has left."""
        return self._response is not None

    async def write(self, data: bytes) -> None:
        """Send *data*."""
        response = await self._begun()
        await response.write(data)

    async def _begun(self) -> web.StreamResponse:
        if self._response is None:
            self.headers.setdefault("Content-Type", "text/plain; charset=utf-8")
            self._response = web.StreamResponse(status=self.status, headers=self.headers)
            self._response[DECORATED] = True
            await self._response.prepare(self._request)
        return self._response

    async def end(self) -> web.StreamResponse:
        """Send the head, if nothing was written, and return the answer."""
        if self._response is None:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "content-type"}
            response = web.Response(status=self.status, headers=headers)
            response[DECORATED] = True
            return response
        await self._response.write_eof()
        return self._response


async def write_by_hand(
    request: web.BaseRequest, writer: ResponseWriter, headers: dict[str, str]
) -> web.StreamResponse:
    """Let a response writer answer; what it raises before it wrote anything is a 500."""
    stream = Stream(request, 200, headers)
    try:
        await writer(stream)
    except FAILURES as raised:
        error = failure(raised)
        if stream.has_begun:
            raise error from error.__cause__
        log_failure(log, error, "A response writer failed")
        return web.Response(status=500)
    return await stream.end()
