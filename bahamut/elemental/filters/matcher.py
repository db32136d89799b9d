"""Does this object match this filter? What drivers and subscriptions must agree with.

- Texts, booleans, numbers, times and lists only ever equal their own kind; 1 and 1.0 are equal.
- A list matches when one of its elements does; under ``==`` also when it is the list itself.
- ``contains`` says the same as ``in``: one of the values is the attribute, or in it.
- Texts compare by code point; what cannot be ordered (a text and a number) is no match.
- Where an attribute is missing, ``!=``, ``not in`` and ``not contains`` hold and nothing else.
- A dotted key leads into nested objects, mappings and the elements of lists (`paths`).

What an evaluation may cost is bounded (`cost`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from bahamut.elemental.filters.cost import COMPARISON, EVALUATION, FilterCostError, Meter
from bahamut.elemental.filters.filter import (
    Comparator,
    Comparison,
    Filter,
    FilterError,
    Group,
)
from bahamut.elemental.filters.judges import (
    ORDER,
    Clock,
    Judge,
    Search,
    literal_of,
    order_judge,
    pattern_judge,
    values_judge,
    with_absent,
)
from bahamut.elemental.filters.merging import merged
from bahamut.elemental.filters.paths import NOWHERE, absent, follower, spec_of
from bahamut.elemental.patterns import MEMORY, compiled_within

Predicate = Callable[[Any], bool]
"""Tells whether an object, or a mapping, matches."""
Test = Callable[[Mapping[str, Any]], bool]
"""Tells the same of the values of an object."""

MAX_PATTERN_STEPS = 20_000
"""How long the programs of all regular expressions of a filter may be together."""
MAX_PATTERN_TEXT = 16_384
"""How long the regular expressions themselves may be together; plain texts do not count."""
MAX_PATTERNS = 64
"""How many of them a filter may hold; plain texts do not count."""


class MatcherError(FilterError):
    """A filter cannot be applied (Go: elemental.MatcherError)."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"elemental: unable to match: {detail}")


