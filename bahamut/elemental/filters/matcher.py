"""Does this object match this filter? What drivers and subscriptions must agree with.

- Texts, booleans, numbers, times and lists only ever equal their own kind; 1 and 1.0 are equal.
- A list matches when one of its elements does; under ``==`` also when it is the list itself.
- ``contains`` says the same as ``in``: one of the values is the attribute, or in it.
- Texts compare by code point; what cannot be ordered (a text and a number) is no match.
- Where an attribute is missing, ``!=``, ``not in`` and ``not contains`` hold and nothing else.
- A dotted key leads into nested objects, mappings and the elements of lists (`paths`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
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
from bahamut.elemental.filters.paths import NOWHERE, ZERO_TIME, absent, follower, spec_of
from bahamut.elemental.patterns import compile_pattern

Predicate = Callable[[Any], bool]
"""Tells whether an object, or a mapping, matches."""
Clock = Callable[[], datetime]

_Values = Mapping[str, Any]
_Test = Callable[[_Values], bool]
_Judge = Callable[[Any], bool]  # of the value of one attribute
_Search = Callable[[bytes], Any]

MAX_PATTERN_STEPS = 20_000
"""How long the programs of all regular expressions of a filter may be together."""

# Clients write these patterns, and a few letters can ask for megabytes (`patterns.MEMORY`, program
# and automata): what is kept for the next filter is bounded in all, apart from what models need.
_compiled = lru_cache(maxsize=32)(compile_pattern)


class MatcherError(FilterError):
    """A filter cannot be applied (Go: elemental.MatcherError)."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"elemental: unable to match: {detail}")


def _utc_now() -> datetime:
    return datetime.now(UTC)


def matches(obj: Any, condition: Filter, *, now: Clock = _utc_now) -> bool:
    """Tell whether *obj* matches *condition* (Go: MatchesFilter).

    Args:
        obj: a model object, whose attributes answer to their name and to their exposed name, or
            a mapping.
        condition: what it must be like.
        now: the clock, asked only by filters that speak of ``now``.

    Raises:
        MatcherError: the regular expressions are too large, or *obj* has no attributes.
    """
    return compile_filter(condition, now=now)(obj)


def compile_filter(condition: Filter, *, now: Clock = _utc_now) -> Predicate:
    """Prepare a filter for many objects: regular expressions and attributes are looked up once.

    Args:
        condition: what the objects must be like.
        now: the clock, asked at each evaluation that needs it.

    Raises:
        MatcherError: the regular expressions are too large.
    """
    compiler = _Compiler(now, _patterns(condition))
    tests: dict[type, tuple[_Test, bool]] = {}

    def predicate(obj: Any) -> bool:
        kind = type(obj)
        found = tests.get(kind)
        if found is None:
            found = tests[kind] = compiler.test_for(kind, condition)
        test, is_mapping = found
        return test(obj if is_mapping else obj.__dict__)

    return predicate


