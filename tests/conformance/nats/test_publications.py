"""nats/publications.jsonl: envelopes, payloads, and who may reply."""

from __future__ import annotations

import asyncio
from typing import Any

from bahamut.elemental import DecodeError, encode
from bahamut.pubsub import Publication, PubSubError, ResponseMode
from tests.conformance.nats.support import (
    DECODER,
    data_of,
    fields_of,
    publication_of,
    rows,
    value_of,
)
from tests.conformance.tables.support import JSON, MSGPACK, Tally, meaning


def encoded(row: dict[str, Any]) -> Any:
    publication = publication_of(row["fields"])
    wire = encode(JSON, publication.to_wire())
    return {"envelope": publication.to_envelope(), "json": wire}


def payload(row: dict[str, Any]) -> Any:
    publication = Publication("t", data=b"before", encoding="before")
    try:
        publication.encode_with_encoding(value_of(row["value"]), row["encode"])
    except ValueError as error:
        return {"error": str(error), "after": fields_of(publication)}
    return {"after": fields_of(publication)}


def decoded(row: dict[str, Any]) -> Any:
    try:
        found = Publication.from_envelope(data_of(row["bytes_base64"]), topic="initial")
    except DecodeError as error:
        return {"error": str(error)}
    return {"fields": fields_of(found)}


def payload_decoded(row: dict[str, Any]) -> Any:
    publication = Publication("t", data=data_of(row["data_base64"]), encoding=row["encoding"])
    try:
        return {"value": publication.decode()}
    except DecodeError as error:
        return {"error": str(error)}


def replied(row: dict[str, Any]) -> Any:
    publication = Publication("t", response_mode=ResponseMode(row["responseMode"]))
    try:
        asyncio.run(publication.reply(Publication() if row["response"] else None))
    except PubSubError as error:
        return {"error": str(error)}
    return {}


def printed(row: dict[str, Any]) -> Any:
    return {"text": str(ResponseMode(row["value"]))}


WORKERS = {
    "publication payload": payload,
    "publication decode": decoded,
    "publication payload decode into a mapping": payload_decoded,
    "publication reply, publication made here": replied,
    "response mode text": printed,
}

RESULTS = {
    "publication payload": ("error", "after"),
    "publication decode": ("error", "fields"),
    "publication payload decode into a mapping": ("error", "value"),
    "publication reply, publication made here": ("error",),
    "response mode text": ("text",),
}


def x34(row: dict[str, Any], ours: Any) -> str | None:
    """The same first words, then what the decoder says."""
    theirs = row.get("error", "")
    said = ours.get("error", "")
    return "X34" if said and said != theirs and _beginning(said) == _beginning(theirs) else None


def _beginning(text: str) -> str | None:
    return text.partition(": ")[0] if text.startswith(DECODER) else None


def x35(row: dict[str, Any], ours: Any) -> str | None:
    """What is no envelope of the declared types is refused."""
    return "X35" if "error" in ours and "fields" in row else None


def x36(row: dict[str, Any], ours: Any) -> str | None:
    """The same values in the same order, in the notation of our libraries."""
    if "envelope" in ours:
        pairs = (
            (ours["envelope"], data_of(row["bytes_base64"]), MSGPACK),
            (
                ours["json"],
                row["as_json"].encode(),
                JSON,
            ),
        )
        return "X36" if all(meaning(a, k) == meaning(b, k) for a, b, k in pairs) else None
    if "after" not in ours or "after" not in row:
        return None
    after, kind = dict(ours["after"]), row["encode"]
    given = dict(row["after"])
    mine, theirs = (data_of(each.pop("data_base64")) for each in (after, given))
    kind = MSGPACK if kind == MSGPACK else JSON
    return "X36" if after == given and meaning(mine, kind) == meaning(theirs, kind) else None


def section_3(row: dict[str, Any], ours: Any) -> str | None:
    """Without a target the plain value is returned, whatever it is."""
    is_plain = "value" in ours and not isinstance(ours["value"], dict)
    return "section 3" if is_plain and "error" in row else None


def expected(row: dict[str, Any]) -> Any:
    if row["what"] == "publication encode":
        return {"envelope": data_of(row["bytes_base64"]), "json": row["as_json"].encode()}
    return {key: row[key] for key in RESULTS[row["what"]] if key in row}


def test_publications():
    tally = Tally("nats/publications.jsonl")
    for row in rows("publications.jsonl"):
        ours = WORKERS.get(row["what"], encoded)(row)
        tally.add(row, ours, expected(row), x34, x35, x36, section_3)
    tally.close()


def test_what_we_write_we_read():
    for row in rows("publications.jsonl"):
        if row["what"] == "publication encode":
            made = publication_of(row["fields"])
            if made.tracking_data is not None and made.topic.isprintable():
                assert Publication.from_envelope(made.to_envelope()) == made
