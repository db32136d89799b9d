"""`MaskedFrames`: refuses unmasked client frames (decision X42) and endless fragments."""

from __future__ import annotations

from typing import Any

MAX_FRAGMENTS = 100_000
"""Frames that one message may come in."""
_REFUSED = b"\xf0\x80"
"""The head of a frame with reserved bits."""


class MaskedFrames:
    """Wraps aiohttp's frame reader, which accepts unmasked frames and any number of fragments.

    In place of such a frame the reader is fed an invalid one, which it refuses with 1002.

    Args:
        reader: is fed what may pass.
    """

    __slots__ = ("_fragments", "_head", "_left", "_reader")

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._fragments = 0
        """Frames of the message that is not whole."""
        self._head = b""
        self._left = 0
        """How much of the frame is still to come."""

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Hand the reader what has come, up to a head that is not whole."""
        data, at = self._head + data, self._left
        self._head = b""
        while at + 2 <= len(data):
            if not data[at + 1] & 0x80 or not self._is_bounded(data[at]):
                return self._fed(data[:at] + _REFUSED)
            length = data[at + 1] & 0x7F
            begin = at + 2 + {126: 2, 127: 8}.get(length, 0)
            if begin > len(data):
                break
            if begin > at + 2:
                length = int.from_bytes(data[at + 2 : begin], "big")
            at = begin + 4 + length
        if at < len(data):
            data, self._head = data[:at], data[at:]
        self._left = at - len(data)
        return self._fed(data)

    def _is_bounded(self, first: int) -> bool:
        """Count the fragments of a message; return whether they are still few enough."""
        if first & 0x80:  # the last one, or a control frame, which may come between fragments
            self._fragments = 0 if first & 0x08 == 0 else self._fragments
        else:
            self._fragments += 1
        return self._fragments <= MAX_FRAGMENTS

    def _fed(self, data: bytes) -> tuple[bool, bytes]:
        found: tuple[bool, bytes] = self._reader.feed_data(data)
        return found

    def feed_eof(self) -> None:
        """Nothing more comes."""
        self._reader.feed_eof()