class _Compiler:
    """Turns filters into functions of the values of an object, for one kind of object."""

    def __init__(self, now: Clock, patterns: Mapping[str, _Search]) -> None:
        self._now = now
        self._patterns = patterns

    def test_for(self, kind: type, condition: Filter) -> tuple[_Test, bool]:
        """Return the function, and whether it takes the object itself, not its ``__dict__``."""
        if issubclass(kind, Mapping):
            return self._filter(condition, None), True
        if not hasattr(kind, "attribute_spec"):
            raise MatcherError(f"{kind.__name__} has no attributes")
        return self._filter(condition, kind), False

    def _filter(self, condition: Filter, model: Any) -> _Test:
        return _all([self._slot(slot, model) for slot in condition.slots])

    def _slot(self, slot: Comparison | Group, model: Any) -> _Test:
        if isinstance(slot, Comparison):
            is_path = "." in slot.key and (model is None or spec_of(model, slot.key) is None)
            return (self._nested if is_path else self._comparison)(slot, model)
        tests = [self._filter(member, model) for member in slot.members]
        return _any(tests) if slot.word == "or" else _all(tests)

    def _comparison(self, slot: Comparison, model: Any) -> _Test:
        spec = None if model is None else spec_of(model, slot.key)
        is_known = model is None or spec is not None
        key = slot.key if spec is None else spec.wire
        comparator = slot.comparator
        if comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS):
            wanted = comparator is Comparator.EXISTS
            if model is None:
                return lambda values: (key in values) is wanted
            return lambda values: is_known is wanted
        positive = _POSITIVE.get(comparator, comparator)
        is_negated = comparator in _NEGATED
        if not is_known:
            return lambda values: is_negated
        judge = _with_absent(self._judge(positive, slot.values), absent(spec, model))
        if is_negated:
            return lambda values: not judge(values.get(key))
        if comparator is Comparator.EQUAL and isinstance(slot.values[0], str):
            return _text_test(key, slot.values[0], judge)
        return lambda values: judge(values.get(key))

    def _nested(self, slot: Comparison, model: Any) -> _Test:
        """Return the test of what a dotted key leads to."""
        comparator, start = slot.comparator, _start(slot.key, model)
        if comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS):
            wanted = comparator is Comparator.EXISTS
            return lambda values: (start(values) is not NOWHERE) is wanted
        judge = self._judge(_POSITIVE.get(comparator, comparator), slot.values)
        is_negated = comparator in _NEGATED

        def test(values: _Values) -> bool:
            found = start(values)
            return judge(None if found is NOWHERE else found) is not is_negated

        return test

    def _judge(self, comparator: Comparator, wanted: tuple[Any, ...]) -> _Judge:
        now = self._now
        if comparator is Comparator.MATCHES:
            texts = (value for value in wanted if isinstance(value, str))
            return _pattern_judge([self._patterns[t] for t in texts if t in self._patterns])
        compare = _ORDER.get(comparator)
        if compare is not None:
            return _order_judge(compare, wanted[0], now)
        if all(isinstance(value, str) for value in wanted):
            return _texts_judge(frozenset(wanted))
        if len(wanted) == 1 and type(wanted[0]) in (int, float):
            return _number_judge(wanted[0])
        if any(isinstance(value, Duration | tuple) for value in wanted):
            return lambda value: _is_one_of(value, _resolved(wanted, now))
        return lambda value: _is_one_of(value, wanted)


def _start(key: str, model: Any) -> Callable[[_Values], Any]:
    """Return a function that says where a dotted key leads from the values of an object."""
    if model is None:
        return follower(key)
    name, _, rest = key.partition(".")
    spec = spec_of(model, name)
    if spec is None:
        return lambda _: NOWHERE
    wire, follow = spec.wire, follower(rest)
    return lambda values: follow(values.get(wire))


def _all(tests: list[_Test]) -> _Test:
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda values: first(values) and second(values)
        case [first, second, third]:
            return lambda values: first(values) and second(values) and third(values)

    def every(values: _Values) -> bool:
        for test in tests:  # noqa: SIM110 (a loop is twice as fast)
            if not test(values):
                return False
        return True

    return every


def _any(tests: list[_Test]) -> _Test:
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda values: first(values) or second(values)

    def some(values: _Values) -> bool:
        for test in tests:  # noqa: SIM110
            if test(values):
                return True
        return False

    return some


def _text_test(key: str, wanted: str, judge: _Judge) -> _Test:
    # By far the most frequent: the answer is yes, or no with a text, in a single step.
    def test(values: _Values) -> bool:
        value = values.get(key)
        return value == wanted or (type(value) is not str and judge(value))

    return test


_POSITIVE = {
    Comparator.NOT_EQUAL: Comparator.EQUAL,
    Comparator.NOT_IN: Comparator.IN,
    Comparator.NOT_CONTAINS: Comparator.IN,
    Comparator.CONTAINS: Comparator.IN,
}
_NEGATED = frozenset((Comparator.NOT_EQUAL, Comparator.NOT_IN, Comparator.NOT_CONTAINS))
_ORDER: dict[Comparator, Callable[[Any, Any], Any]] = {
    Comparator.GREATER: operator.gt,
    Comparator.GREATER_OR_EQUAL: operator.ge,
    Comparator.LESSER: operator.lt,
    Comparator.LESSER_OR_EQUAL: operator.le,
}


