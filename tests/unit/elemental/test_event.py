"""Events and configurations of sessions, where the tables do not look."""

import json
from datetime import UTC, datetime

import msgpack
import pytest
from bahamut._kit.gotime import format_rfc3339
from bahamut.elemental import (
    JSON,
    MSGPACK,
    DecodeError,
    Event,
    EventType,
    Identity,
    Model,
    PushConfig,
    attribute,
    convert,
    encode,
)
from hypothesis import example, given, strategies as st

NOW = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)


class Note(Model, identity=Identity("note", "notes")):
    text: str = attribute(default="")
    at: datetime | None = attribute(default=None)


def test_an_event_travels_in_its_own_form_whoever_encodes_it():
    event = Event.new(EventType.CREATE, Note(text="a"), timestamp=NOW, encoding=JSON)
    assert encode(JSON, event) == event.to_bytes(JSON)
    assert json.loads(encode(JSON, {"event": event}))["event"]["entity"]["text"] == "a"
    assert Event.from_bytes(JSON, event.to_bytes(JSON)) == event
    event.convert(MSGPACK)
    assert encode(MSGPACK, event) == event.to_bytes(MSGPACK)
    assert Event.from_bytes(MSGPACK, event.to_bytes(MSGPACK)) == event


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(2020, 1, 2, 3, 4, 5, 678900, tzinfo=UTC))
@example(datetime(2020, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
def test_timestamps_are_as_short_as_can_be(when):
    event = Event(EventType.CREATE, "note", when, b"{}", JSON)
    assert json.loads(event.to_bytes(JSON))["timestamp"] == format_rfc3339(when)


@pytest.mark.parametrize("entity", [[1], 5, {"a": 1}])
def test_the_entity_of_a_msgpack_event_is_binary(entity):
    data = msgpack.packb({"entity": entity, "encoding": MSGPACK})
    with pytest.raises(DecodeError, match="'entity' must be binary data"):
        Event.from_bytes(MSGPACK, data)


def test_an_entity_in_json_keeps_the_order_of_its_keys():
    data = b'{"encoding":"application/json","entity":{"b":1,"a":{"d":2,"c":3}},"type":"create"}'
    event = Event.from_bytes(JSON, data)
    assert event.data == b'{"b":1,"a":{"d":2,"c":3}}'
    event.convert(MSGPACK)
    assert list(msgpack.unpackb(event.data)) == ["a", "b"]


@pytest.mark.parametrize("kind", [JSON, MSGPACK])
@pytest.mark.parametrize("value", [{"timestamp": "yesterday"}, {"type": 1}, [], 5])
def test_what_is_no_event_is_refused_in_the_words_of_decoders(kind, value):
    with pytest.raises(DecodeError, match=f"^unable to decode {kind}: "):
        Event.from_bytes(kind, encode(kind, value))


def test_lists_are_converted_with_their_times():
    notes = [Note(text="a", at=NOW), Note(text="b")]
    there = convert(JSON, MSGPACK, encode(JSON, notes), Note)
    assert there == encode(MSGPACK, notes)
    assert convert(JSON, MSGPACK, b'{"other":[1]}', Note) == msgpack.packb({"other": [1]})
    assert json.loads(convert(MSGPACK, JSON, there, Note)) == json.loads(encode(JSON, notes))


def test_a_configuration_says_what_is_wrong_with_it():
    with pytest.raises(DecodeError, match=r"identities\.note\[0\]' must be a text"):
        PushConfig.from_bytes(JSON, b'{"identities":{"note":[1]}}')


def test_mappings_are_sorted_at_every_level():
    config = PushConfig({"b": [], "a": []})
    assert list(msgpack.unpackb(encode(MSGPACK, config))["identities"]) == ["a", "b"]
