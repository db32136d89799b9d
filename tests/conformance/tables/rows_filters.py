"""The rows of the filters' tables turned into filters, and compared with them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bahamut._kit.gotime import format_rfc3339, parse_rfc3339
from bahamut.elemental.filters import (
    Comparator,
    Comparison,
    Duration,
    Filter,
    FilterError,
    Group,
    parse,
)
from tests.conformance.tables.support import data_of

NAN_WORD = re.compile(
    r"[+-]?(nan|inf|infinity)|[-+0-9_a-fxp.]*(_|0x)[-+0-9_a-fxp.]*",
    re.IGNORECASE,
)
"""Texts that only Go takes for a float."""


def text_of(value: Any) -> str:
    return data_of(value).decode("utf-8", "replace")


@dataclass
class Outcome:
    """What ours makes of a text, or of a filter that was built."""

    filter: Filter | None = None
    error: str | None = None
    notes: set[str] = field(default_factory=set)
    """Decisions that the comparison of the trees came across."""

    matches: bool | None = None

    @property
    def printed(self) -> str | None:
        return None if self.filter is None else str(self.filter)


def parsed(text: str, unsupported: list[str] | None = None) -> Outcome:
    try:
        return Outcome(parse(text, unsupported=unsupported or ()))
    except FilterError as error:
        return Outcome(error=str(error))


def built(tree: list[Any]) -> Outcome:
    try:
        return Outcome(filter_of(tree))
    except FilterError as error:
        return Outcome(error=str(error))


def filter_of(tree: list[Any]) -> Filter:
    """Compose the filter that a row shows as a tree."""
    found = Filter()
    for term in tree:
        if "and" in term:
            found = found.and_(*map(filter_of, term["and"]))
        elif "or" in term:
            found = found.or_(*map(filter_of, term["or"]))
        else:
            comparator = Comparator(term["cmp"])
            is_exists = comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS)
            values = () if is_exists else map(value_of, term["values"])
            found = found.with_key(text_of(term["key"])).compare(comparator, values)
    return found


def value_of(typed: dict[str, Any]) -> Any:
    """Return a typed value of a row; kinds that no filter of ours holds come as None."""
    kind, value = next((k, v) for k, v in typed.items() if k != "of")
    if kind == "list":
        return list(map(value_of, value))
    read = _READERS.get(kind.rstrip("0123456789"))
    return None if read is None else read(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "string": text_of,
    "int": int,
    "uint": int,
    "float": float,
    "bool": bool,
    "time": lambda text: parse_rfc3339(text) or datetime(1, 1, 1, tzinfo=UTC),
    "duration": Duration,
}


def same_tree(tree: list[Any], ours: Filter, notes: set[str]) -> bool:
    """Compare a recorded tree with a filter; *notes* gets the decisions between them."""
    return len(tree) == len(ours.slots) and all(
        map(_same_term, tree, ours.slots, [notes] * len(tree))
    )


def _same_term(given: dict[str, Any], ours: Comparison | Group, notes: set[str]) -> bool:
    if isinstance(ours, Group):
        members = given.get(ours.word)
        return (
            members is not None
            and len(members) == len(ours.members)
            and all(same_tree(m, f, notes) for m, f in zip(members, ours.members, strict=True))
        )
    return (
        "cmp" in given
        and (text_of(given["key"]), given["cmp"]) == (ours.key, ours.comparator)
        and len(given["values"]) == len(ours.values)
        and all(_same_value(v, o, notes) for v, o in zip(given["values"], ours.values, strict=True))
    )


def _same_value(given: dict[str, Any], ours: Any, notes: set[str]) -> bool:
    if "list" in given:
        items = given["list"]
        return (
            isinstance(ours, tuple)
            and len(items) == len(ours)
            and all(_same_value(v, o, notes) for v, o in zip(items, ours, strict=True))
        )
    if "float" in given and isinstance(ours, str) and NAN_WORD.fullmatch(ours):
        notes.add("D23")
        return True
    value = value_of(given)
    if isinstance(value, datetime):
        return isinstance(ours, datetime) and format_rfc3339(value) == format_rfc3339(ours)
    return type(value) is type(ours) and value == ours


def is_same_parse(row: dict[str, Any], ours: Outcome) -> bool:
    """Tell whether a text was understood as in the row, printed text included."""
    if not row["ok"]:
        return row.get("error") is not None and row["error"] == ours.error
    return (
        ours.filter is not None
        and ("tree" not in row or same_tree(row["tree"], ours.filter, ours.notes))
        and not ours.notes
        and row.get("printed") == ours.printed
    )
