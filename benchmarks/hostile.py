"""What an attacker does with a server: raw requests and raw websockets, on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator

HANDSHAKE = (
    b"GET /events%b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Accept: application/json\r\nContent-Type: %b\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
JSON, MSGPACK = "application/json", "application/msgpack"


def request(
    method: str, target: str, body: bytes = b"", kind: str = JSON, headers: tuple[str, ...] = ()
) -> bytes:
    """Return a request as it goes over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
    lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def frame(opcode: int, payload: bytes = b"") -> bytes:
    """Return a client's frame, with a mask that changes nothing."""
    size = len(payload)
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0xFE, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0xFF, size)
    return head + bytes(4) + payload


async def exchange(port: int, data: bytes) -> str:
    """Send a request and return the status of its answer, and its size if it is large."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].split(b"\r\n")[0]
        size = int(length or 0)
        await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return "closed"
    finally:
        writer.transport.abort()
    status = head.split(b" ", 2)[1].decode()
    return f"{status}, {size / 1e6:.1f} MB" if size > 100_000 else status


class Session:
    """A websocket of which only the number of events and the end are looked at."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.events = self.bytes = 0
        self.answer = ""
        """Why there is no session, empty if there is one."""

    @classmethod
    async def open(cls, port: int, kind: str = JSON, query: str = "") -> Session:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        session = cls(reader, writer)
        writer.write(HANDSHAKE % (query.encode(), kind.encode()))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            session.answer = "closed"
            return session
        status = head.split(b" ", 2)[1].decode()
        session.answer = "" if status == "101" else status
        return session

    def send(self, opcode: int, payload: bytes = b"") -> None:
        self.writer.write(frame(opcode, payload))

    async def outcome(self) -> str:
        """Return the close code, or ``served`` when a ping is answered after all that was sent."""
        if self.answer:
            return self.answer
        self.send(PING, b"last")
        try:
            while True:
                opcode, payload = await self._frame()
                if opcode == CLOSE:
                    return str(struct.unpack("!H", payload[:2])[0]) if payload else "closed"
                if (opcode, payload) == (PONG, b"last"):
                    return "served"
                self.events += opcode in (TEXT, BINARY)
        except (asyncio.IncompleteReadError, ConnectionError):
            return "closed"

    async def _frame(self) -> tuple[int, bytes]:
        first, size = await self.reader.readexactly(2)
        if size == 126:
            (size,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first & 15, await self.reader.readexactly(size)


@contextlib.asynccontextmanager
async def sessions(
    port: int, count: int, kind: str = JSON, query: str = ""
) -> AsyncIterator[list[Session]]:
    """Open sessions, all at once, and hang up at the end of the block."""
    found: list[Session] = []
    try:
        opening = (Session.open(port, kind, query) for _ in range(count))
        found += await asyncio.gather(*opening)
        yield found
    finally:
        for session in found:
            session.writer.transport.abort()


def counted(answers: list[str]) -> str:
    """Return what was answered, each with how often: ``101 x12, 429 x3``."""
    found = {answer: answers.count(answer) for answer in sorted(set(answers))}
    return ", ".join(f"{answer} x{n}" if n > 1 else answer for answer, n in found.items())
