"""A client of the websocket that reads when it is told to, and not before."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SMALL = 4096
NO_CHANGE = bytes(4)
"""A mask."""


class RawWebsocket:
    """One connection, which takes in little while nobody reads from it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(
        cls, port: int, *, target: str = "/events", accept: str = "", content: str = ""
    ) -> RawWebsocket:
        sock = sockets.socket()
        sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, SMALL)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=SMALL)
        accepting = f"Accept: {accept}\r\n" if accept else ""
        sending = f"Content-Type: {content}\r\n" if content else ""
        writer.write(
            f"GET {target} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"{accepting}{sending}Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in head, head
        return cls(reader, writer)

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        size, first = len(payload), opcode | (0x80 if fin else 0)
        if size < 126:
            head = bytes((first, 0x80 | size))
        elif size < 1 << 16:
            head = struct.pack("!BBH", first, 0xFE, size)
        else:
            head = struct.pack("!BBQ", first, 0xFF, size)
        self.write(head + NO_CHANGE + payload)

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def drained(self) -> None:
        """Wait until what was sent has left."""
        await self._writer.drain()

    async def frame(self) -> tuple[int, bytes]:
        """Return opcode and payload of the next frame."""
        first, length = await self._reader.readexactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 15, await self._reader.readexactly(length)

    async def until_pong(self, token: bytes) -> list[tuple[int, bytes]]:
        """Return what comes before the answer to a ping."""
        self.send(PING, token)
        found = []
        while (frame := await self.frame()) != (PONG, token):
            found.append(frame)
        return found

    async def until_close(self) -> tuple[list[tuple[int, bytes]], int]:
        """Return what comes before the end, and the code of the close frame."""
        found = []
        while (frame := await self.frame())[0] != CLOSE:
            found.append(frame)
        return found, struct.unpack("!H", frame[1][:2])[0]

    def leave(self) -> None:
        self._writer.transport.abort()
