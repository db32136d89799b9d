"""What the filters' tables may differ in, and by which decision."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from bahamut.elemental.filters import (
    Comparator,
    Duration,
    Filter,
    Group,
    MatcherError,
    matches,
    parse,
)
from tests.conformance.tables.rows_filters import (
    Outcome,
    built,
    parsed,
    same_tree,
    text_of,
    value_of,
)
from tests.conformance.tables.support import golden_object, model_of

NOW = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
"""When the filters that say now() are applied."""

CONJUNCTION = r"(\\?a\\?n\\?d|\\?o\\?r)"
CALL = r"(\\?d\\?a\\?t\\?e|\\?n\\?o\\?w)"


# The rules of parse, parse_options, mutated, and of what print makes of its own text again.


def d24_nul(row: dict[str, Any], ours: Outcome) -> str:
    """D24: a NUL is refused, wherever it stands; the original swallows it or stops there."""
    is_so = ours.error == "invalid character. found NUL" and "\0" in text_of(row["text"])
    return "D24" if is_so else ""


def d24_limits(row: dict[str, Any], ours: Outcome) -> str:
    """D24: depth and length are limited."""
    text = text_of(row["text"])
    is_deep = ours.error is not None and ours.error.startswith("filter is too deep")
    is_long = ours.error is not None and ours.error.startswith("filter is too long")
    is_so = (is_deep and len(text) > 128) or (is_long and len(text) > 65536)
    return "D24" if row["ok"] and is_so else ""


def d24_parentheses(row: dict[str, Any], ours: Outcome) -> str:
    """D24: every parenthesis has its partner.

    The original takes a missing ``)`` for granted and ignores everything behind a ``)`` too many.
    """
    messages = ("missing closing parenthesis. found EOF", "missing opening parenthesis. found )")
    return "D24" if ours.error in messages else ""


def d24_conjunctions(row: dict[str, Any], ours: Outcome) -> str:
    """D24: between two terms stands one conjunction, behind the last none.

    The original takes a missing one for an and, the last of several, and none too many; what
    starts no term is skipped where a term may start.
    """
    text, error = text_of(row["text"]), ours.error or ""
    if error.startswith("missing conjunction before "):
        stray = error.removeprefix("missing conjunction before ")
        return "D24" if re.search(rf"\)\s*{_loose(stray)}", text, re.DOTALL) else ""
    if error.startswith("missing expression after "):
        return "D24" if re.search(rf"{CONJUNCTION}\s*(\)|\Z)", text, re.IGNORECASE) else ""
    if error.startswith("invalid start of expression. found "):
        stray = error.removeprefix("invalid start of expression. found ")
        follows = rf"{CONJUNCTION}\s*{_loose(stray)}"
        found = re.search(follows, text, re.IGNORECASE | re.DOTALL)
        return "D24" if found else ""
    return ""


def d24_lists(row: dict[str, Any], ours: Outcome) -> str:
    """D24: between two values of a list stands one comma, at its ends none."""
    text, error = text_of(row["text"]), ours.error or ""
    if "[" not in text:
        return ""
    if error.startswith("missing comma before "):
        return "D24"
    if error == "invalid value. found ,":
        return "D24" if re.search(r"[\[,]\s*,", text) else ""
    return "D24" if error == "invalid value. found ]" and re.search(r",\s*\]", text) else ""


def d24_bare_calls(row: dict[str, Any], ours: Outcome) -> str:
    """D24: the bare words date and now are no values; the original skips them."""
    text, error = text_of(row["text"]), ours.error or ""
    if not error.startswith("invalid value. found "):
        return ""
    stray = error.removeprefix("invalid value. found ")
    stray = r"\Z" if stray == "EOF" else _loose(stray)
    return "D24" if re.search(rf"{CALL}\s*{stray}", text, re.DOTALL) else ""


_ODD_BACKSLASH = re.compile(r"""(?:\A|[\s"'()\[\],<>=!])\\|\\(?:\Z|[<>=!])""")
"""Where the original has a rule of its own: at the begin of a word, before an operator, at the end.

What stands behind a quote, a bracket or an operator begins a word, too.
"""
_STRAY = re.compile(r".*(?:found|after|value:) (.*?)(?: instead of .*)?\Z", re.DOTALL)


def d22_backslashes(row: dict[str, Any], ours: Outcome) -> str:
    r"""D22: ``\x`` is x; in a quoted value of ``matches`` it stays ``\x``.

    The original keeps a backslash that begins a word, ignores one before an operator, and drops
    it in patterns. Where the text has no such place there is nothing to decide. Every text that
    ours holds, or names in its error, must stand in what the rule makes of the row's text.
    """
    text = text_of(row["text"])
    plain = re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
    if ours.filter is None:
        named = _STRAY.fullmatch(ours.error or "")
        is_named = named is not None and (named[1] == "\0" or named[1] in plain)
        return "D22" if is_named and _ODD_BACKSLASH.search(text) else ""
    patterns = [
        value
        for c in ours.filter.comparisons()
        if c.comparator is Comparator.MATCHES
        for value in _leaves(c.values)
    ]
    if not _ODD_BACKSLASH.search(text) and not any("\\" in str(p) for p in patterns):
        return ""
    is_so = all(t in plain or (t in patterns and t in text) for t in _texts(ours.filter))
    return "D22" if is_so else ""


def tree_decisions(row: dict[str, Any], ours: Outcome) -> str:
    """D23: only digits, decimals and exponents are numbers; nan, inf, 1_000 are texts."""
    if ours.filter is None or not ours.notes or not same_tree(row["tree"], ours.filter, set()):
        return ""
    return "+".join(sorted(ours.notes)) if _reads_back(ours.filter) else ""


def d21_lists_print_whole(row: dict[str, Any], ours: Outcome) -> str:
    """D21: ``not contains`` prints all its values, and so do lists in lists.

    The original prints the first, or crashes when there is none.
    """
    if ours.filter is None or not same_tree(row.get("tree", []), ours.filter, set()):
        return ""
    return "D21" if _is_cut_by_the_original(ours.filter) and _reads_back(ours.filter) else ""


def d20_texts_read_back(row: dict[str, Any], ours: Outcome) -> str:
    """D20: quotes, backslashes, odd keys, floats, fractions of seconds: printed to be read back."""
    if ours.filter is None or not same_tree(row.get("tree", []), ours.filter, set()):
        return ""
    return "D20" if _is_lost_by_the_original(ours.filter) and _reads_back(ours.filter) else ""


def d20_d21_in_messages(row: dict[str, Any], ours: Outcome) -> str:
    """D20, D21: the same error, in which a comparison is printed in another way."""
    start, middle = "invalid keyword after ", ". found "
    theirs, error = row.get("error") or "", ours.error or ""
    if not error.startswith(start):
        return ""
    printed, _, stray = error.removeprefix(start).rpartition(middle)
    comparison = parse(printed)
    if row.get("panic") and _is_cut_by_the_original(comparison):
        return "D21"
    if not (theirs.startswith(start) and theirs.endswith(middle + stray)):
        return ""
    if _is_cut_by_the_original(comparison):
        return "D21"
    return "D20" if _is_lost_by_the_original(comparison) else ""


PARSE_RULES = (
    d24_nul,
    d24_limits,
    d24_parentheses,
    d24_conjunctions,
    d24_lists,
    d24_bare_calls,
    tree_decisions,
    d21_lists_print_whole,
    d20_texts_read_back,
    d20_d21_in_messages,
    d22_backslashes,
)


# The rules of print.


def d20_no_text_form(row: dict[str, Any], ours: Outcome) -> str:
    """D20: what has no text form cannot be built: None, bytes, NaN, keys that start with $…"""
    if ours.error is None:
        return ""
    terms = list(_given_terms(row["filter"]))
    values = [v for t in terms for v in t["values"]]
    is_so = any(map(_has_no_text, values)) or any(
        text_of(t["key"]).startswith("$") or "\0" in text_of(t["key"]) for t in terms
    )
    return "D20" if is_so else ""


def d20_empty_groups(row: dict[str, Any], ours: Outcome) -> str:
    """D20: a group without filters says nothing, and is not printed: ``()`` cannot be read."""
    is_so = ours.filter is not None and _has_empty_group(row["filter"])
    return "D20" if is_so and "()" not in str(ours.filter) else ""


def d19_or_groups(row: dict[str, Any], ours: Outcome) -> str:
    """D19: an or group is joined to what stands before it by *and*, which is what it means."""
    if ours.filter is None or not _reads_back(ours.filter):
        return ""
    return "D19" if ours.printed != row.get("printed") and _has_late_or(ours.filter) else ""


def print_differs(row: dict[str, Any], ours: Outcome) -> str:
    """D21, then D20, as for parsed texts; the filter is the row's own, so there is no tree."""
    if ours.filter is None or not _reads_back(ours.filter):
        return ""
    if _is_cut_by_the_original(ours.filter):
        return "D21"
    return "D20" if _is_lost_by_the_original(ours.filter) else ""


PRINT_RULES = (d20_no_text_form, d20_empty_groups, d19_or_groups, print_differs)


# The rules of match.


def matched(row: dict[str, Any]) -> Outcome:
    """Apply the filter of a row to its object."""
    ours = parsed(text_of(row["text"])) if row.get("text") else built(row["filter"])
    if ours.filter is None:
        return ours
    try:
        ours.matches = matches(golden_object(row["object"]), ours.filter, now=lambda: NOW)
    except MatcherError as error:
        ours.error = str(error)
    return ours


def x16_every_comparator(row: dict[str, Any], ours: Outcome) -> str:
    """X16: every comparator is applied; the original refuses those of order and membership."""
    message = "elemental: unable to match: unsupported comparator: "
    is_so = (row.get("error") or "").startswith(message) and ours.matches is not None
    return "X16" if is_so and ours.error is None else ""


def d25_or_groups(row: dict[str, Any], ours: Outcome) -> str:
    """D25: all terms must hold; in the original a later or group has the last word."""
    return "D25" if ours.filter is not None and _has_late_or(ours.filter) else ""


def d25_names(row: dict[str, Any], ours: Outcome) -> str:
    """D25: an attribute exists under the names by which its value is found.

    The original finds values by the specification's name and existence by the Go name.
    """
    if ours.filter is None:
        return ""
    known = model_of(row["object"]["type"]).attribute_spec
    for comparison in ours.filter.comparisons():
        spec = known(comparison.key)
        is_exists = comparison.comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS)
        if spec is not None and (is_exists or spec.name != comparison.key):
            return "D25"
    return ""


