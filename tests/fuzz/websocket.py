"""A blocking client of the websocket, which can send what no good client sends."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Frame(NamedTuple):
    opcode: int
    payload: bytes

    @property
    def code(self) -> int:
        """Return the code of a close frame, 0 without one."""
        return int(struct.unpack("!H", self.payload[:2])[0]) if len(self.payload) > 1 else 0


class ClosedError(Exception):
    """The server has ended the connection; `code` is that of its close frame, 0 without one."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


def packed_frame(opcode: int, payload: bytes = b"", first: int = 0x80, mask: int = 0x80) -> bytes:
    """Return a frame, by default a final one with a mask that changes nothing.

    Args:
        opcode: of the frame.
        payload: as it is sent.
        first: the bits beside the opcode: 0x80 for final, 0x70 for the reserved ones.
        mask: 0x80 for a masked frame, else 0.
    """
    size = len(payload)
    if size < 126:
        head = bytes((first | opcode, mask | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", first | opcode, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first | opcode, mask | 127, size)
    return head + (bytes(4) if mask else b"") + payload


class Websocket:
    """One session of a server on this machine.

    Args:
        port: of the server.
        reads: the encoding that it sends.
        writes: the encoding that it wants to get.
        query: of the handshake, with its question mark.
    """

    def __init__(self, port: int, reads: str, writes: str, query: str = "") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.send(
            f"GET /events{query} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nAccept: {writes}\r\nContent-Type: {reads}\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        self._waiting = b""
        while b"\r\n\r\n" not in self._waiting:
            self._read()
        head, _, self._waiting = self._waiting.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101"), head

    def send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except ConnectionError:
            raise ClosedError from None

    def _read(self) -> None:
        try:
            chunk = self._socket.recv(1 << 16)
        except ConnectionError:
            chunk = b""
        if not chunk:
            raise ClosedError
        self._waiting += chunk

    def _take(self, count: int) -> bytes:
        while len(self._waiting) < count:
            self._read()
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        return found

    def frame(self) -> Frame:
        """Return the next frame; a ping is answered, too.

        Raises:
            ClosedError: there is none, because the session has ended.
            TimeoutError: nothing has come for ten seconds.
        """
        first, size = self._take(2)
        if size == 126:
            (size,) = struct.unpack("!H", self._take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self._take(8))
        found = Frame(first & 15, self._take(size))
        if found.opcode == CLOSE:
            raise ClosedError(found.code)
        if found.opcode == PING:
            self.send(packed_frame(PONG, found.payload))
        return found

    def until_pong(self, token: bytes) -> list[Frame]:
        """Return what comes before the answer to a ping; raises as `frame` does."""
        self.send(packed_frame(PING, token))
        found = []
        while (frame := self.frame()) != (PONG, token):
            found.append(frame)
        return found

    def until_end(self) -> int:
        """Send nothing more, read until the server has ended the session, return its code."""
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while True:
                self.frame()
        except ClosedError as closed:
            return closed.code
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            return 0

    def close(self) -> None:
        self._socket.close()
