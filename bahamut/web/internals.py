"""What leans on names that aiohttp does not promise, all of it in this file and `connection`.

`Answer` writes head and body at once, straight to the transport; `plain_answer` does the same by
the public API alone. Each name is used as aiohttp 3.14 has it; `IS_KNOWN` tells whether it is still
there, and without it everything falls back to the public API.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11
from multidict import CIMultiDict

from bahamut.elemental.response import RawResponse

IS_KNOWN = all(
    hasattr(web.RequestHandler, name)
    for name in (
        "_current_request",
        "_drain_helper",
        "_messages",
        "_paused",
        "_reading_paused",
        "_request_count",
    )
) and hasattr(web.BaseRequest, "protocol")
IS_SHORT = aiohttp.__version__.startswith("3.14.")
"""Whether requests take the short way, which was written for these versions of aiohttp."""

DECORATED = web.ResponseKey("bahamut.decorated", bool)
"""Marks answers that carry the headers of their CORS policy already."""

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODILESS = frozenset((204, 304))
_begin: dict[int, bytes] = {}
"""By status, how an answer begins in this second."""
_blocks: dict[tuple[tuple[str, str], ...], bytes] = {}
"""Headers as they were written before: most answers have the same."""
_REMEMBERED, _LARGEST = 256, 2048
"""Blocks, and bytes of each: clients have their say in headers."""
_LARGE = 8192
"""Bytes of a body that is not copied behind its head."""
_MAY_WRITE_LINES = not (
    (3, 12) <= sys.version_info < (3, 12, 9) or (3, 13) <= sys.version_info < (3, 13, 2)
)
"""Whether asyncio's `writelines` heeds slow clients (CVE-2024-12254)."""
_second = 0


def reason(status: int) -> str:
    """Return the words that stand behind a status, none for one that has none."""
    return _REASONS.get(status, "")


def _beginning(status: int) -> bytes:
    """Return the status line, ``Server`` and ``Date``."""
    global _second
    second = int(time.time())
    if second != _second:
        _begin.clear()
        _second = second
    found = _begin.get(status)
    if found is None:
        line = f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}"
        date = formatdate(second, usegmt=True)
        text = f"{line}\r\nServer: {SERVER_SOFTWARE}\r\nDate: {date}\r\n"
        found = _begin[status] = text.encode()
    return found


def _block(pairs: tuple[tuple[str, str], ...]) -> bytes:
    """Return the lines of some headers."""
    found = _blocks.get(pairs)
    if found is None:
        lines = "".join([f"{name}: {value}\r\n" for name, value in pairs])
        found = lines.encode("utf-8", "replace")
        if len(found) <= _LARGEST:
            if len(_blocks) >= _REMEMBERED:
                _blocks.clear()
            _blocks[pairs] = found
    return found


def send(
    transport: asyncio.WriteTransport, status: int, pairs: Iterable[tuple[str, str]], body: bytes
) -> None:
    """Write head and body of an answer over HTTP/1.1, all that there is to write."""
    begin, block = _beginning(status), _block(tuple(pairs))
    if status in _BODILESS:
        transport.write(b"".join((begin, block, b"\r\n")))
        return
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    if len(body) < _LARGE or not _MAY_WRITE_LINES:
        transport.write(b"".join((begin, block, length, body)))
    else:  # not worth a copy
        transport.writelines((b"".join((begin, block, length)), body))


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
        return reason(self._status)

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
        pairs = self._pairs if self._fields is None else self._fields.items()
        send(transport, self._status, pairs, self._bytes)
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
        waiting.cancel()
        try:
            await asyncio.gather(waiting, return_exceptions=True)
        finally:
            # Last, or the end of the connection cancels who is about to be told.
            if protocol.transport is not None:
                protocol.transport.abort()
        raise ConnectionResetError("the client does not read")
    waiting.result()


def plain_answer(status: int, pairs: Iterable[tuple[str, str]], body: bytes) -> web.Response:
    """Return the same answer, by the public API alone."""
    body = b"" if status in _BODILESS else body
    response = web.Response(status=status, body=body or None, headers=CIMultiDict(pairs))
    response[DECORATED] = True
    return response


def answer_for(request: web.BaseRequest, given: RawResponse) -> web.StreamResponse:
    """Return the fastest answer that will do for *request*."""
    if (
        IS_KNOWN
        and request.method != "HEAD"
        and request.keep_alive
        and request.version == HttpVersion11
    ):
        return Answer(given.status, given.headers, given.body)
    return plain_answer(given.status, given.headers, given.body)
