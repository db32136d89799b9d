"""Encoding and decoding, on plain values."""

import sys
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bahamut.elemental import (
    AttributeSpec,
    DecodeError,
    Error,
    Errors,
    Identity,
    Model,
    attribute,
    convert,
    decode,
    decode_into,
    decode_list,
    encode,
)
from bahamut.elemental.encoding import _msgspec
from bahamut.elemental.model import new_model
from hypothesis import given, strategies as st

JSON, MSGPACK = "application/json", "application/msgpack"
KINDS = pytest.mark.parametrize("kind", [JSON, MSGPACK])


class Nested(Model):
    name: str = attribute(default="")


class Thing(Model, identity=Identity("thing", "things")):
    count: int = attribute(default=7)
    free: Any = attribute(default=None)
    name: str = attribute(default="")
    nested: Nested | None = attribute(default=None)
    ratio: float = attribute(default=0.0)
    tags: list[str] | None = attribute(default=None)
    when: datetime | None = attribute(default=None)


Node: Any = new_model(
    "Node",
    identity=Identity("node", "nodes"),
    attributes=[
        AttributeSpec(name="nodes", type="refList", exposed=True, model=lambda: Node),
        AttributeSpec(name="free", type="object", exposed=True),
    ],
)
THING = Thing(
    count=2**63 - 1,
    free={"b": [1.5, None], "a": True},
    name="é",
    nested=Nested(name="x"),
    ratio=-0.5,
    tags=["a"],
    when=datetime(2024, 2, 29, 23, 59, 59, 5000, tzinfo=UTC),
)


@KINDS
def test_an_object_comes_back_as_it_was(kind: str) -> None:
    again = Thing()
    decode_into(kind, encode(kind, THING), again)
    assert again == THING
    assert decode_list(kind, encode(kind, [THING, THING]), Thing) == [THING, THING]


def test_keys_are_in_order_and_those_of_mappings_are_sorted() -> None:
    assert (
        encode(JSON, THING)
        == (
            '{"count":9223372036854775807,"free":{"a":true,"b":[1.5,null]},"name":"é",'
            '"nested":{"name":"x"},"ratio":-0.5,"tags":["a"],"when":"2024-02-29T23:59:59.005000Z"}'
        ).encode()
    )
    assert encode(JSON, {"b": 1, "a": 2}) == b'{"a":2,"b":1}'


@KINDS
def test_absent_keys_change_nothing_and_null_unsets(kind: str) -> None:
    made = Thing(name="kept", tags=["gone"])
    decode_into(kind, encode(kind, {"tags": None, "count": None}), made)
    assert (made.name, made.tags, made.count) == ("kept", None, 0)


@KINDS
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "the value must be an object"),
        ({"count": "1"}, "attribute 'count' must be an integer, not a text"),
        ({"count": 1.5}, "attribute 'count' must be an integer, not a float"),
        ({"name": 1}, "attribute 'name' must be a text, not an integer"),
        ({"tags": ["a", 1]}, "attribute 'tags[1]' must be a text, not an integer"),
        ({"nested": {"name": False}}, "attribute 'nested.name' must be a text, not a boolean"),
        ({"when": "tomorrow"}, "attribute 'when' must be a time as RFC 3339 has it"),
    ],
)
def test_what_is_of_another_type_is_refused_by_name(kind: str, value: Any, words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_into(kind, encode(kind, value), Thing())
    assert str(caught.value) == f"unable to decode {kind}: {words}"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (JSON, b""),
        (JSON, b"{} {}"),
        (JSON, b'{"name":"\xff"}'),
        (JSON, b'{"count":9223372036854775808}'),
        (JSON, b'{"ratio":1e999}'),
        (MSGPACK, b""),
        (MSGPACK, b"\xc1"),
        (MSGPACK, b"\x80\x80"),
        (MSGPACK, b"\x81\xa4name\xc4\x01\xff"),
        (MSGPACK, b"\x81\xa4free\x81\x01\x01"),
    ],
)
def test_what_is_no_object_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(DecodeError, match=f"^unable to decode {kind}: "):
        decode_into(kind, data, Thing())


def nest(kind: str, depth: int, key: bytes = b"") -> bytes:
    if kind == JSON:
        opening, closing = (b'{"%b":[' % key, b"]}") if key else (b"[", b"]")
        return opening * depth + closing * depth
    prefix = b"\x81" + bytes([0xA0 + len(key)]) + key if key else b""
    return (prefix + b"\x91") * (depth - 1) + prefix + b"\x90"


