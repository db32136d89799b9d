"""`Filter`: a condition on the attributes of an object, how it is composed and its text form.

A filter is a row of slots that must all hold. A slot is a `Comparison`, or a `Group` of filters of
which all or any must hold. Filters are values: composing gives a new one, and the text of a filter,
parsed, is the same filter again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Any

from bahamut._kit.gotime import MAX_DURATION, format_duration, format_rfc3339

MAX_DEPTH = 64
"""How deep groups stand in groups, and lists in lists."""

KEYWORDS = frozenset(("and", "or", "not", "in", "contains", "matches", "exists", "true", "false"))
"""Words of the language, in any case; as keys and values they must be quoted."""

WORD = re.compile(r"(?:[A-Za-z0-9@:$#./*_-]|=(?!=)|!(?!=)|\\.|\\\Z)+", re.DOTALL)
"""A word outside quotes: a backslash gives the character behind it as it is."""


class FilterError(ValueError):
    """A text is no filter, or a filter cannot be built or used."""

    position: int | None = None
    """How far a text had been read when it was found to be no filter."""


class Comparator(StrEnum):
    """How a value is compared; the text is what filters are written with."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    LESSER = "<"
    LESSER_OR_EQUAL = "<="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not contains"
    MATCHES = "matches"
    EXISTS = "exists"
    NOT_EXISTS = "not exists"


WITH_LISTS = frozenset(
    (
        Comparator.IN,
        Comparator.NOT_IN,
        Comparator.CONTAINS,
        Comparator.NOT_CONTAINS,
        Comparator.MATCHES,
    )
)
"""Comparators that take any number of values; a single value stands for a list of one."""
WITHOUT_VALUE = {Comparator.EXISTS: True, Comparator.NOT_EXISTS: False}
"""Comparators that take none, and the value that such a comparison holds all the same."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A time relative to the moment at which a filter is applied: ``now("-1h")``."""

    nanoseconds: int

    def __str__(self) -> str:
        return f'now("{format_duration(self.nanoseconds)}")' if self.nanoseconds else "now()"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison: key, comparator, values. Lists among the values are tuples."""

    key: str
    comparator: Comparator
    values: tuple[Any, ...]

    def __str__(self) -> str:
        text = f"{_key_text(self.key)} {self.comparator}"
        if self.comparator in WITHOUT_VALUE:
            return text
        quoted = _quoted_pattern if self.comparator is Comparator.MATCHES else _quoted
        value = self.values if self.comparator in WITH_LISTS else self.values[0]
        return f"{text} {_value_text(value, quoted)}"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Filters of which all, or any, must hold."""

    word: str
    """``and`` or ``or``."""
    members: tuple[Filter, ...]

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(f'({member})' for member in self.members)})"


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """What an object must be like (Go: elemental.Filter).

    It is composed fluently, and each step gives a new filter::

        Filter().with_key("name").equals("milk").with_key("priority").greater_than(3)
        Filter().or_(Filter.parse('a == 1'), Filter.parse('b == 2'))

    Filters are equal when they say the same in the same order, however their groups are nested. A
    filter without slots matches everything and has no text.
    """

    slots: tuple[Comparison | Group, ...] = ()
    depth: int = 0
    """Levels of groups within groups."""

    @staticmethod
    def parse(text: str, *, unsupported: Iterable[str] = ()) -> Filter:
        """Return the filter that *text* states (Go: NewFilterFromString).

        Args:
            text: for instance ``name == "milk" and priority > 3``.
            unsupported: comparators to refuse.

        Raises:
            FilterError: it states none.
        """
        from bahamut.elemental.filters.parser import parse

        return parse(text, unsupported=unsupported)

    # --- composing ---------------------------------------------------------------------------

    def with_key(self, key: str) -> KeyComposer:
        """Begin a comparison of the attribute *key* (Go: WithKey).

        Raises:
            FilterError: the key starts with a dollar sign or holds a NUL.
        """
        if key.startswith("$"):
            raise FilterError(f"could not start a parameter with $. Found {key}")
        return KeyComposer(self, _checked_text(key))

    def and_(self, *filters: Filter) -> Filter:
        """Add that all *filters* hold; empty ones say nothing (Go: And).

        Raises:
            FilterError: the filter would be deeper than `MAX_DEPTH`.
        """
        return self._with_group("and", tuple(member for member in filters if member))

    def or_(self, *filters: Filter) -> Filter:
        """Add that any of *filters* holds; an empty one always does (Go: Or).

        Raises:
            FilterError: the filter would be deeper than `MAX_DEPTH`.
        """
        return self._with_group("or", filters if all(filters) else ())

    def _with_group(self, word: str, members: tuple[Filter, ...]) -> Filter:
        if not members:
            return self
        depth = 1 + max(member.depth for member in members)
        if depth > MAX_DEPTH:
            raise too_deep()
        return Filter((*self.slots, Group(word, members)), max(self.depth, depth))

    def done(self) -> Filter:
        """Return the filter itself, as the original's composers end."""
        return self

    # --- reading, comparing and printing -----------------------------------------------------

    def comparisons(self) -> Iterator[Comparison]:
        """Yield every comparison, those in groups too, from left to right."""
        for slot in self.slots:
            if isinstance(slot, Comparison):
                yield slot
            else:
                for member in slot.members:
                    yield from member.comparisons()

    def attribute_names(self) -> Iterator[str]:
        """Yield the attribute names that the filter speaks of."""
        return (comparison.key for comparison in self.comparisons())

    def _plain(self) -> Any:
        """Return what the filter says, without the parentheses that say nothing."""
        slots = tuple(_plain_group(s) if isinstance(s, Group) else str(s) for s in self.slots)
        return slots[0] if len(slots) == 1 else ("and", *slots)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filter):
            return NotImplemented
        return bool(self._plain() == other._plain())

    def __hash__(self) -> int:
        return hash(self._plain())

    def __bool__(self) -> bool:
        return bool(self.slots)

    def __str__(self) -> str:
        return " and ".join(map(str, self.slots))

    def __repr__(self) -> str:
        return f"<Filter {self}>"


