"""`Filter`: a condition on objects, as a tree; how it is built, printed and compared.

A filter is a list of slots, all of which must hold. A slot is a comparison, or a group of filters
of which all or any must hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bahamut._kit.gotime import format_duration, format_rfc3339


class FilterError(ValueError):
    """A text is no filter, or a filter cannot be used."""


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
"""Comparators whose value is always a list."""
WITHOUT_VALUE = frozenset((Comparator.EXISTS, Comparator.NOT_EXISTS))
KEYWORDS = frozenset(("contains", "in", "matches", "exists", "not", "and", "or", "true", "false"))
"""Words that mean something unless they are quoted, in any case."""

WORD = r"A-Za-z0-9\-_@:$#./*"
_BARE_KEY = re.compile(rf"[{WORD}]+")


@dataclass(frozen=True, slots=True)
class Duration:
    """A time relative to the moment at which a filter is applied: ``now("-1h")``."""

    nanoseconds: int

    def __str__(self) -> str:
        return f'now("{format_duration(self.nanoseconds)}")' if self.nanoseconds else "now()"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A comparison: key, comparator, values."""

    key: str
    comparator: Comparator
    values: tuple[Any, ...]

    def __str__(self) -> str:
        head = f"{_printed_key(self.key)} {self.comparator}"
        if self.comparator in WITHOUT_VALUE:
            return head
        raw = self.comparator is Comparator.MATCHES
        if self.comparator in WITH_LISTS:
            return f"{head} {_printed_list(self.values, raw=raw)}"
        return f"{head} {_printed(self.values[0])}"


@dataclass(frozen=True, slots=True)
class Group:
    """Filters of which all, or any, must hold."""

    word: str
    """``and`` or ``or``."""
    members: tuple[Filter, ...]

    def __str__(self) -> str:
        return f"({f' {self.word} '.join(f'({member})' for member in self.members)})"


