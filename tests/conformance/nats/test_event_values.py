"""nats/events.jsonl: events made, encoded, converted and decoded."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bahamut._kit.gotime import format_rfc3339, parse_rfc3339
from bahamut.elemental import DecodeError, Error, Event, decode, encode
from tests.conformance.nats.support import (
    data_of,
    is_declared,
    repeats_key,
    rows,
    sent_of,
    value_of,
    without_details,
)
from tests.conformance.tables.support import JSON, MSGPACK, Tally, inner_read, meaning, readable

SHAPE = {"type": str, "identity": str, "encoding": str}
FRAMES = {"frame_json": JSON, "frame_msgpack_base64": MSGPACK}


def when(fields: dict[str, Any]) -> datetime | None:
    return fields["timestamp"] and parse_rfc3339(fields["timestamp"])


def slot_of(fields: dict[str, Any]) -> bytes:
    """Return the entity: of Go's two slots the one of its encoding."""
    if fields["encoding"] == MSGPACK:
        return data_of(fields["raw_base64"]) or b""
    return (fields["json_text"] or "").encode()


def event_of(fields: dict[str, Any]) -> Event:
    kind, identity, encoding = (fields[key] for key in ("type", "identity", "encoding"))
    return Event(kind, identity, when(fields), slot_of(fields), encoding)


def fields_of(event: Event) -> dict[str, Any]:
    return {
        "encoding": event.encoding,
        "entity": readable(event.data, event.encoding),
        "identity": event.identity,
        "timestamp": event.timestamp and format_rfc3339(event.timestamp),
        "type": event.type,
    }


def recorded_fields(fields: dict[str, Any]) -> dict[str, Any]:
    kept = {key: fields[key] for key in ("encoding", "identity", "timestamp", "type")}
    return {**kept, "entity": readable(slot_of(fields), fields["encoding"])}


def frames_of(event: Event) -> dict[str, Any]:
    return {key: inner_read(readable(event.to_bytes(kind), kind)) for key, kind in FRAMES.items()}


# --- what ours makes of a row ----------------------------------------------------------------


def made(row: dict[str, Any]) -> Event:
    """Return the event of an error, of an object, or by hand.

    Raises:
        ValueError: there is no object, or our decoder refuses it.
    """
    fields = row.get("fields") or {"type": "create", "timestamp": None, "encoding": MSGPACK}
    options = {"timestamp": when(fields), "encoding": fields["encoding"]}
    if "error_fields" in row:
        return Event.new_error(Error.from_wire(row["error_fields"]), **options)
    if "object" not in row:
        return event_of(fields)
    obj = row["object"] and value_of(row["object"])
    if "sparse" in row:
        obj = obj.to_sparse(*row["sparse"]) if row["sparse"] else obj.SPARSE()
    return Event.new(fields["type"], obj, **options)


def encoded(row: dict[str, Any]) -> dict[str, Any]:
    try:
        event = made(row)
    except DecodeError as error:
        return {"error": str(error)}
    except ValueError as error:
        return {"panic": str(error)}
    found = {"fields": fields_of(event), "text": str(event), **frames_of(event)}
    for key in row:
        if key.startswith("converted_frame_"):
            other = MSGPACK if event.encoding == JSON else JSON
            event.convert(other)
            found[key] = inner_read(readable(event.to_bytes(other), other))
    return found


def converted(row: dict[str, Any]) -> dict[str, Any]:
    event = event_of(row["fields"])
    try:
        event.convert(row["to"])
    except DecodeError as error:
        return {"error": str(error), "after": fields_of(event)}
    return {"converted": fields_of(event), **frames_of(event)}


def decoded(row: dict[str, Any]) -> dict[str, Any]:
    try:
        event = Event.from_bytes(row["encoding"], sent_of(row))
    except DecodeError as error:
        return {"error": str(error)}
    found: dict[str, Any] = {"fields": fields_of(event)}
    try:
        entity = decode(event.encoding, event.data)
    except DecodeError as error:
        return {**found, "entity_error": str(error)}
    return {**found, "entity_as_mapping": comparable(entity)}


def comparable(value: Any) -> Any:
    return value if value is None else meaning(encode(JSON, value), JSON)


WORKERS = {"event encode": encoded, "event convert": converted, "event decode": decoded}


# --- what the original made of it ------------------------------------------------------------

