"""encoding/: the two encodings of objects, lists, errors and bare values, and decoding them."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from bahamut.elemental import (
    DecodeError,
    Identity,
    convert,
    decode,
    decode_into,
    decode_list,
    encode,
)
from tests.conformance.tables.support import (
    JSON,
    MSGPACK,
    Tally,
    as_shown,
    data_of,
    golden_object,
    meaning,
    model_of,
    registry,
    rows,
    shown,
    typed,
)


def meanings(value: Any) -> tuple[Any, Any]:
    return meaning(encode(JSON, value), JSON), meaning(encode(MSGPACK, value), MSGPACK)


def recorded(row: dict[str, Any]) -> tuple[Any, Any]:
    return meaning(row["json"].encode(), JSON), meaning(base64.b64decode(row["msgpack"]), MSGPACK)


def made(row: dict[str, Any], *, sparse: bool = False) -> Any:
    try:
        return golden_object(row["object"], sparse=sparse)
    except DecodeError as error:
        return error


def refused_input(row: dict[str, Any], ours: Any) -> str | None:
    """X35: the object's JSON holds what only a lenient decoder takes."""
    return "X35" if isinstance(ours, DecodeError) else None


def test_encode():
    tally = Tally("encoding/encode.jsonl")
    for row in rows("encoding/encode.jsonl"):
        obj = made(row)
        ours = obj if isinstance(obj, DecodeError) else meanings(obj)
        tally.add(row, ours, recorded(row), refused_input, absent_reference)
    tally.close()


def absent_reference(row: dict[str, Any], ours: Any) -> str | None:
    """X35: null for a reference."""
    return "X35" if "null" in (row["object"].get("json") or "") else None


def test_encode_sparse():
    tally = Tally("encoding/encode_sparse.jsonl")
    for row in rows("encoding/encode_sparse.jsonl"):
        obj = made(row, sparse=True)
        if isinstance(obj, DecodeError):
            tally.add(row, obj, None, refused_input)
            continue
        value = [obj, type(obj)()] if row["group"].startswith("sparse-list") else obj
        tally.add(row, meanings(value), recorded(row), absent_reference)
    tally.close()


def test_decode():
    tally = Tally("encoding/decode.jsonl")
    for row in rows("encoding/decode.jsonl"):
        ours, theirs = decoded(row)
        tally.add(row, ours, theirs, stricter, other_notation)
    tally.close()


def decoded(row: dict[str, Any]) -> tuple[Any, Any]:
    encoding = row["encoding"]
    theirs: Any = "error"
    if row["group"] == "depth":
        given = row["input"]
        before, opened, middle, closed, after = (
            data_of(given.get(key, "")) for key in ("before", "open", "middle", "close", "after")
        )
        times = given["repeat"]
        data = before + opened * times + middle + closed * times + after
    else:
        data = data_of(row["input"])
    try:
        ours = decoded_into(row, encoding, data)
    except DecodeError:
        ours = "error"
    if row["error"] is None and not row.get("panic"):
        if row["group"] == "depth":
            theirs = "ok"
        elif "value" in row:
            theirs = comparable(typed(row["value"]))
        else:
            result = row["result"]
            theirs = as_shown(result) if result["json"] is not None else []
            if isinstance(result["json"], list):
                theirs = [as_shown({"json": r}) if r is not None else None for r in result["json"]]
    if row["group"] == "depth" and ours != "error":
        ours = "ok"
    return ours, theirs


def comparable(value: Any) -> Any:
    return meaning(encode(JSON, value), JSON) if value is not None else None


def decoded_into(row: dict[str, Any], encoding: str, data: bytes) -> Any:
    into = row["into"]
    if into == "any":
        return comparable(decode(encoding, data))
    model = model_of(row["type"])
    if "list" in into:
        model = model.SPARSE if "sparse" in into else model
        return [shown(item) if item else None for item in decode_list(encoding, data, model)]
    target = model.SPARSE() if into == "sparse" else model()
    decode_into(encoding, data, target)
    return shown(target)


def stricter(row: dict[str, Any], ours: Any) -> str | None:
    """X35: refused where the original took it, or null where it kept an empty object."""
    if ours == "error":
        return "X35" if row["error"] is None else None
    return "X35" if has_twins(row["input"]) else None


def has_twins(text: Any) -> bool:
    """Tell whether a key stands twice in an object: the last one wins, objects are not merged."""
    twins: list[bool] = []

    def pairs(found: list[tuple[str, Any]]) -> None:
        twins.append(len({key for key, _ in found}) < len(found))

    if isinstance(text, str):
        with contextlib.suppress(ValueError):
            json.loads(text, object_pairs_hook=pairs)
    return any(twins)


