"""nats/pushconfigs.jsonl: what websocket sessions ask for, written and read."""

from __future__ import annotations

import json
from typing import Any

from bahamut.elemental import DecodeError, PushConfig, encode
from bahamut.elemental.filters import FilterError
from tests.conformance.nats.support import (
    data_of,
    is_declared,
    repeats_key,
    rows,
    sent_of,
    without_details,
)
from tests.conformance.tables.rows_filters import parsed
from tests.conformance.tables.rules_filters import PARSE_RULES, print_differs
from tests.conformance.tables.support import JSON, MSGPACK, Tally, meaning

TEXTS = {str: [str]}
SHAPE = {"identities": TEXTS, "filters": {str: str}, "parameters": TEXTS}


def encoded(row: dict[str, Any]) -> dict[str, Any]:
    config = PushConfig(**row["fields"])
    forms = {kind: meaning(encode(kind, config), kind) for kind in (JSON, MSGPACK)}
    return {"json": forms[JSON], "msgpack_base64": forms[MSGPACK], "text": str(config)}


def decoded(row: dict[str, Any]) -> dict[str, Any]:
    try:
        config = PushConfig.from_bytes(row["encoding"], sent_of(row))
    except DecodeError as error:
        return {"error": str(error)}
    names = [tuple(name.rsplit(" ", 1)) for name in row.get("filtered_out", {})]
    found: dict[str, Any] = {
        "fields": config.to_wire(),
        "string": str(config),
        "filtered_out": {" ".join(name): config.is_filtered_out(*name) for name in names},
    }
    try:
        config.parse_identity_filters()
    except FilterError as error:
        return {**found, "parse_error": str(error)}
    printed = {name: str(config.filter_for_identity(name)) for name in config.filters}
    return {**found, "parsed": printed}


WORKERS = {"push config encode": encoded, "push config decode": decoded}
RESULTS = {
    "push config encode": ("json", "msgpack_base64", "text"),
    "push config decode": ("error", "fields", "string", "filtered_out", "parse_error", "parsed"),
}


def expected(row: dict[str, Any]) -> dict[str, Any]:
    found = {key: row[key] for key in RESULTS[row["what"]] if key in row}
    if "json" in found:
        found["json"] = meaning(row["json"].encode(), JSON)
        found["msgpack_base64"] = meaning(data_of(row["msgpack_base64"]), MSGPACK)
    return found


# --- differences on purpose ------------------------------------------------------------------


def x34(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """The same first words, then what the decoder says."""
    return "X34" if without_details(ours) == without_details(expected(row)) else None


def x35(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """One valid object whose values are of their declared types; of a key's values the last."""
    if row["what"] != "push config decode" or "error" in row:
        return None
    is_odd = not is_declared(row, SHAPE) if "error" in ours else repeats_key(row)
    return "X35" if is_odd else None


def x36(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """A mapping that is not there (nil) does not exist in Python: it is empty."""
    theirs = expected(row)
    if "fields" not in ours or "fields" not in theirs:
        return None
    fields = {key: value or {} for key, value in theirs["fields"].items() if key != "parameters"}
    return "X36" if ours == {**theirs, "fields": {**theirs["fields"], **fields}} else None


def filters(row: dict[str, Any], ours: dict[str, Any]) -> str | None:
    """What is decided of filters, for each that differs; nothing else does."""
    theirs = expected(row)
    if "fields" not in ours or without_parse(ours) != without_parse(theirs):
        return None
    wanted = row["fields"]["filters"].items()
    decisions = {decision(text, *recorded_parse(row, name, text)) for name, text in wanted}
    decisions.discard("")
    return None if None in decisions or not decisions else ", ".join(sorted(decisions))


def without_parse(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in result if key not in ("parsed", "parse_error")}


def recorded_parse(row: dict[str, Any], name: str, text: str) -> tuple[str | None, str | None]:
    """Return the printed filter of an identity, or why it is none; neither if another is none."""
    quoted = json.dumps(text, ensure_ascii=False)
    before, error = f"elemental: unable to parse filter {quoted}: ", row.get("parse_error", "")
    is_so = error.startswith(before)
    return row.get("parsed", {}).get(name), error.removeprefix(before) if is_so else None


def decision(text: str, printed: str | None, error: str | None) -> str | None:
    """Return the decision about a filter: X16, that of the tables of filters, or none (empty)."""
    outcome = parsed(text)
    if error is None and printed in (None, outcome.printed):
        return ""
    if error is not None and error == outcome.error:
        return ""
    if (error or "").startswith("unsupported comparator") and outcome.filter is not None:
        return "X16"
    row = {"text": text, "ok": error is None, "error": error, "printed": printed}
    found = (rule(row, outcome) for rule in (*PARSE_RULES, print_differs))
    return next(filter(None, found), None)


RULES = (x34, x35, x36, filters)


def test_push_configs() -> None:
    tally = Tally("nats/pushconfigs.jsonl")
    for row in rows("pushconfigs.jsonl"):
        tally.add(row, WORKERS[row["what"]](row), expected(row), *RULES)
    tally.close()