def d25_values(row: dict[str, Any], ours: Outcome) -> str:
    """D25: numbers are compared as numbers, also in lists, times as instants, now() as a time.

    The original cuts fractions off, takes a number for the text of that code point and a span of
    time for an integer, does not convert the elements of lists, and compares times by their parts.
    """
    if ours.filter is None or ours.matches is None:
        return ""
    made = golden_object(row["object"])
    for comparison in ours.filter.comparisons():
        spec = made.attribute_spec(comparison.key)
        is_equality = comparison.comparator in (Comparator.EQUAL, Comparator.NOT_EQUAL)
        if spec is not None and is_equality:
            value = made.__dict__.get(spec.wire)
            if any(_is_compared_otherwise(value, wanted) for wanted in comparison.values):
                return "D25"
    return ""


def _is_compared_otherwise(value: Any, wanted: Any) -> bool:
    """Tell whether the original takes one of the two for something else than it is."""
    if isinstance(value, list | tuple):
        return any(map(_is_converted, _leaves((wanted,)))) and any(
            map(_is_converted, _leaves(tuple(value)))
        )
    match value, wanted:
        case datetime(), datetime():
            return value.utcoffset() != wanted.utcoffset()
        case (datetime() | int(), Duration()):
            return not isinstance(value, bool)
        case int(), float():
            return not wanted.is_integer() and int(wanted) == value
        case str(), int():
            return value == chr(wanted) if 0 <= wanted < 0x110000 else value == "\ufffd"
    return False