@KINDS
@pytest.mark.parametrize("depth", [201, 500, 900, 5000])
def test_what_encoders_could_not_write_again_is_refused(kind: str, depth: int) -> None:
    for read in (lambda data: decode(kind, data), lambda data: convert(kind, "other", data)):
        with pytest.raises(DecodeError):
            read(nest(kind, depth + 1))
    with pytest.raises(DecodeError):
        decode_into(kind, nest(kind, depth // 2 + 1, b"nodes"), Node())


@KINDS
def test_what_is_nested_less_deeply_comes_back(kind: str) -> None:
    for data in (nest(kind, 200), nest(kind, 100)):
        assert encode(kind, decode(kind, data)) == data
    made = Node.zero()
    decode_into(kind, nest(kind, 100, b"nodes"), made)
    assert all(encode(each, made) for each in (JSON, MSGPACK))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xd6\xff\0\0\0\0", b'"1970-01-01T00:00:00Z"'),
        (b"\x91\xd6\xff\0\0\0\0", b'["1970-01-01T00:00:00Z"]'),
        (b"\xc4\x01a", b'"YQ=="'),
    ],
)
def test_any_value_is_converted_with_a_model_or_without(data: bytes, text: bytes) -> None:
    for model in (None, Thing):
        assert convert(MSGPACK, JSON, data, model) == text


def test_times_become_times_when_the_model_is_known() -> None:
    data = encode(JSON, {"when": "2024-02-29T00:00:00Z"})
    assert decode(MSGPACK, convert(JSON, MSGPACK, data, Thing)) == {
        "when": datetime(2024, 2, 29, tzinfo=UTC)
    }


def test_errors_are_encoded_as_a_list() -> None:
    found = decode(JSON, encode(JSON, Errors(Error("Not Found", "no such thing", "x", 404))))
    assert [(e["code"], e["title"]) for e in found] == [(404, "Not Found")]


@pytest.mark.parametrize(("value", "error"), [(None, ValueError), (object(), TypeError)])
@KINDS
def test_what_cannot_be_encoded_is_an_error_and_spoils_nothing(
    kind: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        encode(kind, value)
    assert decode(kind, encode(kind, [1])) == [1]


@KINDS
@pytest.mark.parametrize(
    "value",
    [
        "a\ud800",
        {"a\ud800": ["a\ud800"]},
        Thing(name="a\ud800"),
        Error("a\ud800", "b"),
        Errors(Error("a\ud800", "b", data={"x": "\ud800"})),
    ],
)
def test_half_a_character_is_replaced(kind: str, value: Any) -> None:
    encoded = encode(kind, value)
    assert "a\ufffd".encode() in encoded
    decode(kind, encoded)


class Row(Model, identity=Identity("row", "rows")):
    """Of all the types whose lists are msgspec's, where it is installed."""

    counts: list[int] | None = attribute(default=None)
    days: list[datetime] | None = attribute(default=None)
    done: bool = attribute(default=False)
    number: int = attribute(default=0)
    text: str = attribute(default="")
    when: datetime | None = attribute(default=None)


ZONES = (
    st.none()
    | st.just(UTC)
    | st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
)
TIMES = st.datetimes(timezones=ZONES)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
ROWS = st.builds(
    Row,
    counts=st.none() | st.lists(INTEGERS, max_size=2),
    days=st.none() | st.lists(TIMES, max_size=2),
    done=st.booleans(),
    number=INTEGERS,
    text=st.text(),
    when=st.none() | TIMES,
)


class Text(str):
    __slots__ = ()


@given(st.lists(ROWS, min_size=1, max_size=3))
def test_lists_are_the_bytes_of_their_objects(rows: list[Row]) -> None:
    assert encode(JSON, rows) == b"[" + b",".join(encode(JSON, row) for row in rows) + b"]"


@pytest.mark.parametrize("text", ["\ud800", "a\udc80", Text("a"), b"a", None, {"b": 1, "a": 2}])
def test_lists_of_unusual_values_are_the_bytes_of_their_objects(text: Any) -> None:
    row = Row(text=text, when=datetime(2026, 1, 1, tzinfo=UTC))
    assert encode(JSON, [row, row]) == b"[%b,%b]" % (encode(JSON, row), encode(JSON, row))


def test_lists_are_the_same_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [Row(text="é", number=1, when=datetime(2026, 1, 1, 0, 0, 0, 5000, tzinfo=UTC))] * 2
    with_it = encode(JSON, rows)
    assert "msgspec.json" in sys.modules
    monkeypatch.setitem(sys.modules, "msgspec.json", None)
    _msgspec.cache_clear()
    try:
        assert encode(JSON, rows) == with_it
        assert _msgspec() is None
    finally:
        _msgspec.cache_clear()
