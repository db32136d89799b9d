"""Judges: functions that compare the value of one attribute with the values of a comparison.

Values are looked up in hash sets, so a list with n elements costs n look-ups however many values
it is compared with. What a look at a list or a search costs is charged before it is done.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from bahamut._kit.gotime import from_seconds, to_seconds
from bahamut.elemental.filters.cost import Meter, search_cost
from bahamut.elemental.filters.filter import Comparator, Duration
from bahamut.elemental.filters.paths import ZERO_TIME

Judge = Callable[[Any], bool]
"""Tells whether a value matches."""
Clock = Callable[[], datetime]
Search = tuple[Callable[[bytes], Any], int]
"""Searches a text for a regular expression; the size of its program."""

ORDER: dict[Comparator, Callable[[Any, Any], Any]] = {
    Comparator.GREATER: operator.gt,
    Comparator.GREATER_OR_EQUAL: operator.ge,
    Comparator.LESSER: operator.lt,
    Comparator.LESSER_OR_EQUAL: operator.le,
}

# Units for an element of a list, by how it is compared.
_TEXT, _NUMBER, _MIXED, _TIME, _NESTED = 1, 2, 5, 24, 8


def values_judge(wanted: tuple[Any, ...], now: Clock, meter: Meter) -> Judge:
    """Return the judge of ``==``, ``in`` and ``contains``."""
    if all(isinstance(value, str) for value in wanted):
        return _texts_judge(frozenset(wanted), meter)
    if len(wanted) == 1 and type(wanted[0]) in (int, float):
        return _number_judge(wanted[0], meter)
    return _Mixed(wanted, now, meter).judge


# Nearly every comparison is one of the next two, which ask as little as they can.


def _texts_judge(texts: frozenset[str], meter: Meter) -> Judge:
    def judge(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        if not isinstance(value, list | tuple):
            return False
        meter.charge(_TEXT * len(value))
        try:
            return not texts.isdisjoint(value)
        except TypeError:  # an element that cannot be hashed
            meter.charge(_TEXT * len(value))
        return any(item in texts for item in value if isinstance(item, str))

    return judge


def _number_judge(wanted: float, meter: Meter) -> Judge:
    def judge(value: Any) -> bool:
        if isinstance(value, list | tuple):
            meter.charge(_NUMBER * len(value))
            return any(item == wanted and not isinstance(item, bool) for item in value)
        return bool(value == wanted) and not isinstance(value, bool)

    return judge


class _Mixed:
    """Values of any kinds, each kind in a set of its own.

    Booleans are kept apart because Python takes True for 1, times because they are equal by their
    instants, spans because they are instants only at the moment of an evaluation.
    """

    def __init__(self, wanted: tuple[Any, ...], now: Clock, meter: Meter) -> None:
        self._now = now
        self._meter = meter
        scalars = [w for w in wanted if not isinstance(w, tuple | bool | datetime | Duration)]
        rows = [w for w in wanted if isinstance(w, tuple)]
        self._plain = frozenset(scalars)
        self._flags = frozenset(w for w in wanted if isinstance(w, bool))
        self._instants = frozenset(_nanoseconds(w) for w in wanted if isinstance(w, datetime))
        self._spans = frozenset(w.nanoseconds for w in wanted if isinstance(w, Duration))
        self._moving = [row for row in rows if _has_span(row)]
        self._rows = frozenset(_frozen(row, None) for row in rows if not _has_span(row))
        self._lengths = frozenset(map(len, rows))
        self._asks_clock = bool(self._spans or self._moving)
        self._is_plain = not (self._flags or self._instants or self._spans or rows)

    def judge(self, value: Any) -> bool:
        if self._is_plain and isinstance(value, list | tuple) and self._lacks_all(value):
            return False
        moment = _nanoseconds(self._now()) if self._asks_clock else 0
        rows = self._rows
        if isinstance(value, list | tuple):
            self._meter.charge(_MIXED * len(value))
            if self._moving:
                rows = rows.union(_frozen(_resolved(r, moment), self._meter) for r in self._moving)
            return self._is_row(value, rows) or any(self._has(v, moment, rows) for v in value)
        return self._has(value, moment, rows)

    def _lacks_all(self, items: list[Any] | tuple[Any, ...]) -> bool:
        """Tell, faster than item by item, whether a list has none of the plain values.

        False says little: True equals 1 here, and a list within the list cannot be looked up.
        """
        self._meter.charge(_TEXT * len(items))
        try:
            return self._plain.isdisjoint(items)
        except TypeError:
            return False

    def _has(self, value: Any, moment: int, rows: frozenset[Any]) -> bool:
        if isinstance(value, bool):
            return value in self._flags
        if isinstance(value, datetime):
            if not self._instants and not self._spans:
                return False
            self._meter.charge(_TIME)
            at = _nanoseconds(value)
            return at in self._instants or at - moment in self._spans
        if isinstance(value, list | tuple):
            return self._is_row(value, rows)
        try:
            return value in self._plain
        except TypeError:  # it cannot be hashed, so it is neither a text nor a number
            return False

    def _is_row(self, value: list[Any] | tuple[Any, ...], rows: frozenset[Any]) -> bool:
        return len(value) in self._lengths and _frozen(value, self._meter) in rows


_TRUE, _FALSE, _INSTANT, _ROW = object(), object(), object(), object()
_DEEPEST = 66  # deeper than any list in a filter


def _frozen(value: Any, meter: Meter | None, depth: int = 0) -> Any:
    """Return something hashable that is equal for values that are equal in filters."""
    if isinstance(value, bool):
        return _TRUE if value else _FALSE
    if isinstance(value, datetime):
        return _INSTANT, _nanoseconds(value)
    if isinstance(value, list | tuple):
        if depth > _DEEPEST:
            return object()
        if meter is not None:
            meter.charge(_NESTED * len(value) + 1)
        return _ROW, tuple([_frozen(item, meter, depth + 1) for item in value])
    try:
        hash(value)
    except TypeError:
        return object()  # equal to nothing
    return value


def _has_span(row: tuple[Any, ...]) -> bool:
    return any(isinstance(v, Duration) or (isinstance(v, tuple) and _has_span(v)) for v in row)


def _nanoseconds(when: datetime) -> int:
    seconds, nanoseconds = to_seconds(when)
    return seconds * 10**9 + nanoseconds


def _resolved(value: Any, moment: int) -> Any:
    """Return *value* with the instants for which its spans stand at this moment."""
    if isinstance(value, tuple):
        return tuple([_resolved(item, moment) for item in value])
    if not isinstance(value, Duration):
        return value
    return from_seconds(*divmod(moment + value.nanoseconds, 10**9)) or ZERO_TIME


def order_judge(comparator: Comparator, wanted: Any, now: Clock, meter: Meter) -> Judge:
    """Return the judge of ``<``, ``<=``, ``>`` and ``>=``."""
    compare, is_span = ORDER[comparator], isinstance(wanted, Duration)
    element = _TIME if isinstance(wanted, Duration | datetime) else _MIXED

    def judge(value: Any) -> bool:
        limit = _resolved(wanted, _nanoseconds(now())) if is_span else wanted
        if isinstance(value, list | tuple):
            meter.charge(element * len(value))
            return any(_is_ordered(compare, item, limit) for item in value)
        return _is_ordered(compare, value, limit)

    return judge


def _is_ordered(compare: Callable[[Any, Any], Any], value: Any, limit: Any) -> bool:
    if isinstance(value, bool) or isinstance(limit, bool):
        return False
    if isinstance(value, int | float):
        return isinstance(limit, int | float) and bool(compare(value, limit))
    if isinstance(value, str):
        return isinstance(limit, str) and bool(compare(value, limit))
    if isinstance(value, datetime):
        is_time = isinstance(limit, datetime)
        return is_time and bool(compare(to_seconds(value), to_seconds(limit)))
    return False


# --- regular expressions ---------------------------------------------------------------------

_LITERAL = re.compile(r"(\^?)((?:[\w /:;,<>=@#%&~!\"'`-]|\\[ -/:-@\[\]^`{|}~])*)")
"""A pattern that says no more than: this text, perhaps at the beginning."""


def literal_of(pattern: str) -> tuple[bool, str] | None:
    """Return the text that a pattern looks for, and whether only at the beginning.

    Python finds plain texts in a tenth of the time of RE2, and at a cost that needs no limit.

    Returns:
        None for a pattern that says anything else.
    """
    found = _LITERAL.fullmatch(pattern)
    if found is None or "?" in pattern:  # what is no Unicode is searched with question marks
        return None
    return bool(found[1]), re.sub(r"\\(.)", r"\1", found[2])


def pattern_judge(
    prefixes: Iterable[str], pieces: Iterable[str], searches: Iterable[Search], meter: Meter
) -> Judge:
    """Return the judge of ``matches``.

    Args:
        prefixes: texts that the value may begin with.
        pieces: texts that it may hold.
        searches: regular expressions that may be found in it.
        meter: charged.
    """
    starts = tuple(prefixes)
    is_found = _finder(starts, tuple(pieces), tuple(searches), meter)
    each = 2 + len(starts) // 2

    def judge(value: Any) -> bool:
        if isinstance(value, str):
            return is_found(value)
        if not isinstance(value, list | tuple):
            return False
        meter.charge(each * len(value))
        return any(is_found(text) for text in value if isinstance(text, str))

    return judge


def _finder(
    starts: tuple[str, ...], pieces: tuple[str, ...], searches: tuple[Search, ...], meter: Meter
) -> Callable[[str], bool]:
    def is_found(text: str) -> bool:
        if text.startswith(starts):
            return True
        for piece in pieces:
            meter.charge(1 + len(text) // 16)
            if piece in text:
                return True
        if not searches:
            return False
        data = text.encode("utf-8", "replace")
        for search, size in searches:
            meter.charge(search_cost(len(data), size))
            if search(data) is not None:
                return True
        return False

    return is_found


def with_absent(judge: Judge, absent: Any) -> Judge:
    """Return a judge that takes *absent* for a value that is not there."""
    if absent is None:
        return judge
    return lambda value: judge(absent if value is None else value)
