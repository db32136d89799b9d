"""Does this object match this filter?

A filter is compiled once into one function; keys are attribute names or exposed names. Numbers are
compared as numbers, times as instants, patterns in linear time. The clock is an argument: a filter
that speaks of ``now`` asks for it when it is applied.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bahamut._kit.gotime import from_seconds, to_seconds
from bahamut.elemental.filters.filter import (
    Comparator,
    Comparison,
    Duration,
    Filter,
    FilterError,
    Group,
)
from bahamut.elemental.validators import compiled

Predicate = Callable[[Any], bool]
Clock = Callable[[], datetime]
MISSING: Any = object()


class MatcherError(FilterError):
    """A filter cannot be applied (Go: elemental.MatcherError)."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"elemental: unable to match: {detail}")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def matches(obj: Any, condition: Filter, *, now: Clock = _utc_now) -> bool:
    """Tell whether *obj* matches *condition* (Go: MatchesFilter).

    Args:
        obj: a model object or a mapping.
        condition: the filter.
        now: the clock, asked only by filters that speak of ``now``.

    Raises:
        MatcherError: the filter holds a pattern that is none.
    """
    return compile_filter(condition, now=now)(obj)


def compile_filter(condition: Filter, *, now: Clock = _utc_now) -> Predicate:
    """Return a function that tells whether an object matches.

    Raises:
        MatcherError: the filter holds a pattern that is none.
    """
    return _all([_slot(slot, now) for slot in condition.slots])


def _all(predicates: list[Predicate]) -> Predicate:
    if len(predicates) == 1:
        return predicates[0]
    return lambda obj: all(predicate(obj) for predicate in predicates)


def _slot(slot: Comparison | Group, now: Clock) -> Predicate:
    if isinstance(slot, Group):
        members = [compile_filter(member, now=now) for member in slot.members]
        if slot.word == "and" or not members:
            return _all(members)
        return lambda obj: any(member(obj) for member in members)
    key, test = slot.key, _TESTS[slot.comparator](slot, now)
    return lambda obj: test(value_of(obj, key))


def value_of(obj: Any, key: str) -> Any:
    """Return the value of an attribute, `MISSING` when the object has no such attribute."""
    names = getattr(obj, "WIRE_NAMES", None)
    if names is None:
        return obj.get(key, MISSING) if isinstance(obj, Mapping) else MISSING
    wire = names.get(key)
    if wire is None:
        return MISSING
    return obj.__dict__.get(wire)


def _operand(value: Any, now: Clock) -> Callable[[], Any]:
    """Return a function that gives the value to compare with."""
    if isinstance(value, Duration):

        def relative() -> Any:
            seconds, nanoseconds = to_seconds(now())
            extra, rest = divmod(nanoseconds + value.nanoseconds, 10**9)
            return _comparable(from_seconds(seconds + extra, rest))

        return relative
    fixed = _comparable(value)
    return lambda: fixed


class _Moment(tuple[int, int]):
    """An instant: seconds and nanoseconds."""

    __slots__ = ()


def _comparable(value: Any) -> Any:
    """Return a form in which equal values are equal."""
    if isinstance(value, datetime):
        moment = _Moment(to_seconds(value))
        return None if moment == _ZERO_TIME else moment
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    return value


_ZERO_TIME = to_seconds(datetime(1, 1, 1, tzinfo=UTC))


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "moment" if isinstance(value, _Moment) else type(value).__name__


def _same(one: Any, other: Any) -> bool:
    """Tell whether an attribute's value equals a filter's, both comparable."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if _kind(one) != _kind(other):
        return _as_text(one, other)
    return bool(one == other)


def _as_text(one: Any, other: Any) -> bool:
    """Compare a time with the text of one: filters of old clients quote their dates."""
    from bahamut._kit.gotime import parse_rfc3339

    if isinstance(one, _Moment) and isinstance(other, str):
        try:
            when = parse_rfc3339(other)
        except ValueError:
            return False
        return when is not None and bool(one == _Moment(to_seconds(when)))
    return False


def _equal(slot: Comparison, now: Clock) -> Predicate:
    operand = _operand(slot.values[0], now)

    def test(value: Any) -> bool:
        wanted = operand()
        if value is MISSING or value is None:
            return wanted is None
        value = _comparable(value)
        if isinstance(value, list):
            if isinstance(wanted, list) and _same(value, wanted):
                return True
            return any(_same(item, wanted) for item in value)
        return _same(value, wanted)

    return test


def _not_equal(slot: Comparison, now: Clock) -> Predicate:
    test = _equal(slot, now)
    return lambda value: not test(value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Comparison, Clock], Predicate]:
    def make(slot: Comparison, now: Clock) -> Predicate:
        operand = _operand(slot.values[0], now)

        def test(value: Any) -> bool:
            wanted, value = operand(), _comparable(value)
            if value is MISSING or value is None or _kind(value) != _kind(wanted):
                return False
            return _kind(value) in ("number", "moment", "str") and bool(compare(value, wanted))

        return test

    return make


def _in(slot: Comparison, now: Clock) -> Predicate:
    operands = [_operand(value, now) for value in slot.values]

    def test(value: Any) -> bool:
        if value is MISSING:
            return False
        value = _comparable(value)
        return any(_same(value, operand()) for operand in operands)

    return test


def _contains(slot: Comparison, now: Clock) -> Predicate:
    operands = [_operand(value, now) for value in slot.values]

    def test(value: Any) -> bool:
        if not isinstance(value, list | tuple):
            return False
        items = [_comparable(item) for item in value]
        return any(_same(item, operand()) for operand in operands for item in items)

    return test


def _negated(make: Callable[[Comparison, Clock], Predicate]) -> Callable[..., Predicate]:
    def made(slot: Comparison, now: Clock) -> Predicate:
        test = make(slot, now)
        return lambda value: not test(value)

    return made


def _exists(_slot: Comparison, _now: Clock) -> Predicate:
    return lambda value: value is not MISSING


def _matches(slot: Comparison, _now: Clock) -> Predicate:
    try:
        patterns = [compiled(value) for value in slot.values if isinstance(value, str)]
    except ValueError as error:
        raise MatcherError(str(error)) from None

    def found_in(text: str) -> bool:
        try:
            return any(pattern.search(text) is not None for pattern in patterns)
        except UnicodeEncodeError:
            return False

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return found_in(value)
        if isinstance(value, list | tuple):
            return any(isinstance(item, str) and found_in(item) for item in value)
        return False

    return test


_TESTS: dict[Comparator, Callable[[Comparison, Clock], Predicate]] = {
    Comparator.EQUAL: _equal,
    Comparator.NOT_EQUAL: _not_equal,
    Comparator.GREATER: _ordered(operator.gt),
    Comparator.GREATER_OR_EQUAL: _ordered(operator.ge),
    Comparator.LESSER: _ordered(operator.lt),
    Comparator.LESSER_OR_EQUAL: _ordered(operator.le),
    Comparator.IN: _in,
    Comparator.NOT_IN: _negated(_in),
    Comparator.CONTAINS: _contains,
    Comparator.NOT_CONTAINS: _negated(_contains),
    Comparator.MATCHES: _matches,
    Comparator.EXISTS: _exists,
    Comparator.NOT_EXISTS: _negated(_exists),
}