def other_notation(row: dict[str, Any], ours: Any) -> str | None:
    """X36: the formats of numbers and timestamps are those of orjson and msgpack.

    An integer beyond 64 bits is a float, a timestamp may stand in the long form of an extension,
    and a text may be escaped wherever it stands.
    """
    if row["error"] is None:
        return "X36" if "extension" in (row.get("value") or ()) else None
    words = ("decoding time as extension", "decode number from", "\\u00")
    return "X36" if any(word in row["error"] for word in words) else None


def test_values():
    tally = Tally("encoding/values.jsonl")
    for row in rows("encoding/values.jsonl"):
        value = typed(row["value"])
        is_zero_time = value is None and "time" in row["value"]
        try:
            ours: Any = (None, None) if is_zero_time else meanings(value)
        except (ValueError, TypeError):
            ours = None
        theirs = recorded(row) if row.get("json") is not None else None
        tally.add(row, ours, theirs)
    tally.close()


def test_encode_list():
    tally = Tally("encoding/encode_list.jsonl")
    for row in rows("encoding/encode_list.jsonl"):
        theirs = recorded(row) if row.get("json") is not None else "error"
        try:
            value = listed(row)
            ours: Any = NotImplemented if value is NotImplemented else meanings(value)
        except DecodeError as error:
            ours = error
        except ValueError:
            ours = "error"
        tally.add(row, ours, theirs, refused_input, no_nil, not_described)
    tally.close()


def listed(row: dict[str, Any]) -> Any:
    if "objects" not in row:
        return described(row["value"])
    return [golden_object({"type": row["type"], "json": item}) for item in row["objects"]]


def described(value: str) -> Any:
    """Return the value that a row describes in words, NotImplemented when it is none of ours."""
    first, *others = [word for word in value.split() if word not in ("a", "an", "the")]
    known = registry("workshop")
    models = {model.IDENTITY.name: model for model in known.models()}
    models |= {name.lower(): model for name, model in known.detached.items()}
    singular = (word.removesuffix("s") for word in others)
    made = [models[word]() for word in singular if word in models]
    match first:
        case "nil":
            return [] if others else None
        case "empty":
            return []
        case "identity":
            return Identity(*others[0].split("/"))
        case "map" if made:
            return {"a": None, "b": made[0]}
        case "list" if others[:1] in (["of"], ["with"]):
            return made or NotImplemented
    return models[first]() if first in models else NotImplemented


def no_nil(row: dict[str, Any], ours: Any) -> str | None:
    """A list that is not there (nil) does not exist in Python: it is empty."""
    return "X36" if row.get("value", "").startswith("nil ") else None


def not_described(row: dict[str, Any], ours: Any) -> str | None:
    """What a value is in Go only is in words that mean nothing here."""
    return "no such value" if ours is NotImplemented else None


def test_convert():
    tally = Tally("encoding/convert.jsonl")
    for row in rows("encoding/convert.jsonl"):
        source, target, data = row["from"], row["to"], data_of(row["input"])
        theirs: Any = "error"
        if row["error"] is None:
            theirs = data_of(row["output"])
        try:
            ours: Any = convert(source, target, data)
        except DecodeError:
            ours = "error"
        if source != target and "error" not in (ours, theirs):
            ours, theirs = meaning(ours, wire_of(target)), meaning(theirs, wire_of(target))
        tally.add(row, ours, theirs, any_value, stricter)
    tally.close()


def wire_of(encoding: str) -> str:
    """An encoding that nobody knows is JSON."""
    return MSGPACK if encoding == MSGPACK else JSON


def any_value(row: dict[str, Any], ours: Any) -> str | None:
    """D17: lists and scalars are converted as objects are."""
    return "D17" if row["error"] is not None and ours != "error" and is_no_object(row) else None


def is_no_object(row: dict[str, Any]) -> bool:
    return not isinstance(decode(row["from"], data_of(row["input"])), dict)


def test_roundtrip():
    tally = Tally("encoding/roundtrip.jsonl")
    for row in rows("encoding/roundtrip.jsonl"):
        obj = made(row)
        if isinstance(obj, DecodeError):
            tally.add(row, obj, None, refused_input)
            continue
        source, target = row["from"], row["to"]
        converted = convert(source, target, encode(source, obj))
        again = type(obj)()
        decode_into(target, converted, again)
        with_model = type(obj)()
        decode_into(target, convert(source, target, encode(source, obj), type(obj)), with_model)
        assert vars(with_model) == vars(again)  # the same instants, whatever their zone
        theirs = as_shown(row["decoded"]) if row["decode_error"] is None else "error"
        ours = meaning(converted, target), shown(again)
        tally.add(row, ours, (meaning(data_of(row["converted"]), target), theirs), kept)
    tally.close()


def kept(row: dict[str, Any], ours: Any) -> str | None:
    """D17: what was a time, or binary data, is one again: the object is what it was."""
    converted = meaning(data_of(row["converted"]), row["to"])
    return "D17" if ours == (converted, shown(made(row))) else None