def _with_absent(judge: _Judge, absent: Any) -> _Judge:
    if absent is None:
        return judge
    return lambda value: judge(absent if value is None else value)


def _resolved(value: Any, now: Clock) -> Any:
    """Return *value* with the instants for which its spans stand at this moment."""
    if isinstance(value, tuple):
        return tuple(_resolved(item, now) for item in value)
    if not isinstance(value, Duration):
        return value
    seconds, nanoseconds = to_seconds(now())
    extra, nanoseconds = divmod(nanoseconds + value.nanoseconds, 10**9)
    return from_seconds(seconds + extra, nanoseconds) or ZERO_TIME


# Nearly every comparison is one of the next two, which ask as little as they can.


def _texts_judge(texts: frozenset[str]) -> _Judge:
    def judge(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        return isinstance(value, list | tuple) and any(
            item in texts for item in value if isinstance(item, str)
        )

    return judge


def _number_judge(wanted: float) -> _Judge:
    def judge(value: Any) -> bool:
        if isinstance(value, list | tuple):
            return any(_same(item, wanted) for item in value)
        return bool(value == wanted) and not isinstance(value, bool)

    return judge


def _is_one_of(value: Any, wanted: Iterable[Any]) -> bool:
    if isinstance(value, list | tuple):
        return any(_same(value, w) or any(_same(item, w) for item in value) for w in wanted)
    return any(_same(value, w) for w in wanted)


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(wanted)
            and all(map(_same, value, wanted))
        )
    if isinstance(value, datetime):
        return isinstance(wanted, datetime) and to_seconds(value) == to_seconds(wanted)
    return bool(value == wanted)


def _order_judge(compare: Callable[[Any, Any], Any], wanted: Any, now: Clock) -> _Judge:
    def judge(value: Any) -> bool:
        limit = _resolved(wanted, now)
        if isinstance(value, list | tuple):
            return any(_is_ordered(compare, item, limit) for item in value)
        return _is_ordered(compare, value, limit)

    return judge


def _is_ordered(compare: Callable[[Any, Any], Any], value: Any, limit: Any) -> bool:
    if isinstance(value, bool) or isinstance(limit, bool):
        return False
    if isinstance(value, datetime):
        is_time = isinstance(limit, datetime)
        return is_time and bool(compare(to_seconds(value), to_seconds(limit)))
    for kind in (str, int | float):
        if isinstance(value, kind):
            return isinstance(limit, kind) and bool(compare(value, limit))
    return False


def _pattern_judge(searches: list[_Search]) -> _Judge:
    def judge(value: Any) -> bool:
        texts = value if isinstance(value, list | tuple) else (value,)
        encoded = [t.encode("utf-8", "replace") for t in texts if isinstance(t, str)]
        return any(search(text) is not None for text in encoded for search in searches)

    return judge


def _patterns(condition: Filter) -> dict[str, _Search]:
    """Return the searches for the patterns of a filter, without the wrong ones: they never match.

    A search takes time in proportion to the text, and to the length of the program, which is why
    that is limited: a few letters can ask for a program of megabytes.
    """
    searches: dict[str, _Search] = {}
    steps = 0
    for comparison in condition.comparisons():
        if comparison.comparator is not Comparator.MATCHES:
            continue
        for text in comparison.values:
            if isinstance(text, str) and (pattern := _pattern(text)) is not None:
                searches[text] = pattern.search
                steps += pattern.programsize
                if steps > MAX_PATTERN_STEPS:
                    raise MatcherError("the regular expressions are too large")
    return searches


def _pattern(text: str) -> Any:
    try:
        return _compiled(text)
    except ValueError as error:
        if str(error).endswith("pattern too large - compile failed'"):
            raise MatcherError("the regular expressions are too large") from error
        return None