class KeyComposer:
    """A filter whose last comparison lacks its comparator: each method adds one."""

    __slots__ = ("_filter", "_key")

    def __init__(self, filter_: Filter, key: str) -> None:
        self._filter = filter_
        self._key = key

    def compare(self, comparator: Comparator, values: Iterable[Any] = ()) -> Filter:
        """Complete the comparison with any comparator.

        Args:
            comparator: how to compare.
            values: texts, numbers, booleans, times, spans (`Duration` or ``timedelta``) and lists
                of them: none for `WITHOUT_VALUE`, any number for `WITH_LISTS`, else exactly one.

        Raises:
            FilterError: a value that no text can name (None, bytes, NaN…), or too many values.
        """
        checked = tuple(_checked(value) for value in values)
        if comparator in WITHOUT_VALUE:
            checked = (WITHOUT_VALUE[comparator],)
        elif comparator not in WITH_LISTS and len(checked) != 1:
            raise FilterError(f"{comparator} takes one value, not {len(checked)}")
        slot = Comparison(self._key, comparator, checked)
        return Filter((*self._filter.slots, slot), self._filter.depth)

    def equals(self, value: Any) -> Filter:
        """Add ``==``."""
        return self.compare(Comparator.EQUAL, (value,))

    def not_equals(self, value: Any) -> Filter:
        """Add ``!=``."""
        return self.compare(Comparator.NOT_EQUAL, (value,))

    def greater_than(self, value: Any) -> Filter:
        """Add ``>``."""
        return self.compare(Comparator.GREATER, (value,))

    def greater_or_equal_than(self, value: Any) -> Filter:
        """Add ``>=``."""
        return self.compare(Comparator.GREATER_OR_EQUAL, (value,))

    def lesser_than(self, value: Any) -> Filter:
        """Add ``<``."""
        return self.compare(Comparator.LESSER, (value,))

    def lesser_or_equal_than(self, value: Any) -> Filter:
        """Add ``<=``."""
        return self.compare(Comparator.LESSER_OR_EQUAL, (value,))

    def in_(self, *values: Any) -> Filter:
        """Add ``in``: the attribute is one of *values*, or holds one."""
        return self.compare(Comparator.IN, values)

    def not_in(self, *values: Any) -> Filter:
        """Add ``not in``."""
        return self.compare(Comparator.NOT_IN, values)

    def contains(self, *values: Any) -> Filter:
        """Add ``contains``: the attribute holds one of *values*, or is one."""
        return self.compare(Comparator.CONTAINS, values)

    def not_contains(self, *values: Any) -> Filter:
        """Add ``not contains``."""
        return self.compare(Comparator.NOT_CONTAINS, values)

    def matches(self, *patterns: Any) -> Filter:
        """Add ``matches``: one of the regular expressions is found in the attribute."""
        return self.compare(Comparator.MATCHES, patterns)

    def exists(self) -> Filter:
        """Add ``exists``: objects of this kind have the attribute."""
        return self.compare(Comparator.EXISTS)

    def not_exists(self) -> Filter:
        """Add ``not exists``."""
        return self.compare(Comparator.NOT_EXISTS)


