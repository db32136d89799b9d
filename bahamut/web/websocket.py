"""A websocket whose frames are built once, for all who get them, and go straight to the transport.

While the client takes what it is given, writing is a plain call. The names that this leans on are
those of `bahamut.web.internals`; without them every frame goes through aiohttp's own writer.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable
from typing import Any, NamedTuple

from aiohttp import WSMsgType, web

from bahamut.elemental.errors import Error
from bahamut.web import internals

VERSION = "13"
CLOSE_WITHIN = 1.0
"""Seconds for which the client may take to answer our close frame."""
_TEXT, _BINARY = 0x81, 0x82
PING = b"\x89\x00"
"""A whole frame."""


class Frame(NamedTuple):
    """One message to clients: its payload, and the bytes that carry it."""

    payload: bytes
    is_binary: bool
    data: bytes

    @classmethod
    def of(cls, payload: bytes, *, is_binary: bool) -> Frame:
        """Return the frame of a payload."""
        return cls(payload, is_binary, _framed(_BINARY if is_binary else _TEXT, payload))


def _framed(first: int, payload: bytes) -> bytes:
    """Return an unmasked, final frame (RFC 6455, 5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", first, 126, length) + payload
    return struct.pack("!BBQ", first, 127, length) + payload


class Socket:
    """One websocket of the server's side.

    Args:
        max_message: bytes of the largest message that clients may send; a larger one closes 1009.
    """

    __slots__ = ("_protocol", "_transport", "_ws", "heard", "is_over")

    def __init__(self, max_message: int) -> None:
        self._ws = web.WebSocketResponse(
            timeout=CLOSE_WITHIN,
            autoclose=False,
            autoping=False,
            compress=False,
            max_msg_size=max_message + 1,  # aiohttp refuses what is as large as that
            decode_text=False,
        )
        self._protocol: Any = None
        self._transport: Any = None
        self.is_over = False
        """Whether nothing can be written any more."""
        self.heard = 0.0
        """When the client last showed that it is there, by the clock of the loop."""

    def check(self, request: web.Request) -> None:
        """Check that a request is a websocket handshake.

        Raises:
            Error: it is not: 400.
        """
        is_valid = request.headers.get("Sec-WebSocket-Version") == VERSION
        try:
            is_valid = is_valid and self._ws.can_prepare(request).ok
        except ValueError:  # aiohttp cannot read a key or a header that is not ASCII
            is_valid = False
        if not is_valid:
            raise Error("Bad Request", "Not a websocket handshake", "bahamut", 400)

    async def open(self, request: web.Request) -> web.WebSocketResponse:
        """Answer the handshake.

        Raises:
            web.HTTPException: it is none.
            ConnectionError: there is nobody to answer.
        """
        self._protocol, self._transport = request.protocol, request.transport
        if self._transport is None:
            raise ConnectionResetError("the client has gone")
        await self._ws.prepare(request)
        return self._ws

    def write_if_ready(self, data: bytes) -> bool:
        """Hand frames to the transport unless something waits there; tell whether that was so."""
        if not internals.IS_KNOWN or self._protocol._paused:
            return False
        if data:
            self._transport.write(data)
        return True

    def write(self, data: bytes) -> None:
        """Hand frames to the transport, whatever waits there already."""
        if not self.is_over:
            self._transport.write(data)

    async def send(self, frames: list[Frame], deadline: float) -> None:
        """Write frames and wait until the client has taken them.

        Args:
            frames: in their order.
            deadline: seconds after which the connection is cut off, 0 for never.

        Raises:
            ConnectionError: the client is gone, or was cut off.
        """
        if internals.IS_KNOWN:
            self.write(b"".join([frame.data for frame in frames]))
            await internals.drained(self._protocol, deadline)
            return
        try:
            async with asyncio.timeout(deadline or None):
                for frame in frames:
                    kind = WSMsgType.BINARY if frame.is_binary else WSMsgType.TEXT
                    await self._ws.send_frame(frame.payload, kind)
        except TimeoutError:
            self.abort()
            raise ConnectionResetError("the client does not read") from None

    async def pong(self, payload: bytes) -> None:
        """Answer a ping.

        Raises:
            ConnectionError: there is nobody to answer.
        """
        await self._ws.pong(payload)

    def receive(self) -> Awaitable[tuple[WSMsgType, Any, str | None]]:
        """Return what waits for the next message: its kind, data and extra."""
        return self._ws.receive()

    async def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, and wait a moment for the client to do so."""
        self.is_over = True
        try:
            await self._ws.close(code=code, message=reason.encode()[:123])
        finally:
            self._abort_soon()

    def hang_up(self) -> None:
        """End the connection without a close frame, when what was written has left."""
        self.is_over = True
        self._transport.close()
        self._abort_soon()

    def _abort_soon(self) -> None:
        # What a client does not read keeps a transport that is closed open for ever.
        asyncio.get_running_loop().call_later(CLOSE_WITHIN, self._transport.abort)

    def abort(self) -> None:
        """Cut the connection off, whatever waits to be written."""
        self.is_over = True
        self._transport.abort()
