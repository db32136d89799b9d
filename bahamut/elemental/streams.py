"""Streams of objects: one encoded value behind the other, nothing between them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgpack

from bahamut.elemental.encoding import (
    JSON,
    MSGPACK,
    decode_wire,
    detail_of,
    encode,
    undecodable,
    update_from,
)
from bahamut.elemental.model import DecodeError, Model

MAX_VALUE = 4 * 1024 * 1024
"""Bytes that one value of a stream may have."""
_CHUNK = 64 * 1024

_NO_SPACE = re.compile(rb"[^ \t\r\n]")
_IN_TEXT = re.compile(rb'["\\]')
_OUT_OF_TEXT = re.compile(rb'["{}\[\]]')


class Writable(Protocol):
    """What a stream is written to."""

    def write(self, data: bytes, /) -> Any:
        """Write *data*."""
        ...


class Readable(Protocol):
    """What a stream is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most *size* bytes, none at the end."""
        ...


def make_stream_encoder(
    encoding: str, stream: Writable
) -> tuple[Callable[[Any], None], Callable[[], None]]:
    """Return a function that writes values one behind the other, and one that ends its use.

    Go: MakeStreamEncoder.

    Args:
        encoding: a media type, as for `encode`.
        stream: is written to, and not closed.

    Raises:
        ValueError: by the first function: there is no value, or the second was called.
        TypeError: by the first function: the value cannot be encoded.
    """
    target: Writable | None = stream

    def write(value: Any) -> None:
        if target is None:
            raise ValueError("the stream encoder is disposed of")
        target.write(encode(encoding, value))

    def dispose() -> None:
        nonlocal target
        target = None

    return write, dispose


def make_stream_decoder(
    encoding: str, stream: Readable, *, max_value: int = MAX_VALUE
) -> tuple[Callable[[Model], None], Callable[[], None]]:
    """Return a function that decodes the next object, and one that ends its use.

    Go: MakeStreamDecoder.

    Args:
        encoding: a media type, as for `decode_into`.
        stream: is read from, and not closed; bytes behind an object may have been read already.
        max_value: bytes that one object may have.

    Raises:
        EOFError: by the first function: the stream has ended behind a whole object.
        DecodeError: by the first function: there is no object, or one that is cut short, too large
            or not of the target's type. After the last the next object can be read, after the
            others nothing.
        ValueError: by the first function: the second was called.
    """
    read = _msgpack_values if encoding == MSGPACK else _json_values
    values: Iterator[Any] | None = read(stream, max_value)
    failure: DecodeError | None = None

    def decode_next(target: Model) -> None:
        nonlocal failure
        if values is None:
            raise ValueError("the stream decoder is disposed of")
        try:
            value = next(values)
        except StopIteration:
            raise failure or EOFError from None
        except DecodeError as error:
            failure = error
            raise
        update_from(encoding, value, target)

    def dispose() -> None:
        nonlocal values
        values = None

    return decode_next, dispose


def _msgpack_values(stream: Readable, max_value: int) -> Iterator[Any]:
    unpacker = msgpack.Unpacker(
        timestamp=0, strict_map_key=True, max_buffer_size=max_value + 2 * _CHUNK
    )
    given = taken = 0
    while chunk := stream.read(_CHUNK):
        given += len(chunk)
        unpacker.feed(chunk)
        while True:
            try:
                value = unpacker.unpack()
            except msgpack.OutOfData:
                break
            except (ValueError, TypeError, msgpack.UnpackException) as error:
                raise undecodable(MSGPACK, detail_of(error)) from None
            taken = unpacker.tell()
            yield value
        if given - taken > max_value:
            raise undecodable(MSGPACK, f"a value exceeds {max_value} bytes")
    if taken != given:
        raise undecodable(MSGPACK, "the stream ends inside a value")


def _json_values(stream: Readable, max_value: int) -> Iterator[Any]:
    buffer, scanner = bytearray(), _ObjectScanner()
    while chunk := stream.read(_CHUNK):
        buffer += chunk
        while found := _NO_SPACE.search(buffer):
            if found[0] != b"{":
                raise undecodable(JSON, "the value must be an object")
            del buffer[: found.start()]
            end = scanner.end(buffer)
            if not end:
                break
            text = bytes(buffer[:end])
            del buffer[:end]
            yield decode_wire(JSON, text)
        if len(buffer) > max_value:
            raise undecodable(JSON, f"a value exceeds {max_value} bytes")
    if _NO_SPACE.search(buffer):
        raise undecodable(JSON, "the stream ends inside a value")


class _ObjectScanner:
    """Finds the end of a JSON object that comes in pieces; no byte is looked at twice."""

    def __init__(self) -> None:
        self._at = 0
        self._depth = 0
        self._in_text = False

    def end(self, buffer: bytearray) -> int:
        """Return where the object that *buffer* begins with ends, 0 while it does not."""
        while found := (_IN_TEXT if self._in_text else _OUT_OF_TEXT).search(buffer, self._at):
            self._at = found.end()
            mark = found[0]
            if mark == b"\\":
                self._at += 1
            elif mark == b'"':
                self._in_text = not self._in_text
            else:
                self._depth += 1 if mark in b"{[" else -1
                if not self._depth:
                    end, self._at = self._at, 0
                    return end
        self._at = max(self._at, len(buffer))
        return 0