def _is_converted(value: Any) -> bool:
    """Tell whether a value needs converting to be compared."""
    return isinstance(value, int | float | datetime) and not isinstance(value, bool)


def d25_elements(row: dict[str, Any], ours: Outcome) -> str:
    """D25: a pattern finds the texts in any list; the original only those in lists of texts."""
    if ours.filter is None:
        return ""
    known = model_of(row["object"]["type"]).attribute_spec
    for comparison in ours.filter.comparisons():
        spec = known(comparison.key)
        if comparison.comparator is Comparator.MATCHES and spec is not None:
            kind = spec.subtype if spec.type == "list" else spec.type
            if kind in ("object", "external"):
                return "D25"
    return ""


MATCH_RULES = (
    d20_no_text_form,
    x16_every_comparator,
    d25_or_groups,
    d25_names,
    d25_values,
    d25_elements,
)


# What the rules ask of a filter.


def _loose(stray: str) -> str:
    """Return a pattern for a token as it may be written: with backslashes in it."""
    return "".join(rf"\\?{re.escape(letter)}" for letter in stray)


def _reads_back(filter_: Filter) -> bool:
    return parse(str(filter_)) == filter_


def _leaves(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _leaves(value)
        else:
            yield value


def _texts(filter_: Filter) -> Iterator[str]:
    for comparison in filter_.comparisons():
        yield comparison.key
        yield from (v for v in _leaves(comparison.values) if isinstance(v, str))


def _is_cut_by_the_original(filter_: Filter) -> bool:
    return any(
        c.comparator is Comparator.NOT_CONTAINS or any(isinstance(v, tuple) for v in c.values)
        for c in filter_.comparisons()
    )


def _is_lost_by_the_original(filter_: Filter) -> bool:
    return any(
        str(Filter().with_key(c.key).exists()) != f"{c.key} exists"
        or any(map(_is_lost_value, _leaves(c.values)))
        for c in filter_.comparisons()
    )


def _is_lost_value(value: Any) -> bool:
    if isinstance(value, str):
        return '"' in value or "\\" in value
    if isinstance(value, datetime):
        return value.microsecond != 0
    return isinstance(value, float)


def _given_terms(tree: list[Any]) -> Iterator[dict[str, Any]]:
    for term in tree:
        members = term.get("and", term.get("or"))
        if members is None:
            yield term
        else:
            for member in members:
                yield from _given_terms(member)


def _has_no_text(typed: dict[str, Any]) -> bool:
    if "list" in typed:
        return any(map(_has_no_text, typed["list"]))
    value = value_of(typed)
    if isinstance(value, float):
        return value != value or value in (float("inf"), float("-inf"))
    if isinstance(value, str):
        return "\0" in value
    return value is None or (isinstance(value, int) and not -(2**63) <= value < 2**63)


def _has_empty_group(tree: list[Any]) -> bool:
    groups = [term.get("and", term.get("or")) for term in tree]
    return any(
        members is not None and (not members or any(not m or _has_empty_group(m) for m in members))
        for members in groups
    )


def _has_late_or(filter_: Filter) -> bool:
    for place, term in enumerate(filter_.slots):
        if isinstance(term, Group):
            if term.word == "or" and place > 0:
                return True
            if any(map(_has_late_or, term.members)):
                return True
    return False
