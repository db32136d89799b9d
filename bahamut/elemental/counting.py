"""How many values an encoded body holds, found out before it is decoded.

A value is a text, a number, a boolean, a null, a list or an object, wherever it stands, the
outermost one included; times, binary data and extensions of MessagePack are values too. The keys
of objects are not. `[{"a": 1}, []]` holds four.
"""

from __future__ import annotations

from bahamut.elemental.encoding import MSGPACK

_SPACES = b" \t\r\n"


def holds_more(encoding: str, data: bytes, limit: int) -> bool:
    """Return whether *data* hold more than *limit* values; 0 stands for no limit.

    The work is linear in the size of JSON, and in *limit* for MessagePack. Of data that are
    malformed either answer may be given: the decoder refuses them.
    """
    if not limit or len(data) <= limit:  # a value takes a byte at least
        return False
    if encoding == MSGPACK:
        return _msgpack_holds_more(data, limit)
    return _at_most(data) > limit and _json_holds_more(data, limit)


def _at_most(data: bytes) -> int:
    """Return a number that the values of a JSON text do not exceed, separators in texts counted."""
    return 1 + data.count(b",") + data.count(b"[") + data.count(b"{")


def _json_holds_more(data: bytes, limit: int) -> bool:
    """Count separators outside texts. Each step is one call of a method of bytes."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Each value has at most one key, so there are at most two texts for each.
    if data.count(b'"') > 4 * limit:
        return True
    outside = b'"'.join(data.split(b'"')[::2]).translate(None, _SPACES)
    return _at_most(outside) - outside.count(b"[]") - outside.count(b"{}") > limit


def _heads() -> tuple[list[int], list[int]]:
    """Return, by the first byte of a value: how many bytes state its length, and how many follow.

    Of what has a stated length, only the bytes besides it are counted as following.
    """
    stated, following = [0] * 256, [0] * 256
    for first in range(0xA0, 0xC0):
        following[first] = first & 31
    for first, size in ((0xC4, 1), (0xC5, 2), (0xC6, 4), (0xD9, 1), (0xDA, 2), (0xDB, 4)):
        stated[first] = size
    for first, size in ((0xC7, 1), (0xC8, 2), (0xC9, 4)):
        stated[first], following[first] = size, 1
    for first, size in ((0xDC, 2), (0xDD, 4), (0xDE, 2), (0xDF, 4)):
        stated[first] = size
    for first, sizes in (
        (0xCA, (4, 8, 1, 2, 4, 8)),
        (0xD0, (1, 2, 4, 8)),
        (0xD4, (2, 3, 5, 9, 17)),
    ):
        following[first : first + len(sizes)] = sizes
    return stated, following


_STATED, _FOLLOWING = _heads()
_LISTS, _MAPPINGS = (0xDC, 0xDD), (0xDE, 0xDF)


def _msgpack_holds_more(data: bytes, limit: int) -> bool:
    """Read the head of each value and add up what lists and mappings say that they hold."""
    at, end, expected, values = 0, len(data), 1, 1
    while expected and at < end and values <= limit:
        first = data[at]
        at += 1
        expected -= 1
        if first < 0x80 or first >= 0xE0:
            continue
        if first < 0xA0:
            values += first & 15
            expected += first & 15 if first >= 0x90 else 2 * (first & 15)
            continue
        size = _STATED[first]
        if not size:
            at += _FOLLOWING[first]
            continue
        length = int.from_bytes(data[at : at + size], "big")
        at += size + _FOLLOWING[first]
        if first in _LISTS or first in _MAPPINGS:
            values += length
            expected += length if first in _LISTS else 2 * length
        else:
            at += length
    return values > limit
