"""What the tables of publications share."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from bahamut._kit.gotime import parse_rfc3339
from bahamut.elemental import DecodeError, Error, decode
from bahamut.pubsub import Publication, ResponseMode
from tests.conformance.tables import support
from tests.conformance.tables.support import readable

DECODER = "unable to decode application/"


def rows(name: str) -> Iterator[dict[str, Any]]:
    for row in support.rows(f"nats/{name}"):
        yield {"case": row["name"], **row}


def data_of(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def text_of(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def sent_of(row: dict[str, Any]) -> bytes:
    """Return what a row decodes."""
    return row["text"].encode() if "text" in row else base64.b64decode(row["bytes_base64"])


def is_declared(row: dict[str, Any], shape: dict[str, Any]) -> bool:
    """Tell whether a row decodes one valid object whose values are of their declared types."""
    try:
        declared(row["encoding"], sent_of(row), shape)
    except DecodeError:
        return False
    return True


def declared(encoding: str, data: bytes, shape: dict[str, Any]) -> dict[str, Any]:
    """Return the one valid object that data hold.

    Args:
        encoding: of the data.
        data: what was sent.
        shape: what some keys of the object hold: a type, `[shape]`, `{str: shape}`.

    Raises:
        DecodeError: they hold none, or one whose values are of other types.
    """
    value = decode(encoding, data)
    if not isinstance(value, dict):
        raise DecodeError("no object")
    for key, each in shape.items():
        if not conforms(value.get(key), each):
            raise DecodeError("of another type", key)
    return value


def conforms(value: Any, shape: Any) -> bool:
    """Tell whether a value is of a shape; null is of every shape."""
    if value is None:
        return True
    if isinstance(shape, list):
        return isinstance(value, list) and all(conforms(item, shape[0]) for item in value)
    if isinstance(shape, dict):
        is_mapping = isinstance(value, dict)
        return is_mapping and all(conforms(item, shape[str]) for item in value.values())
    return isinstance(value, shape)


def repeats_key(row: dict[str, Any]) -> bool:
    """Tell whether what a row decodes is valid, and has a key twice in one object."""
    return _repeats(readable(sent_of(row), row["encoding"]))


def _repeats(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_repeats, value))
    if not isinstance(value, tuple) or value[0] != "map":
        return False
    keys = [key for key, _ in value[1]]
    return len(set(keys)) < len(keys) or any(_repeats(item) for _, item in value[1])


def is_subject(topic: str) -> bool:
    """Tell whether something can be published on a topic (X45)."""
    return not any(not word or " " in word or word in "*>" for word in topic.split("."))


OWN = ("name", "lang", "version")
"""Of the options of CONNECT what is a client's own business."""


def without_own(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of CONNECT that are on and not a client's own business."""
    return {key: value for key, value in options.items() if value and key not in OWN}


def without_details(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without what decoders say of their input, which is free (X34)."""
    return {
        key: value.partition(": ")[0]
        if isinstance(value, str) and value.startswith(DECODER)
        else value
        for key, value in result.items()
    }


def value_of(given: Any) -> Any:
    """Return the value that a row describes."""
    if isinstance(given, dict) and "$object" in given:
        plain = {"type": given["$object"], "json": json.dumps(given["attributes"])}
        return support.golden_object(plain)
    if isinstance(given, dict) and "$error" in given:
        return Error.from_wire(given["$error"])
    if isinstance(given, dict) and "$list" in given:
        return [value_of(item) for item in given["$list"]]
    if isinstance(given, dict) and "$base64" in given:
        return base64.b64decode(given["$base64"])
    if isinstance(given, dict) and "$time" in given:
        return parse_rfc3339(given["$time"])
    return given


def text_field(given: Any) -> str:
    found = value_of(given)
    return found.decode("utf-8", "surrogateescape") if isinstance(found, bytes) else found


def publication_of(fields: dict[str, Any] | None) -> Publication | None:
    """Return the publication with these fields; what they leave out is as in a new one."""
    if fields is None:
        return None
    data = bytes(fields["data_zero_bytes"]) if "data_zero_bytes" in fields else None
    return Publication(
        topic=text_field(fields.get("topic", "")),
        data=data_of(fields["data_base64"]) if "data_base64" in fields else data,
        partition=fields.get("partition", 0),
        tracking_name=fields.get("trackingName", ""),
        tracking_data=fields.get("trackingData", {}),
        encoding=fields.get("encoding", ""),
        response_mode=ResponseMode(fields.get("responseMode", 0)),
    )


def fields_of(publication: Publication | None) -> dict[str, Any] | None:
    """Return the fields as rows list them."""
    if publication is None:
        return None
    return {
        "data_base64": text_of(publication.data),
        "encoding": publication.encoding,
        "partition": publication.partition,
        "responseMode": int(publication.response_mode),
        "topic": publication.topic,
        "trackingData": publication.tracking_data,
        "trackingName": publication.tracking_name,
    }
