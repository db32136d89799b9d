"""encoding/errors.jsonl: errors encoded, decoded, told apart, appended and traced."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from bahamut.elemental import (
    DecodeError,
    Error,
    Errors,
    decode_errors,
    encode,
    is_error_with_code,
    is_validation_error,
)
from tests.conformance.tables.support import JSON, MSGPACK, Tally, data_of, meaning, rows, typed

FILE = "encoding/errors.jsonl"


def rows_of(group: str) -> Iterator[dict[str, Any]]:
    return (row for row in rows(FILE) if row["group"] == group)


def given_error(value: dict[str, Any] | None, texts: str = "") -> Any:
    """Return the error that a row describes.

    Args:
        value: the description.
        texts: what the errors print as; subjects and descriptions, which some rows keep to
            themselves, are taken from there.
    """
    if value is None:
        return None
    if "errors" in value:
        return Errors(*(given_error(item, texts) for item in value["errors"] or ()))
    if "plain" in value:
        return RuntimeError(value["plain"])
    value = value.get("error", value)
    title, code = value.get("title", ""), value.get("code", 0)
    found = re.search(rf"error {code} \((\w*)\): {re.escape(title)}: (\w*)", texts)
    subject, description = found.groups() if found else ("", "")
    return Error(
        title,
        value.get("description", description),
        value.get("subject", subject),
        code,
        typed(value.get("data")),
        value.get("trace", ""),
    )


def no_list(row: dict[str, Any], ours: Any) -> str | None:
    """A list that is not there (nil) does not exist in Python: it is empty."""
    return "X36" if row.get("errors", []) is None else None


@pytest.mark.parametrize("group", ["encode-one", "encode-list"])
def test_errors_are_encoded(group: str) -> None:
    tally = Tally(f"{FILE} {group}")
    for row in rows_of(group):
        error = given_error(row.get("error", row))
        ours = meaning(encode(JSON, error), JSON), meaning(encode(MSGPACK, error), MSGPACK)
        theirs = (
            meaning(row["json"].encode(), JSON),
            meaning(base64.b64decode(row["msgpack"]), MSGPACK),
        )
        tally.add(row, (*ours, str(error)), (*theirs, row.get("text", str(error))), no_list)
    tally.close()


def stricter(row: dict[str, Any], ours: Any) -> str | None:
    """X35: refused where the original took it, or a whole float that is an integer here."""
    if ours == "error":
        return "X35" if row["error"] is None else None
    if row["error"] is None:
        return "X35" if other_case(row["input"]) else None
    return "X35" if "cannot unmarshal number" in row["error"] else None


def other_case(text: Any) -> bool:
    """Tell whether a key is a field's but for its case: the original's decoder takes it."""
    fields = Error("", "").to_wire()
    keys = re.findall(r'"(\w+)"\s*:', data_of(text).decode("utf-8", "replace"))
    return any(key not in fields and key.lower() in fields for key in keys)


def test_errors_are_decoded() -> None:
    tally = Tally(f"{FILE} decode")
    for row in rows_of("decode"):
        try:
            ours: Any = meaning(encode(JSON, decode_errors(data_of(row["input"]))), JSON)
        except DecodeError:
            ours = "error"
        theirs: Any = "error"
        if row["error"] is None:
            theirs = meaning(encode(JSON, given_error(row)), JSON)
        tally.add(row, ours, theirs, stricter)
    tally.close()


def foreign(row: dict[str, Any], ours: Any) -> str | None:
    """D14: what is no error of ours has no code, not even 0."""
    given = row["given"]
    is_foreign = given is None or "plain" in given
    return "D14" if row["code"] == 0 and is_foreign and ours is False else None


def test_codes_are_told_apart() -> None:
    tally = Tally(f"{FILE} is-code")
    for row in rows_of("is-code"):
        ours = is_error_with_code(given_error(row["given"]), row["code"])
        tally.add(row, ours, row["result"], foreign)
    tally.close()


def crashed(row: dict[str, Any], ours: Any) -> str | None:
    """D15: data without the attribute, or with one that is no text, say no."""
    return "D15" if row.get("panic") and ours is False else None


def any_mapping(row: dict[str, Any], ours: Any) -> str | None:
    """D15: mappings of texts count like mappings of anything."""
    return (
        "D15" if ours is True and '"of": "string"' in str(row["given"]).replace("'", '"') else None
    )


def test_validation_errors_are_told_apart() -> None:
    tally = Tally(f"{FILE} is-validation")
    for row in rows_of("is-validation"):
        ours = is_validation_error(given_error(row["given"]), row["title"], row["attribute"])
        tally.add(row, ours, row.get("result"), crashed, any_mapping)
    tally.close()


def nothing_given(row: dict[str, Any], ours: Any) -> str | None:
    """D14: what is not there is nothing to append, and no crash."""
    return "D14" if row["given"] is None and row.get("panic") else None


def test_errors_are_appended() -> None:
    tally = Tally(f"{FILE} append")
    for row in rows_of("append"):
        base = Errors(*[Error("first", "f", "s", 1)] * row["base"])
        given = given_error(row["given"], row.get("text", ""))
        found = base.append(*(() if given is None else (given,)))
        ours = len(base), found.code, len(found), str(found)
        theirs = tuple(row.get(key) for key in ("base_after", "code", "length", "text"))
        tally.add(row, ours, theirs, nothing_given)
    tally.close()


def test_errors_are_traced() -> None:
    tally = Tally(f"{FILE} trace")
    for row in rows_of("trace"):
        given = given_error(row["given"], row.get("text", ""))
        before = Errors(*(() if given is None else (given,)), RuntimeError("last"))
        found = before.traced("tid")
        assert not any(error.trace for error in before)
        tally.add(row, (found.code, str(found)), (row.get("code"), row.get("text")), nothing_given)
    tally.close()