class Filter:
    """A condition on objects (Go: elemental.Filter).

    It is built fluently::

        Filter().with_key("name").equals("milk").with_key("priority").greater_than(3)
        Filter().or_(Filter.parse('a == 1'), Filter.parse('b == 2'))
    """

    __slots__ = ("_key", "depth", "slots")

    def __init__(self) -> None:
        self.slots: tuple[Comparison | Group, ...] = ()
        self.depth = 0
        """Levels of groups within groups."""
        self._key: str | None = None

    @staticmethod
    def parse(text: str, *, unsupported: tuple[Comparator | str, ...] = ()) -> Filter:
        """Return the filter that *text* states (Go: NewFilterFromString).

        Args:
            text: for instance ``name == "milk" and priority > 3``.
            unsupported: comparators to refuse.

        Raises:
            FilterError: it states none.
        """
        from bahamut.elemental.filters.parser import parse

        return parse(text, unsupported=unsupported)

    # --- building ----------------------------------------------------------------------------

    def with_key(self, key: str) -> Filter:
        """Begin a comparison of the attribute *key*."""
        self._key = key
        return self

    def _compare(self, comparator: Comparator, *values: Any) -> Filter:
        if self._key is None:
            raise FilterError(f"with_key() must come before {comparator}")
        self.slots = (*self.slots, Comparison(self._key, comparator, values))
        self._key = None
        return self

    def equals(self, value: Any) -> Filter:
        """Add ``==``."""
        return self._compare(Comparator.EQUAL, value)

    def not_equals(self, value: Any) -> Filter:
        """Add ``!=``."""
        return self._compare(Comparator.NOT_EQUAL, value)

    def greater_than(self, value: Any) -> Filter:
        """Add ``>``."""
        return self._compare(Comparator.GREATER, value)

    def greater_or_equal_than(self, value: Any) -> Filter:
        """Add ``>=``."""
        return self._compare(Comparator.GREATER_OR_EQUAL, value)

    def lesser_than(self, value: Any) -> Filter:
        """Add ``<``."""
        return self._compare(Comparator.LESSER, value)

    def lesser_or_equal_than(self, value: Any) -> Filter:
        """Add ``<=``."""
        return self._compare(Comparator.LESSER_OR_EQUAL, value)

    def in_(self, *values: Any) -> Filter:
        """Add ``in``: the attribute is one of *values*."""
        return self._compare(Comparator.IN, *values)

    def not_in(self, *values: Any) -> Filter:
        """Add ``not in``."""
        return self._compare(Comparator.NOT_IN, *values)

    def contains(self, *values: Any) -> Filter:
        """Add ``contains``: the attribute is a list that holds one of *values*."""
        return self._compare(Comparator.CONTAINS, *values)

    def not_contains(self, *values: Any) -> Filter:
        """Add ``not contains``."""
        return self._compare(Comparator.NOT_CONTAINS, *values)

    def matches(self, *patterns: str) -> Filter:
        """Add ``matches``: one of the patterns is found in the attribute."""
        return self._compare(Comparator.MATCHES, *patterns)

    def exists(self) -> Filter:
        """Add ``exists``: objects of this kind have the attribute."""
        return self._compare(Comparator.EXISTS, *(True,))

    def not_exists(self) -> Filter:
        """Add ``not exists``."""
        return self._compare(Comparator.NOT_EXISTS, *(False,))

    def and_(self, *filters: Filter) -> Filter:
        """Add a group of which all must hold; an empty one says nothing."""
        return self._group("and", filters)

    def or_(self, *filters: Filter) -> Filter:
        """Add a group of which any must hold; an empty one says nothing."""
        return self._group("or", filters)

    def _group(self, word: str, filters: tuple[Filter, ...]) -> Filter:
        if filters:
            self.slots = (*self.slots, Group(word, filters))
            self.depth = max(self.depth, 1 + max(member.depth for member in filters))
        return self

    def done(self) -> Filter:
        """Return the filter, as the original's composers end."""
        return self

    # --- comparing and printing --------------------------------------------------------------

    def attribute_names(self) -> Iterator[str]:
        """Return the attribute names that the filter speaks of."""
        for slot in self.slots:
            if isinstance(slot, Comparison):
                yield slot.key
            else:
                for member in slot.members:
                    yield from member.attribute_names()

    def _normal(self) -> tuple[Any, ...]:
        """Return a form that is equal for filters that differ in redundant groups only."""
        found: list[Any] = []
        for slot in self.slots:
            if isinstance(slot, Comparison):
                found.append((slot.key, slot.comparator, _typed(slot.values)))
            elif slot.word == "and" or len(slot.members) == 1:
                for member in slot.members:
                    found += member._normal()
            else:
                found.append(("or", tuple(member._normal() for member in slot.members)))
        return tuple(found)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Filter):
            return NotImplemented
        return self._normal() == other._normal()

    def __hash__(self) -> int:
        return hash(str(self))

    def __bool__(self) -> bool:
        return bool(self.slots)

    def __str__(self) -> str:
        return " and ".join(str(slot) for slot in self.slots)

    def __repr__(self) -> str:
        return f"<Filter {self}>"


def _typed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_typed(item) for item in value)
    return type(value), value


def filter_composer() -> Filter:
    """Return an empty filter to build on (Go: NewFilterComposer)."""
    return Filter()


FilterComposer = Filter


def _printed_key(key: str) -> str:
    is_bare = _BARE_KEY.fullmatch(key) and key.lower() not in KEYWORDS
    return key if is_bare else _quoted(key)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _printed(value: Any, *, raw: bool = False) -> str:
    if isinstance(value, str):
        return _printed_pattern(value) if raw else _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value).replace("e+", "e")
    if isinstance(value, datetime):
        return f'date("{format_rfc3339(value)}")'
    if isinstance(value, list | tuple):
        return _printed_list(value, raw=raw)
    return str(value)


def _printed_list(values: Any, *, raw: bool = False) -> str:
    return f"[{', '.join(_printed(value, raw=raw) for value in values)}]"


def _printed_pattern(pattern: str) -> str:
    """Print a value of ``matches``, in which a backslash stands for itself.

    A pattern that ends with one cannot be quoted, for it would escape the quote: it is written as a
    word, each character of it escaped.
    """
    if pattern.endswith("\\"):
        return "".join(c if c.isascii() and c.isalnum() else f"\\{c}" for c in pattern)
    escaped = pattern.replace('"', '\\"')
    return f'"{escaped}"'
