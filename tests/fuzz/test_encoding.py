"""Whatever a body holds, it is an object or a DecodeError; what was decoded can be encoded."""

from typing import Any

import pytest
from bahamut.elemental import Event, FilterError, Model
from bahamut.elemental.encoding import convert, decode, decode_into, decode_list, encode
from bahamut.elemental.push_config import PushConfig
from bahamut.elemental.shapes import DecodeError
from hypothesis import given, strategies as st
from tests.fuzz.support import (
    KINDS,
    MODELS,
    damaged,
    free,
    nested,
    outcome,
    packed,
    texts,
    times,
    wire_objects,
)

pytestmark = pytest.mark.fuzz


pieces = {
    KINDS[0]: st.one_of(
        st.binary(max_size=4),
        st.sampled_from([b'"', b"{", b"]", b"1e999", b"-0", b"null", b'"\\ud800"', b"9" * 5000]),
        nested("[", "]").map(str.encode),
        nested('{"a":', "}", "1").map(str.encode),
    ),
    KINDS[1]: st.one_of(
        st.binary(max_size=4),
        st.sampled_from(
            [
                b"\xc1", b"\x80", b"\x91", b"\xc4\x01\xff", b"\xa1\xff", b"\xdf\xff\xff\xff\xff",
                b"\xd6\xff\xff\xff\xff\xff", b"\xd7\xff" + b"\xff" * 8, b"\xd5\xff\0\0",
                b"\xc7\x0c\xff" + b"\xff" * 12, b"\xc7\x0c\xff" + b"\0" * 12, b"\xd4\x05a",
                b"\xcb\x7f\xf0" + b"\0" * 6, b"\xcb\x7f\xf8" + b"\0" * 6, b"\xcf" + b"\xff" * 8,
            ]
        ),
        nested("\x91", "", "\xc0").map(lambda text: text.encode("latin-1")),
        nested("\x81\xa1a", "", "\xc0").map(lambda text: text.encode("latin-1")),
    ),
}  # fmt: skip
kinds = st.sampled_from(KINDS)


def bodies(kind: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[bytes]:
    valid = values.map(lambda value: packed(kind, value))
    return st.one_of(damaged(valid, pieces[kind]), st.binary())


def of_any_kind(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, bytes]]:
    """Return an encoding and a body in it, or nearly."""
    return kinds.flatmap(lambda kind: st.tuples(st.just(kind), bodies(kind, values)))


@st.composite
def objects(draw: st.DrawFn) -> tuple[str, type[Model], bytes]:
    kind, model = draw(kinds), draw(st.sampled_from(MODELS))
    return kind, model, draw(bodies(kind, wire_objects(model)))


def given_values(kind: str, data: bytes) -> dict[str, Any]:
    return {name: value for name, value in decode(kind, data).items() if value is not None}


def check_stable(kind: str, made: Model) -> None:
    """What was decoded can be encoded, in both notations, and comes back as it is."""
    for each in KINDS:
        encode(each, made)
    once = encode(kind, made)
    again = type(made).zero()
    decode_into(kind, once, again)
    twice = encode(kind, again)
    if made.IS_SPARSE:  # the zero time is encoded as null, which a sparse object ignores
        assert given_values(kind, twice) == given_values(kind, once)
    else:
        assert twice == once
    made.copy()
    made.problems()


@given(objects())
def test_any_body_is_an_object_or_an_error(given: tuple[str, type[Model], bytes]) -> None:
    kind, model, data = given
    for made in (model(), model.zero(), model.SPARSE()):
        if outcome(lambda made=made: decode_into(kind, data, made) or made, DecodeError):
            check_stable(kind, made)


@given(objects(), objects(), st.sampled_from((b"%b", b"[%b,%b]", b"\x92%b%b", b"\x91%b")))
def test_any_body_is_a_list_or_an_error(
    one: tuple[str, type[Model], bytes], two: tuple[str, type[Model], bytes], frame: bytes
) -> None:
    kind, model, data = one
    data = frame % ((data, two[2]) if frame.count(b"%b") == 2 else data)
    found = outcome(lambda: decode_list(kind, data, model), DecodeError)
    for made in found or ():
        check_stable(kind, made)


@given(of_any_kind(free))
def test_any_body_is_a_value_or_an_error(given: tuple[str, bytes]) -> None:
    kind, body = given
    value = outcome(lambda: decode(kind, body), DecodeError)
    if value is not None:
        once = encode(kind, value)
        assert encode(kind, decode(kind, once)) == once


@given(objects(), kinds)
def test_any_body_is_converted_or_an_error(
    given: tuple[str, type[Model], bytes], target: str
) -> None:
    kind, model, data = given
    for each in (model, None):
        outcome(lambda each=each: convert(kind, target, data, each), DecodeError)


messages = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(inner, free)
        for name, inner in {
            "type": texts,
            "identity": texts,
            "encoding": st.sampled_from(KINDS),
            "timestamp": times,
            "entity": free,
            "identities": st.dictionaries(texts, st.none() | st.lists(texts, max_size=2)),
            "filters": st.dictionaries(texts, texts),
            "parameters": st.dictionaries(texts, st.lists(texts, max_size=2)),
        }.items()
    },
)


@given(of_any_kind(messages))
def test_any_message_is_what_it_should_be_or_an_error(given: tuple[str, bytes]) -> None:
    kind, body = given
    config = outcome(lambda: PushConfig.from_bytes(kind, body), DecodeError)
    if config is not None:
        str(config)
        outcome(config.parse_identity_filters, FilterError)
    event = outcome(lambda: Event.from_bytes(kind, body), DecodeError)
    if event is not None:
        outcome(lambda: event.convert(kind), DecodeError)
        outcome(lambda: event.decode(MODELS[0].zero()), DecodeError)