FilterComposer = Filter
"""Every filter is its own composer."""


def filter_composer() -> Filter:
    """Return an empty filter to build on (Go: NewFilterComposer)."""
    return Filter()


def too_deep() -> FilterError:
    """Return the error for a filter with too much in each other."""
    return FilterError(f"filter is too deep. at most {MAX_DEPTH} levels are allowed")


def _plain_group(group: Group) -> Any:
    members = tuple(member._plain() for member in group.members)
    return members[0] if len(members) == 1 else (group.word, *members)


def _checked(value: Any, level: int = 1) -> Any:
    """Return *value* as filters hold it; refuse what no text can name."""
    if isinstance(value, list | tuple):
        if level > MAX_DEPTH:
            raise too_deep()
        return tuple(_checked(item, level + 1) for item in value)
    if isinstance(value, str):
        return _checked_text(str(value))
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, timedelta):
        value = Duration(value // timedelta(microseconds=1) * 1_000)
    if not _has_text(value):
        raise FilterError(f"a filter cannot hold the value {value!r}")
    return value


def _has_text(value: Any) -> bool:
    match value:
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return isfinite(value)
        case Duration():
            return -MAX_DURATION - 1 <= value.nanoseconds <= MAX_DURATION
    return False


def _checked_text(text: str) -> str:
    if "\0" in text:
        raise FilterError("invalid character. found NUL")
    return text


def _key_text(key: str) -> str:
    is_word = WORD.fullmatch(key) and "\\" not in key and key.lower() not in KEYWORDS
    return key if is_word else _quoted(key)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _quoted_pattern(pattern: str) -> str:
    """Quote a value of ``matches``, where quotes keep backslashes as they are.

    Three cases: double quotes do, single quotes do, or the pattern ends in a backslash or holds
    both quotes behind one; then it is written as a word in which everything is escaped.
    """
    pieces = re.findall(r"\\.|.", pattern, re.DOTALL)
    for quote in ('"', "'"):
        if "\\" + quote not in pieces and "\\" not in pieces:
            return quote + "".join("\\" + p if p == quote else p for p in pieces) + quote
    return re.sub(r"([^A-Za-z0-9_])", r"\\\1", pattern)


def _value_text(value: Any, quoted: Callable[[str], str]) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_value_text(item, quoted) for item in value)}]"
    return _scalar_text(value)


def _scalar_text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return repr(float(value)).replace("+", "")  # a plus sign is no part of a word
        case datetime():
            return f'date("{format_rfc3339(value)}")'
        case Duration():
            return str(value)
    return str(int(value))
