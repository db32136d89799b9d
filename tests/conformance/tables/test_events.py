"""encoding/event.jsonl and encoding/pushconfig.jsonl: what websocket sessions hear and ask for."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from bahamut._kit.gotime import parse_rfc3339
from bahamut.elemental import DecodeError, Error, Event, EventType, Model, PushConfig, encode
from bahamut.elemental.filters import FilterError
from tests.conformance.tables.rows_filters import parsed, same_tree
from tests.conformance.tables.rules_filters import PARSE_RULES
from tests.conformance.tables.support import (
    JSON,
    MSGPACK,
    Tally,
    as_shown,
    data_of,
    golden_object,
    inner_read,
    meaning,
    model_of,
    readable,
    rows,
    shown,
)

NOW = datetime(2020, 1, 2, 3, 4, 5, 678000, UTC)


def serialized(given: dict[str, Any] | Event) -> Any:
    """Return both forms of a whole event, comparable."""
    if isinstance(given, Event):
        as_json, as_msgpack = given.to_bytes(JSON), given.to_bytes(MSGPACK)
    else:
        as_json, as_msgpack = data_of(given["json"]), base64.b64decode(given["msgpack"])
    found = readable(as_json, JSON), readable(as_msgpack, MSGPACK)
    return tuple(inner_read(form) for form in found)


def contents(event: Event) -> dict[str, Any]:
    return {
        "encoding": event.encoding,
        "entity": readable(event.entity, event.encoding),
        "event": event.type,
        "identity": event.identity,
        "serialized": serialized(event),
        "text": str(event),
    }


def recorded(result: dict[str, Any]) -> dict[str, Any]:
    encoding = result["encoding"]
    return {
        **{key: result[key] for key in ("encoding", "event", "identity", "text")},
        "entity": readable(data_of(result["entity"]), encoding),
        "serialized": serialized(result["serialized"]),
    }


def when(row: dict[str, Any]) -> datetime | None:
    return parse_rfc3339(row["timestamp"])


def life(row: dict[str, Any]) -> Any:
    """Return what an event about an object is, before and after its conversion."""
    obj = golden_object(row["object"])
    event = Event.new(row["type"], obj, timestamp=when(row), encoding=row["made_with"])
    again = held(event, obj)
    copy = event.duplicate()
    copy.convert(event.encoding)
    assert copy == event
    copy.convert(row["converted"]["encoding"])
    assert copy.duplicate() == copy != event
    last = held(copy, obj)
    return (
        contents(event),
        again and shown(again),
        contents(copy),
        again is not None and last is not None and vars(last) == vars(again),
    )


def held(event: Event, like: Model) -> Model | None:
    """Return the object of an event, None when there is none."""
    target = type(like)()
    try:
        event.decode(target)
    except DecodeError:
        return None
    return target


def recorded_life(row: dict[str, Any]) -> Any:
    return (
        recorded(row["result"]),
        as_shown(row["decoded"]) if row["decode_error"] is None else None,
        recorded(row["converted"]),
        row["decode_converted_error"] is None,
    )


def broken(row: dict[str, Any]) -> Any:
    """Return what is left of an event whose entity may be anything after its conversion."""
    encoding = row["encoding"]
    data = data_of(row["raw" if encoding == MSGPACK else "json_data"])
    event = Event("create", "list", NOW, data, encoding)
    before = serialized(event)
    try:
        event.convert(JSON if encoding == MSGPACK else MSGPACK)
    except DecodeError:
        return before, event.encoding, event.data, "error"
    return before, event.encoding, event.data, None


def recorded_broken(row: dict[str, Any]) -> Any:
    after = row["after"]
    data = data_of(after["raw" if after["encoding"] == MSGPACK else "json_data"])
    return serialized(row["serialized"]), after["encoding"], data, row["convert_error"] and "error"


def decoded(row: dict[str, Any]) -> Any:
    try:
        event = Event.from_bytes(row["encoding"], data_of(row["input"]))
    except DecodeError:
        return "error"
    return contents(event), event.timestamp


def compared(row: dict[str, Any]) -> tuple[Any, Any]:  # noqa: PLR0911 - one return for each group
    """Return what ours makes of a row, and what the original made of it."""
    match row["group"]:
        case "event":
            return life(row), recorded_life(row)
        case "sparse":
            obj = model_of(row["type"]).SPARSE()
            kind, encoding = row["result"]["event"], row["result"]["encoding"]
            event = Event.new(kind, obj, timestamp=when(row), encoding=encoding)
            return contents(event), recorded(row["result"])
        case "error-event":
            error = Error("t", "d", "s", 400, {"a": "b"})
            event = Event.new_error(error, timestamp=when(row), encoding=row["made_with"])
            return contents(event), recorded(row["result"])
        case "default":
            event = Event.new(
                EventType.CREATE,
                golden_object(row["object"]),
                timestamp=NOW,
            )
            return (event.encoding, str(event)), (row["encoding"], row["text"])
        case "broken":
            return broken(row), recorded_broken(row)
        case "decode":
            if row["error"] is not None:
                return decoded(row), "error"
            return decoded(row), (recorded(row["result"]), when(row))
    return is_refused(), bool(row["panic"])


def is_refused() -> bool:
    """Tell whether there is no event about nothing."""
    try:
        Event.new(EventType.CREATE, None, timestamp=NOW)
    except ValueError:
        return True
    return False


def stricter(row: dict[str, Any], ours: Any) -> str | None:
    """X35: each value of its declared type, and times as texts in both encodings."""
    if row["group"] == "broken":
        return "X35" if ours[-1] and row["convert_error"] is None else None
    if row["group"] != "decode":
        return None
    if ours == "error":
        return "X35" if row["error"] is None else None
    return "X35" if "decoding time" in (row["error"] or "") else None


def json_inside(row: dict[str, Any], ours: Any) -> str | None:
    """X41: JSON that stands in a MessagePack event is not lost."""
    result = row.get("result") or {}
    is_inside = row.get("encoding") == MSGPACK and result.get("encoding") == JSON
    return "X41" if row["group"] == "decode" and is_inside and result["raw"] else None


def converted(row: dict[str, Any], ours: Any) -> str | None:
    """D17: times stay times, and lists and scalars are converted as objects are."""
    if row["group"] == "broken":
        return "D17" if row["convert_error"] and ours[-1] is None else None
    return "D17" if "decoding time" in (row.get("decode_converted_error") or "") else None


def unknown_encoding(row: dict[str, Any], ours: Any) -> str | None:
    """X43: nobody can read what an event of no known encoding holds; it goes nowhere."""
    known = (JSON, MSGPACK)
    return "X43" if (row.get("result") or {"encoding": JSON})["encoding"] not in known else None


def refused_input(row: dict[str, Any], ours: Any) -> str | None:
    """X35: the object's JSON holds what only a lenient decoder takes."""
    return "X35" if isinstance(ours, DecodeError) else None


