"""Applying filters to objects and mappings."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bahamut.elemental.filters import (
    Comparator,
    Duration,
    Filter,
    MatcherError,
    compile_filter,
    matches,
    parse,
)
from bahamut.elemental.patterns import MEMORY, compiled, compiled_within
from hypothesis import given, settings, strategies as st
from tests.unit.elemental.filters.support import Thing, comparisons, filters

NOON = datetime(2020, 1, 2, 12, tzinfo=UTC)
THING = Thing(
    name="milk",
    parent="l1",
    size=3,
    ratio=1.5,
    done=True,
    when=NOON,
    tags=["a", "b"],
    anything=[1.0, "x", [1, 2], True, None],
)
EMPTY = Thing()


def applies(text: str, obj: Any = THING, now: datetime | None = None) -> bool:
    return matches(obj, parse(text), now=lambda: now or NOON)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name == milk", True),
        ("name == Milk", False),
        ("name != milk", False),
        ('name == ["milk"]', False),
        ("size == 3", True),
        ('size == "3"', False),
        ("size == true", False),
        ("done == true", True),
        ("done == 1", False),
        ('done == "true"', False),
        ("ratio == 1.5", True),
        ("tags == a", True),
        ("tags == c", False),
        ("tags != a", False),
        ("tags == [a, b]", True),
        ("tags == [b, a]", False),
        ("tags == [a]", False),
        ("tags == []", False),
        ("anything == [1, 2]", True),
        ("anything == true", True),
        ("nope == 1", False),
        ("nope != 1", True),
        ("name matches il", True),
        ('name matches "^il"', False),
        ('name matches "(?i)^MILK$"', True),
        ('tags matches ["z", "^b$"]', True),
        ("size matches 3", False),
        ("name matches []", False),
        ("nope matches x", False),
        ("name == milk and (size == 4 or size == 3)", True),
        ("name == milk and size == 4", False),
        ("name == x or size == 3 or size == 5", True),
        ("name == x or size == 4 or size == 5", False),
        ("name == milk and size == 3 and done == true and tags == a", True),
        ("name == milk and size == 3 and done == false and tags == a", False),
    ],
)
def test_filters_are_applied(text: str, expected: bool) -> None:
    assert applies(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size > 2", True),
        ("size > 3", False),
        ("size >= 3", True),
        ("size < 3.5", True),
        ("size <= 2", False),
        ("name > mild", True),
        ("name < mild", False),
        ("name > 1", False),
        ("done > 0", False),
        ("size > true", False),
        ("size > x", False),
        ('when > date("2020-01-02")', True),
        ('when <= date("2020-01-02 12:00")', True),
        ("tags > a", True),
        ("tags > b", False),
        ("nope > 1", False),
        ("anything < 2", True),
        ("size > [1]", False),
        ("name in [milk, x]", True),
        ("name in x", False),
        ("name not in [milk, x]", False),
        ("name not in []", True),
        ("size in [1, 3.0]", True),
        ("tags in [z, b]", True),
        ("tags in [[a, b]]", True),
        ("tags contains b", True),
        ("tags contains [z]", False),
        ("tags not contains [z]", True),
        ("tags not contains [b, z]", False),
        ("nope in [1]", False),
        ("nope not in [1]", True),
        ("nope not contains 1", True),
        ("done in [true]", True),
        ("anything contains 1", True),
    ],
)
def test_x16_every_comparator_is_applied(text: str, expected: bool) -> None:
    assert applies(text) is expected


@pytest.mark.parametrize("comparator", Comparator)
def test_x16_no_comparator_is_refused(comparator: Comparator) -> None:
    values = [] if "exists" in comparator else ["x"]
    assert matches(THING, Filter().with_key("name").compare(comparator, values)) in (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name exists", True),
        ("name not exists", False),
        ("parent exists", True),
        ("PARENTID exists", False),
        ("nope exists", False),
        ("nope not exists", True),
        ("parentID == l1", True),
        ("parent == l1", True),
        ("PARENT == l1", False),
    ],
)
def test_d25_attributes_answer_to_both_names(text: str, expected: bool) -> None:
    assert applies(text) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("size == 3.9", False),
        ("size == 3.0", True),
        ("name == 109", False),
        ("anything == 1", True),
        ('size == now("3ns")', False),
        ("tags == [1, 2]", False),
    ],
)
def test_d25_numbers_are_not_cut_and_are_no_texts(text: str, expected: bool) -> None:
    assert applies(text, now=NOON) is expected


def test_d25_times_are_compared_as_instants() -> None:
    assert applies('when == date("2020-01-02T14:00:00+02:00")')
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-3)))
    assert applies('when == date("2020-01-02T12:00:00Z")', Thing(when=elsewhere))
    assert applies('when == date("2020-01-02T12:00:00Z")', Thing(when=NOON.replace(tzinfo=None)))
    assert not applies('when == "2020-01-02T12:00:00Z"')


def test_d25_a_later_or_group_does_not_have_the_last_word() -> None:
    no, yes = Filter().with_key("name").equals("x"), Filter().with_key("name").equals("milk")
    assert not matches(THING, Filter().or_(no).or_(yes))
    assert not matches(THING, Filter().and_(no).or_(yes))
    assert matches(THING, Filter().or_(no, yes).or_(yes))


def test_unset_attributes_have_zero_values() -> None:
    assert applies('when == date("0001-01-01")', EMPTY)
    assert applies('when < date("2020-01-01")', EMPTY)
    assert applies("tags == []", Thing(tags=None))
    assert not applies("anything == x", EMPTY)
    assert applies("anything != x", EMPTY)


def test_absent_attributes_of_sparse_objects_have_none() -> None:
    sparse = type("Sparse", (Thing,), {"IS_SPARSE": True})()
    sparse.__dict__ = {"name": "milk"}
    assert applies("name == milk", sparse)
    assert not applies('when < date("2020-01-01")', sparse)
    assert applies("when exists", sparse)
    assert applies("size != 1", sparse)


def test_the_empty_filter_matches_everything() -> None:
    assert matches(THING, Filter())
    assert matches({}, Filter())


def test_mappings_have_the_keys_they_have() -> None:
    found = {"name": "x", "size": 1, "when": None}
    assert applies("name == x and size > 0", found)
    assert not applies("NAME == x", found)
    assert applies("name exists and when exists and nope not exists", found)
    assert not applies('when < date("2020-01-01")', found)


def test_now_is_the_moment_of_evaluation() -> None:
    recent = parse('when > now("-1h")')
    assert matches(THING, recent, now=lambda: NOON + timedelta(minutes=59))
    assert not matches(THING, recent, now=lambda: NOON + timedelta(minutes=60))
    assert matches(THING, parse("when == now()"), now=lambda: NOON)
    assert matches(
        {"k": [NOON]}, parse('k == [now("1s")]'), now=lambda: NOON - timedelta(seconds=1)
    )
    assert matches(THING, Filter().with_key("when").in_(Duration(0), "x"), now=lambda: NOON)


def test_a_prepared_filter_asks_the_clock_each_time() -> None:
    moments = iter([NOON + timedelta(minutes=59), NOON + timedelta(minutes=61)])
    is_recent = compile_filter(parse('when > now("-1h")'), now=lambda: next(moments))
    assert is_recent(THING)
    assert not is_recent(THING)


def test_without_a_clock_now_is_now() -> None:
    assert matches({"when": datetime.now(UTC)}, parse('when > now("-1h") and when <= now()'))


def test_a_prepared_filter_serves_several_kinds_of_objects() -> None:
    is_milk = compile_filter(parse("name == milk"))
    assert [is_milk(o) for o in (THING, EMPTY, {"name": "milk"}, {}, THING)] == [
        True, False, True, False, True,
    ]  # fmt: skip


def test_what_has_no_attributes_is_refused() -> None:
    with pytest.raises(MatcherError, match="unable to match: int has no attributes"):
        matches(3, Filter())


@pytest.mark.parametrize("pattern", ["[", "(?=a)", r"(a)\1", "a**", "\udc80", "(" * 5_000])
def test_x31_a_pattern_that_is_refused_never_matches(pattern: str) -> None:
    made = Filter().with_key("name").matches(pattern)
    assert not matches(THING, made)
    assert matches(THING, Filter().with_key("name").matches(pattern, 1, "mil"))


def test_x31_patterns_take_linear_time() -> None:
    made = Filter().with_key("name").matches("(a|a)*(a|aa)+$", "(x+x+)+y")
    assert not matches(Thing(name="a" * 100_000 + "b"), made)
    assert not matches(Thing(name="x" * 100_000), made)


@pytest.mark.parametrize(
    "patterns",
    [
        [r"\pL{1000}"],
        [rf"{n}\pL{{100}}" for n in range(3_000)],
        ["(x{900}y)" * 1_000],
        [f"{n}x{{900}}" for n in range(200)],
    ],
)
def test_x31_programs_that_are_too_large_are_refused(patterns: list[str]) -> None:
    made = Filter().with_key("name").matches(*patterns)
    with pytest.raises(MatcherError, match="the regular expressions are too large"):
        compile_filter(made)


def test_texts_that_are_no_unicode_are_no_trouble() -> None:
    assert matches({"a": "\udc80x"}, Filter().with_key("a").matches("x$"))


# The meaning once more, as plainly as possible, for anything Hypothesis can think of.

plain = st.one_of(st.integers(-2, 2), st.booleans(), st.sampled_from(["", "a", "b"]))
some = st.one_of(plain, st.floats(-2, 2), st.lists(plain, max_size=2))
CASES = filters(
    comparisons(some, st.sampled_from("xyz"), [c for c in Comparator if c != "matches"]),
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def holds(term: Any, obj: dict[str, Any]) -> bool:
    if isinstance(term, Filter):
        return all(holds(t, obj) for t in term.slots)
    if hasattr(term, "members"):
        return (any if term.word == "or" else all)(holds(f, obj) for f in term.members)
    name, value = str(term.comparator), obj.get(term.key)
    if name in ("exists", "not exists"):
        return (term.key in obj) == (name == "exists")
    if name in ("!=", "not in", "not contains"):
        return not any(same(v, w) for v in held(value) for w in term.values)
    if name in ("==", "in", "contains"):
        return any(same(v, w) for v in held(value) for w in term.values)
    (wanted,) = term.values
    items = value if isinstance(value, list) else [value]
    return any(in_order(name, item, wanted) for item in items)


def held(value: Any) -> list[Any]:
    return [value, *value] if isinstance(value, list) else [value]


def in_order(name: str, a: Any, b: Any) -> bool:
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (a, b)]
    if not all(numbers) and not (isinstance(a, str) and isinstance(b, str)):
        return False
    return {">": a > b, ">=": a >= b, "<": a < b, "<=": a <= b}[name]


@settings(deadline=None)
@given(CASES, st.dictionaries(st.sampled_from("xyz"), some))
def test_every_filter_means_what_it_says(made: Filter, obj: dict[str, Any]) -> None:
    assert matches(obj, made) is holds(made, obj)
    assert matches(obj, parse(str(made))) is holds(made, obj)


@settings(deadline=None)
@given(filters(comparisons()))
def test_every_filter_can_be_applied(made: Filter) -> None:
    for obj in (THING, EMPTY, {"name": "x"}):
        assert matches(obj, made, now=lambda: NOON) in (True, False)


def test_patterns_of_clients_are_not_kept_for_ever_and_do_not_displace_those_of_models() -> None:
    of_model = compiled("^of a model$")
    of_client = compiled_within(MEMORY, "^of a client$")
    for number in range(2_000):
        compile_filter(Filter().with_key("name").matches(f"^{number}$"))
    assert compiled_within(MEMORY, "^of a client$") is not of_client
    assert compiled("^of a model$") is of_model