RESULTS = {
    "event encode": ("panic", "fields", "text", *FRAMES, *(f"converted_{key}" for key in FRAMES)),
    "event convert": ("error", "after", "converted", *FRAMES),
    "event decode": ("error", "fields", "entity_error", "entity_as_mapping"),
}


def expected(row: dict[str, Any]) -> dict[str, Any]:
    return {key: recorded(key, row[key]) for key in RESULTS[row["what"]] if key in row}


def recorded(key: str, value: Any) -> Any:
    """Return what a row says, comparable."""
    if key in ("fields", "after", "converted"):
        return recorded_fields(value)
    if key.endswith("frame_json"):
        return readable(value.encode(), JSON)
    if key.endswith("frame_msgpack_base64"):
        return inner_read(readable(data_of(value), MSGPACK))
    return comparable(value) if key == "entity_as_mapping" else value


def x34(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """The same first words, then what the decoder says."""
    return "X34" if without_details(ours) == without_details(expected(row)) else None


def x35(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """One valid object of the declared types, the last of a key's values, times as texts."""
    if row["what"] == "event encode":
        return "X35" if "error" in ours and "object" in row else None
    if row["what"] != "event decode":
        return None
    if "fields" in row:
        is_odd = not is_declared(row, shape_of(row)) if "error" in ours else repeats_key(row)
        return "X35" if is_odd else None
    if "error" in ours or "decoding time" not in row["error"]:
        return None
    when = decode(row["encoding"], sent_of(row)).get("timestamp")
    return "X35" if isinstance(when, str) else None


def shape_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the types that are declared; JSON cannot hold what is in MessagePack."""
    if row["encoding"] == MSGPACK:
        return {**SHAPE, "entity": (bytes, str)}
    return {**SHAPE, "entity": bytes} if row["fields"]["encoding"] == MSGPACK else SHAPE


def x41(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """JSON that stands in a MessagePack event is not lost; what nobody can read is X43."""
    fields = row.get("fields", {})
    if row["what"] != "event decode" or row["encoding"] != MSGPACK or not fields.get("raw_base64"):
        return None
    encoding, raw = fields["encoding"], data_of(fields["raw_base64"])
    kept = {**recorded_fields(fields), "entity": readable(raw, encoding)}
    if encoding == MSGPACK or ours.get("fields") != kept:
        return None
    return "X41" if encoding == JSON else "X43"


def x43(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Nobody can read what an event of no known encoding holds; it goes nowhere."""
    encodings = (row.get("to", JSON), row.get("fields", {}).get("encoding", JSON))
    is_known = all(encoding in (JSON, MSGPACK) for encoding in encodings)
    return None if is_known or row["what"] == "event decode" else "X43"


def d17(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Lists and scalars are converted as objects are."""
    if row["what"] != "event convert" or "error" not in row or "error" in ours:
        return None
    held = decode(row["fields"]["encoding"], slot_of(row["fields"]))
    return None if isinstance(held, dict) else "D17"


def section_3(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Without a target the plain value is returned; bytes that are none and no bytes are one."""
    theirs = expected(row)
    if "entity_error" in theirs and "entity_as_mapping" in ours:
        is_plain = ours["entity_as_mapping"] is None or ours["entity_as_mapping"][0] != "map"
        return "section 3" if is_plain and ours["fields"] == theirs["fields"] else None
    if "fields" not in row or slot_of(row["fields"]):
        return None
    return "section 3" if with_nil(theirs) == with_nil(ours) else None


def with_nil(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result whose frame holds nil where it holds an entity of no bytes."""
    key = "frame_msgpack_base64"
    pairs = [(name, value or None) for name, value in result[key][1]] if key in result else []
    return {**result, key: pairs}


def no_datetime(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """Times are datetimes; years that RFC 3339 cannot state are none."""
    text = row.get("fields", {}).get("timestamp") or ""
    is_refused = "RFC 3339" in ours.get("panic", ours.get("error", ""))
    return "section 3" if is_refused and len(text.partition("-")[0]) != 4 else None


RULES = (x34, x35, x41, x43, d17, section_3, no_datetime)


def test_events() -> None:
    tally = Tally("nats/events.jsonl")
    for row in rows("events.jsonl"):
        tally.add(row, WORKERS[row["what"]](row), expected(row), *RULES)
    tally.close()
