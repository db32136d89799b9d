"""MessagePack unpacked in slices, so that large data do not keep other threads waiting."""

from __future__ import annotations

from typing import Any

import msgpack

SLICE = 64 * 1024
"""Bytes that are unpacked by one call, which holds the GIL."""


def unpacked(data: bytes) -> Any:
    """Return the one value that *data* hold, as `msgpack.unpackb` does.

    Raises:
        Exception: what `msgpack.unpackb` raises.
    """
    return msgpack.unpackb(data) if len(data) <= SLICE else _unpacked_in_slices(data)


def _unpacked_in_slices(data: bytes) -> Any:
    """Return what `msgpack.unpackb` does. Other threads can run between the slices."""
    unpacker = msgpack.Unpacker(max_buffer_size=len(data), strict_map_key=True)
    for begin in range(0, len(data), SLICE):
        unpacker.feed(data[begin : begin + SLICE])
        try:
            value = unpacker.unpack()
        except msgpack.OutOfData:
            continue
        except (ValueError, TypeError, msgpack.UnpackException, RecursionError):
            break
        if unpacker.tell() == len(data):
            return value
        break
    return msgpack.unpackb(data)  # raises the error that names what is wrong