RULES = (stricter, json_inside, converted, unknown_encoding, refused_input)


def test_event() -> None:
    tally = Tally("encoding/event.jsonl")
    for row in rows("encoding/event.jsonl"):
        try:
            ours, theirs = compared(row)
        except DecodeError as error:
            ours, theirs = error, None
        tally.add(row, ours, theirs, *RULES)
    tally.close()


def filtered_out(config: PushConfig, row: dict[str, Any]) -> dict[str, bool]:
    pairs = (name.split("/") for name in row.get("filtered_out", {}))
    return {f"{name}/{kind}": config.is_filtered_out(name, kind) for name, kind in pairs}


def forms(config: PushConfig) -> tuple[Any, Any]:
    return meaning(encode(JSON, config), JSON), meaning(encode(MSGPACK, config), MSGPACK)


def recorded_forms(given: dict[str, str]) -> tuple[Any, Any]:
    return (
        meaning(given["json"].encode(), JSON),
        meaning(base64.b64decode(given["msgpack"]), MSGPACK),
    )


def built(row: dict[str, Any]) -> dict[str, Any]:
    config = PushConfig()
    for call in row["calls"]:
        if "filter_identity" in call:
            config.filter_identity(call["filter_identity"], *call["types"])
        elif "set_parameter" in call:
            config.set_parameter(call["set_parameter"], *call["values"])
        else:
            config.filters[call["filter"]] = call["text"]
    return {"text": str(config), "encoded": forms(config), "parameters": config.parameters}


