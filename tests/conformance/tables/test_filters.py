"""filters/: parsing, printing and matching."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bahamut._kit.gotime import format_rfc3339
from bahamut.elemental.errors import Error
from bahamut.elemental.filters import (
    Comparison,
    Duration,
    Filter,
    FilterError,
    matches,
    parse,
)
from bahamut.elemental.filters.filter import Comparator
from tests.conformance.tables.support import Tally, golden_object, rows, text_of, typed


def value_shown(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, str):
        return ("string", value)
    if isinstance(value, int | float):
        return (type(value).__name__, value)
    if isinstance(value, Duration):
        return ("duration", value.nanoseconds)
    if isinstance(value, datetime):
        return ("time", format_rfc3339(value))
    return ("list", [value_shown(item) for item in value])


def tree(condition: Filter) -> list[Any]:
    return [
        (slot.key, str(slot.comparator), [value_shown(value) for value in slot.values])
        if isinstance(slot, Comparison)
        else (slot.word, [tree(member) for member in slot.members])
        for slot in condition.slots
    ]


def value_recorded(value: dict[str, Any]) -> Any:
    [kind] = set(value) - {"of"}
    if kind == "list":
        return ("list", [value_recorded(item) for item in value["list"]])
    if kind == "float":
        return ("float", float(value["float"]))
    return (kind, value[kind])


def tree_recorded(slots: list[dict[str, Any]]) -> list[Any]:
    found: list[Any] = []
    for slot in slots:
        if "key" in slot:
            values = [value_recorded(value) for value in slot["values"]]
            found.append((slot["key"], slot["cmp"], values))
        else:
            [word] = slot
            found.append((word, [tree_recorded(member) for member in slot[word]]))
    return found


# --- rules: each names the decision that explains a difference in the row it is given -----------


def lenience(row: dict[str, Any], ours: Any) -> str | None:
    """D24: the original took it; a leniency, which ours refuses."""
    return "D24" if row.get("ok") and ours[0] == "refused" else None


def backslash(row: dict[str, Any], ours: Any) -> str | None:
    """D22: one rule for backslashes."""
    return "D22" if "\\" in str(row["text"]) else None


def bare_number(row: dict[str, Any], ours: Any) -> str | None:
    """D23: words such as nan, inf and 1_000 are texts."""
    words = ("nan", "inf", "_")
    return "D23" if row.get("ok") and any(w in row["text"].lower() for w in words) else None


def other_words(row: dict[str, Any], ours: Any) -> str | None:
    """D24: both refuse, but the original read on past a leniency or crashed, or printed as D20."""
    if row.get("ok") or ours[0] != "refused":
        return None
    return "panic" if row.get("panic") else "D24"


RULES = (backslash, lenience, bare_number, other_words)


@pytest.mark.parametrize("name", ["parse", "mutated", "parse_options"])
def test_parse(name):
    tally = Tally(f"filters/{name}.jsonl")
    for row in rows(f"filters/{name}.jsonl"):
        text = text_of(row["text"])
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        try:
            parsed = parse(text, unsupported=tuple(row.get("unsupported") or ()))
            ours: Any = ("parsed", tree(parsed))
            assert parse(str(parsed)) == parsed, text
        except FilterError as error:
            ours = ("refused", str(error))
        theirs = (
            ("parsed", tree_recorded(row["tree"]))
            if row.get("ok")
            else (
                "refused",
                row.get("error"),
            )
        )
        tally.add(row, ours, theirs, *RULES)
    tally.close()


def built(slots: list[dict[str, Any]]) -> Filter:
    found = Filter()
    for slot in slots:
        if "key" in slot:
            values = [built_value(value) for value in slot["values"]]
            found.with_key(slot["key"])._compare(Comparator(slot["cmp"]), *values)
        else:
            [word] = slot
            members = [built(member) for member in slot[word]]
            found = found.and_(*members) if word == "and" else found.or_(*members)
    return found


def built_value(value: dict[str, Any]) -> Any:
    if "duration" in value:
        return Duration(value["duration"])
    if "list" in value:
        return [built_value(item) for item in value["list"]]
    if "time" in value:
        return typed(value) or datetime.fromisoformat("0001-01-01T00:00:00+00:00")
    return typed(value)


def printed_otherwise(row: dict[str, Any], ours: Any) -> str | None:
    """D19, D20, D21: what ours prints parses to the same filter."""
    condition = built(row["filter"])
    if row.get("print_panic"):
        return "panic"
    if row["printed"] == "()" or "other" in str(row["filter"]):
        return "D20"  # an empty group, a value of Go's own: neither can be parsed
    try:
        again = parse(ours)
    except FilterError:
        is_unprintable = any(not key or key.startswith("$") for key in condition.attribute_names())
        return "D20" if is_unprintable or "{}" in ours else None
    return "D19-D21" if again == condition or str(again) == ours else None


def test_print():
    tally = Tally("filters/print.jsonl")
    for row in rows("filters/print.jsonl"):
        tally.add(row, str(built(row["filter"])), row.get("printed"), printed_otherwise)
    tally.close()


def compared_rightly(row: dict[str, Any], ours: Any) -> str | None:
    """D25, X16, X31: declared attributes, every comparator, no truncation, groups folded."""
    text = str(row["filter"])
    if row.get("error"):
        return "X16"
    if "exists" in text:
        return "D25"
    if row.get("panic"):
        return "panic"
    if "'matches'" in text:
        return "X31"
    return "D25"


def test_match():
    tally = Tally("filters/match.jsonl")
    for row in rows("filters/match.jsonl"):
        try:
            ours: Any = matches(golden_object(row["object"]), built(row["filter"]))
        except (FilterError, Error) as error:
            ours = str(error)
        theirs = row.get("error") or row.get("matches")
        tally.add(row, ours, theirs, compared_rightly)
    tally.close()
