"""How many values a body holds: exact for both encodings, and bounded work (case L3)."""

from __future__ import annotations

import random
from typing import Any

import msgpack
import orjson
import pytest
from bahamut.elemental import counting, unpacking
from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import JSON, MSGPACK, decode_wire
from bahamut.elemental.model import DecodeError

ODD = ("", "a,b[]{}:", '"', '\\"', "\\", '\\\\",[', "é" * 40, "x" * 300, "y" * 70_000)


def counted(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + sum(map(counted, value)) if isinstance(value, list) else 1


def made(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(9 if depth < 5 else 6)
    if kind < 2:
        return chance.choice([0, -5, 300, 70_000, 2**40, -(2**40), 1.5, True, None, -100, -40_000])
    if kind < 6:
        return chance.choice(ODD[:-1] if depth else ODD)
    count = chance.choice((0, 1, 3, 17, 40) if depth < 3 else (0, 2))
    if kind == 6:
        return {chance.choice(ODD[:6]) + str(i): made(chance, depth + 1) for i in range(count)}
    return [made(chance, depth + 1) for _ in range(count)]


@pytest.mark.parametrize("seed", range(40))
def test_l3_both_encodings_count_the_same_values_exactly(seed):
    chance = random.Random(seed)
    for _ in range(20):
        value = made(chance)
        count = counted(value)
        indented = orjson.dumps(value, option=orjson.OPT_INDENT_2)
        assert not counting._json_holds_more(indented, count)
        assert not counting._json_holds_more(orjson.dumps(value), count)
        assert not counting._msgpack_holds_more(msgpack.packb(value), count)
        if count > 1:
            assert counting._json_holds_more(indented, count - 1)
            assert counting._json_holds_more(orjson.dumps(value), count - 1)
            assert counting._msgpack_holds_more(msgpack.packb(value), count - 1)


@pytest.mark.parametrize(
    "text", [b"," * 500_000, b"[{" * 200_000, b'\\"' * 200_000 + b"," * 200_000, b"\\\\," * 200_000]
)
def test_l3_separators_inside_a_text_are_no_values(text):
    assert not holds_more(JSON, b'{"text":"' + text + b'"}', 100_000)


class Watched(bytes):
    """Counts the bytes that are looked at one by one."""

    looked_at = 0

    def __getitem__(self, at: Any) -> Any:
        Watched.looked_at += 1
        return super().__getitem__(at)


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff" + b"\x90" * 400_000,
        b"\x91" * 400_000,
        b"\xdf\x00\x05\x00\x00" + b"\xa1k\x01" * 0x50000,
        b"\x9f" * 400_000,
        b"\xdc\x01\x00" * 100_000,
    ],
)
def test_l3_counting_messagepack_ends_at_the_limit(data):
    Watched.looked_at = 0
    assert holds_more(MSGPACK, Watched(data), 1000)
    assert Watched.looked_at <= 4 * 1000


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\xdc", b"\x81", b"\xdb\xff\xff\xff\xff"])
def test_malformed_data_are_left_to_the_decoder(data):
    for encoding in (JSON, MSGPACK):
        assert isinstance(holds_more(encoding, data * 10, 5), bool)
    with pytest.raises(DecodeError):
        decode_wire(MSGPACK, data)


def test_without_a_limit_nothing_is_counted():
    assert not holds_more(MSGPACK, b"\x9f" * 1000, 0)


@pytest.mark.parametrize("value", [[0] * 300_000, {"a": "x" * 200_000, "b": [[1]] * 50_000}])
def test_large_messagepack_is_unpacked_in_slices_to_the_same_value(value):
    data = msgpack.packb(value)
    assert len(data) > 2 * unpacking.SLICE
    assert unpacking.unpacked(data) == value


@pytest.mark.parametrize(
    "spoilt",
    [lambda d: d[:-1], lambda d: d + b"\x01", lambda d: d[:100_000] + b"\xc1" + d[100_001:]],
)
def test_large_messagepack_is_refused_with_the_same_error(spoilt):
    data = spoilt(msgpack.packb([1] * 200_000))
    with pytest.raises(Exception) as expected:  # noqa: PT011 - whatever the library raises
        msgpack.unpackb(data)
    with pytest.raises(type(expected.value)) as refused:
        unpacking.unpacked(data)
    assert str(refused.value) == str(expected.value)