def configured(row: dict[str, Any]) -> Any:
    """Return what ours makes of a configuration that was sent."""
    try:
        config = PushConfig.from_bytes(row["encoding"], data_of(row["input"]))
    except DecodeError:
        return "error"
    error = None
    try:
        config.parse_identity_filters()
    except FilterError as raised:
        error = str(raised)
    found = config.filter_for_identity("list")
    is_same = found is not None and same_tree(row["filter"] or [], found, set())
    return {
        "text": str(config),
        "encoded": forms(config),
        "duplicate": forms(config.duplicate()),
        "filtered_out": filtered_out(config, row),
        "parse_error": error,
        "filter": row["filter"] if is_same else found,
    }


def recorded_config(row: dict[str, Any]) -> Any:
    if row.get("error") is not None:
        return "error"
    encoded = recorded_forms(row["encoded"])
    if row["group"] == "built":
        return {"text": row["text"], "encoded": encoded, "parameters": row.get("parameters")}
    return {
        "text": row["text"],
        "encoded": encoded,
        "duplicate": recorded_forms(row["duplicate"]) if "duplicate" in row else encoded,
        "filtered_out": row.get("filtered_out", {}),
        "parse_error": row["parse_error"],
        "filter": row["filter"],
    }


def refused_config(row: dict[str, Any], ours: Any) -> str | None:
    """X35: a configuration is an object whose values are of their declared types."""
    return "X35" if ours == "error" and row["error"] is None else None


def every_comparator(row: dict[str, Any], ours: Any) -> str | None:
    """X16: filters may use every comparator; nothing else differs."""
    if "unsupported comparator" not in (row.get("parse_error") or ""):
        return None
    refused = {"parse_error": row["parse_error"], "filter": None}
    return "X16" if {**ours, **refused} == recorded_config(row) else None


def stricter_filter(row: dict[str, Any], ours: Any) -> str | None:
    """D20-D24: what the tables of filters say of the filter; nothing else differs."""
    if not isinstance(ours, dict) or ours.get("parse_error") == row.get("parse_error"):
        return None
    recorded_parse = {"parse_error": row["parse_error"], "filter": row["filter"]}
    if ours | recorded_parse != recorded_config(row):
        return None
    config = PushConfig.from_bytes(row["encoding"], data_of(row["input"]))
    text, error = config.filters.get("list", ""), row["parse_error"]
    inner = error and error.removeprefix(f'elemental: unable to parse filter "{text}": ')
    given = {"text": text, "ok": error is None, "error": inner, "tree": row["filter"] or []}
    outcome = parsed(text)
    found = (rule({"case": row["case"], **given}, outcome) for rule in PARSE_RULES)
    return next(filter(None, found), None)


def no_nil(row: dict[str, Any], ours: Any) -> str | None:
    """A mapping or list that is not there (nil) does not exist in Python: it is empty (X36)."""
    if not isinstance(ours, dict):
        return None
    theirs = recorded_config(row)
    same = ours | {"encoded": filled(ours["encoded"])}
    return "X36" if same == theirs | {"encoded": filled(theirs["encoded"])} else None


def filled(forms: tuple[Any, Any]) -> list[Any]:
    """Return encoded forms in which null and what is empty are the same, but for parameters."""
    return [
        {
            key: value if key == "parameters" else [(k, v or []) for k, v in (value or ("", []))[1]]
            for key, value in pairs
        }
        for _, pairs in forms
    ]


CONFIG_RULES = (refused_config, every_comparator, stricter_filter, no_nil)


def test_pushconfig() -> None:
    tally = Tally("encoding/pushconfig.jsonl")
    for row in rows("encoding/pushconfig.jsonl"):
        ours = built(row) if row["group"] == "built" else configured(row)
        tally.add(
            row,
            ours,
            recorded_config(row),
            refused_config,
            every_comparator,
            stricter_filter,
            no_nil,
        )
    tally.close()