class PatternCostError(MatcherError, FilterCostError):
    """The regular expressions of a filter are too large or too many."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def matches(obj: Any, condition: Filter, *, now: Clock = _utc_now, limit: int = EVALUATION) -> bool:
    """Tell whether *obj* matches *condition* (Go: MatchesFilter).

    Args:
        obj: a model object, whose attributes answer to their name and to their exposed name, or
            a mapping.
        condition: what it must be like.
        now: the clock, asked only by filters that speak of ``now``.
        limit: units of work that the evaluation may cost.

    Raises:
        MatcherError: the regular expressions are too large, or *obj* has no attributes.
        FilterCostError: the evaluation costs more than *limit*.
    """
    return compile_filter(condition, now=now, limit=limit)(obj)


def compile_filter(
    condition: Filter, *, now: Clock = _utc_now, limit: int = EVALUATION
) -> Predicate:
    """Prepare a filter for many objects: regular expressions and attributes are looked up once.

    Args:
        condition: what the objects must be like.
        now: the clock, asked at each evaluation that needs it.
        limit: units of work that one evaluation may cost; beyond it the predicate raises
            FilterCostError.

    Raises:
        MatcherError: the regular expressions are too large.
    """
    return PreparedFilter(condition, now=now, limit=limit).predicate()


class PreparedFilter:
    """A filter ready to be applied, and what applying it costs.

    Args:
        condition: what objects must be like.
        now: the clock.
        limit: units of work that one evaluation may cost.

    Raises:
        MatcherError: the regular expressions are too large.
    """

    __slots__ = ("__weakref__", "_compiler", "_condition", "_tests", "cost", "limit", "meter")

    def __init__(
        self, condition: Filter, *, now: Clock = _utc_now, limit: int = EVALUATION
    ) -> None:
        condition = merged(condition)
        self.cost = sum(map(_cost, condition.comparisons()))
        """Units of any evaluation, whatever the object."""
        self.limit = limit
        self.meter = Meter(limit)
        """What an evaluation has left; set it to `limit` before each."""
        self._condition = condition
        self._compiler = _Compiler(now, _patterns(condition), self.meter)
        self._tests: dict[type, tuple[Test, bool]] = {}

    def test_for(self, kind: type) -> tuple[Test, bool]:
        """Return the test of one kind of object, and whether it takes a mapping.

        If not, it takes the object's ``__dict__``.

        Raises:
            MatcherError: *kind* has no attributes.
        """
        found = self._tests.get(kind)
        if found is None:
            found = self._tests[kind] = self._compiler.test_for(kind, self._condition)
        return found

    def matches(self, obj: Any) -> bool:
        """Tell whether an object or a mapping matches; `spent` is what that cost.

        Raises:
            FilterCostError: it costs too much.
        """
        test, is_mapping = self.test_for(type(obj))
        self.meter.left = self.limit
        self.meter.charge(self.cost)
        return test(obj if is_mapping else obj.__dict__)

    @property
    def spent(self) -> int:
        """The units that the last evaluation cost."""
        return self.limit - self.meter.left

    def predicate(self) -> Predicate:
        """Return `matches` as a function, a little faster."""
        tests, test_for, meter, limit = self._tests, self.test_for, self.meter, self.limit
        limit -= self.cost

        def predicate(obj: Any) -> bool:
            kind = obj.__class__
            try:
                test, is_mapping = tests[kind]
            except KeyError:
                test, is_mapping = test_for(kind)
            meter.left = limit
            return test(obj if is_mapping else obj.__dict__)

        return predicate


def _cost(comparison: Comparison) -> int:
    # Values are in sets, but spans in lists are resolved at each evaluation.
    nested = sum(_size(value) for value in comparison.values if isinstance(value, tuple))
    return COMPARISON + 8 * comparison.key.count(".") + 10 * nested


def _size(row: tuple[Any, ...]) -> int:
    return 1 + sum(_size(value) if isinstance(value, tuple) else 1 for value in row)


class _Compiler:
    """Turns filters into functions of the values of an object, for one kind of object."""

    def __init__(self, now: Clock, patterns: Mapping[str, Search], meter: Meter) -> None:
        self._now = now
        self._patterns = patterns
        self._meter = meter

    def test_for(self, kind: type, condition: Filter) -> tuple[Test, bool]:
        """Return the function, and whether it takes the object itself, not its ``__dict__``."""
        if issubclass(kind, Mapping):
            return self._filter(condition, None), True
        if not hasattr(kind, "attribute_spec"):
            raise MatcherError(f"{kind.__name__} has no attributes")
        return self._filter(condition, kind), False

    def _filter(self, condition: Filter, model: Any) -> Test:
        return _all([self._slot(slot, model) for slot in condition.slots])

    def _slot(self, slot: Comparison | Group, model: Any) -> Test:
        if isinstance(slot, Comparison):
            is_path = "." in slot.key and (model is None or spec_of(model, slot.key) is None)
            return (self._nested if is_path else self._comparison)(slot, model)
        tests = [self._filter(member, model) for member in slot.members]
        return _any(tests) if slot.word == "or" else _all(tests)

    def _comparison(self, slot: Comparison, model: Any) -> Test:
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
        judge = with_absent(self._judge(positive, slot.values), absent(spec, model))
        if is_negated:
            return lambda values: not judge(values.get(key))
        if comparator is Comparator.EQUAL and isinstance(slot.values[0], str):
            return _text_test(key, slot.values[0], judge)
        return lambda values: judge(values.get(key))

    def _nested(self, slot: Comparison, model: Any) -> Test:
        """Return the test of what a dotted key leads to."""
        comparator, start = slot.comparator, _start(slot.key, model, self._meter)
        if comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS):
            wanted = comparator is Comparator.EXISTS
            return lambda values: (start(values) is not NOWHERE) is wanted
        judge = self._judge(_POSITIVE.get(comparator, comparator), slot.values)
        is_negated = comparator in _NEGATED

        def test(values: Mapping[str, Any]) -> bool:
            found = start(values)
            return judge(None if found is NOWHERE else found) is not is_negated

        return test

    def _judge(self, comparator: Comparator, wanted: tuple[Any, ...]) -> Judge:
        if comparator is Comparator.MATCHES:
            return self._pattern_judge([value for value in wanted if isinstance(value, str)])
        if comparator in ORDER:
            return order_judge(comparator, wanted[0], self._now, self._meter)
        return values_judge(wanted, self._now, self._meter)

    def _pattern_judge(self, patterns: list[str]) -> Judge:
        literals = [found for text in patterns if (found := literal_of(text)) is not None]
        return pattern_judge(
            [text for is_prefix, text in literals if is_prefix],
            [text for is_prefix, text in literals if not is_prefix],
            [self._patterns[text] for text in patterns if text in self._patterns],
            self._meter,
        )


def _start(key: str, model: Any, meter: Meter) -> Callable[[Mapping[str, Any]], Any]:
    """Return a function that says where a dotted key leads from the values of an object."""
    if model is None:
        return follower(key, meter)
    name, _, rest = key.partition(".")
    spec = spec_of(model, name)
    if spec is None:
        return lambda _: NOWHERE
    wire, follow = spec.wire, follower(rest, meter)
    return lambda values: follow(values.get(wire))


def _all(tests: list[Test]) -> Test:
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda values: first(values) and second(values)
        case [first, second, third]:
            return lambda values: first(values) and second(values) and third(values)

    def every(values: Mapping[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110 (a loop is twice as fast)
            if not test(values):
                return False
        return True

    return every


def _any(tests: list[Test]) -> Test:
    match tests:
        case [only]:
            return only
        case [first, second]:
            return lambda values: first(values) or second(values)

    def some(values: Mapping[str, Any]) -> bool:
        for test in tests:  # noqa: SIM110
            if test(values):
                return True
        return False

    return some


def _text_test(key: str, wanted: str, judge: Judge) -> Test:
    # By far the most frequent: the answer is yes, or no with a text, in a single step.
    def test(values: Mapping[str, Any]) -> bool:
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


def _patterns(condition: Filter) -> dict[str, Search]:
    """Return the searches for the patterns of a filter, without the wrong ones: they never match.

    Raises:
        PatternCostError: they are too large, or too many.
    """
    texts = dict.fromkeys(_searched(condition))
    if len(texts) > MAX_PATTERNS or sum(map(len, texts)) > MAX_PATTERN_TEXT:
        raise PatternCostError("the regular expressions are too large")
    # A few letters can ask for megabytes, so all patterns of a filter share what four may take.
    memory = min(MEMORY, 4 * MEMORY // max(len(texts), 1))
    searches: dict[str, Search] = {}
    steps = 0
    for text in texts:
        try:
            pattern = compiled_within(memory, text)
        except ValueError as error:
            if str(error).endswith("pattern too large - compile failed'"):
                raise PatternCostError("the regular expressions are too large") from error
            continue
        steps += pattern.programsize
        if steps > MAX_PATTERN_STEPS:
            raise PatternCostError("the regular expressions are too large")
        searches[text] = pattern.search, pattern.programsize
    return searches


def _searched(condition: Filter) -> Iterator[str]:
    """Yield the patterns that are more than a plain text."""
    for comparison in condition.comparisons():
        if comparison.comparator is Comparator.MATCHES:
            for text in comparison.values:
                if isinstance(text, str) and literal_of(text) is None:
                    yield text
