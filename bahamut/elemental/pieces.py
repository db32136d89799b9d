"""Lists of objects encoded piece by piece, so that a long one does not have to be one call."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from bahamut._kit.turns import is_large
from bahamut.elemental.encoding import MSGPACK
from bahamut.elemental.model import Model

LARGE = 4096
"""Weight (`is_large`) beyond which work on a value belongs into the worker thread."""
FLAT_PIECE = 25
"""Objects of one piece when nothing of them can be nested: their encoding is fast."""
_FLAT = frozenset(("string", "enum", "integer", "float", "boolean", "time"))
_MANY = 1000
_nested: dict[type[Model], tuple[str, ...]] = {}
FLAT_MODELS: set[type] = set()
"""Classes seen so far whose objects are fast to encode: they hold no nested values (`is_slow`)."""


def nested_attributes(model: type[Model]) -> tuple[str, ...]:
    """Return the wire names of the attributes whose values can be slow to encode."""
    found = _nested.get(model)
    if found is None:
        found = _nested[model] = tuple(
            spec.wire
            for spec in model.ATTRIBUTES
            if spec.type not in _FLAT
            and not (spec.type == "list" and spec.subtype in _FLAT - {"time"})
        )
        if not found:
            FLAT_MODELS.add(model)
    return found


def is_slow(value: Any) -> bool:
    """Return whether encoding, copying or comparing *value* can take long.

    Of an object only attributes that can be nested are looked at: the others are fast at any size
    that a body may have.

    Args:
        value: an object or any other value.
    """
    model = value.__class__
    nested = _nested.get(model)
    if nested is None:
        if not isinstance(value, Model):
            return is_large(value, LARGE)
        nested = nested_attributes(model)
    return bool(nested) and is_large([value.__dict__.get(name) for name in nested], LARGE)


def pieces_of(items: list[Any]) -> Iterator[tuple[list[Any], bool]]:
    """Yield pieces of a list of objects, and whether a piece is better encoded in a thread."""
    nested = nested_attributes(type(items[0]))
    if not nested:
        for begin in range(0, len(items), FLAT_PIECE):
            yield items[begin : begin + FLAT_PIECE], False
        return
    for item in items:
        values = item.__dict__ if isinstance(item, Model) else {}
        yield [item], any(_is_long(values.get(wire)) for wire in nested)


def _is_long(value: Any) -> bool:
    """Return whether a value holds many others at its first level."""
    return value.__class__ in (list, dict) and len(value) > _MANY


def joined(encoding: str, pieces: list[bytes], count: int) -> bytes:
    """Return the encoded list whose encoded parts are *pieces*.

    Args:
        encoding: a media type; an unknown one is JSON, as for `encode`.
        pieces: encoded lists, none of them empty.
        count: how many items they hold together.
    """
    if encoding != MSGPACK:
        return b"[%b]" % b",".join([piece[1:-1] for piece in pieces])
    inside = [piece[1:] if piece[0] < 0xA0 else piece[3:] for piece in pieces]  # no piece is longer
    return b"".join((_list_head(count), *inside))


def _list_head(count: int) -> bytes:
    if count < 16:
        return bytes((0x90 | count,))
    return struct.pack(">BH", 0xDC, count) if count < 1 << 16 else struct.pack(">BI", 0xDD, count)
