"""What filters may cost (decision X50): counted in units of work, never in seconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bahamut.elemental.filters import (
    Comparator,
    Duration,
    Filter,
    FilterCostError,
    FilterError,
    PreparedFilter,
    compile_filter,
    matches,
    parse,
)
from bahamut.elemental.filters.cost import EVALUATION, MAX_COMPARISONS, MAX_VALUES
from bahamut.elemental.filters.judges import literal_of
from bahamut.elemental.patterns import compile_pattern
from hypothesis import given, settings, strategies as st
from tests.unit.elemental.filters.support import Thing

NOON = datetime(2020, 1, 2, 12, tzinfo=UTC)
MANY = 50_000


def spent(condition: Filter, obj: Any) -> int:
    prepared = PreparedFilter(condition, now=lambda: NOON)
    prepared.matches(obj)
    return prepared.spent


# --- L1: lists with many elements, filters with many values ----------------------------------

TEXTS = [f"t{n}" for n in range(300)]
MIXED = [*TEXTS[:100], *range(100), True, NOON, Duration(5), 1.5]
LISTS: dict[str, list[Any]] = {
    "texts": [f"x{n}" for n in range(MANY)],
    "numbers": [n + 1_000 for n in range(MANY)],
    "booleans": [False] * MANY,
    "mixed": [f"x{n}" if n % 2 else n + 1_000 for n in range(MANY)],
}


@pytest.mark.parametrize("tags", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("wanted", [TEXTS, MIXED, [*range(300)], [[1, "a"], *TEXTS]])
@pytest.mark.parametrize("comparator", ["in", "not in", "contains", "not contains"])
def test_l1_a_list_costs_its_length_however_many_the_values(
    tags: list[Any], wanted: list[Any], comparator: str
) -> None:
    many = Filter().with_key("anything").compare(Comparator(comparator), wanted)
    few = Filter().with_key("anything").compare(Comparator(comparator), wanted[:2])
    obj = Thing(anything=tags)
    assert matches(obj, many, now=lambda: NOON) is ("not" in comparator)
    assert spent(many, obj) <= 30 * len(tags)
    assert spent(many, obj) <= 30 * spent(few, obj)


@pytest.mark.parametrize(
    "condition",
    [
        " and ".join(f"anything != x{n}" for n in range(1_000)),
        " or ".join(f"anything > {n + 1_000_000}" for n in range(200)),
        " or ".join(f'anything matches "x{n}y"' for n in range(60)),
        " or ".join(f'anything > now("{n + 1}h")' for n in range(200)),
        " and ".join(f"anything.a.b != {n}" for n in range(200)),
    ],
)
def test_l1_many_comparisons_over_a_long_list_are_too_expensive(condition: str) -> None:
    obj = Thing(anything=[*range(MANY), *("abc" for _ in range(MANY))])
    with pytest.raises(FilterCostError, match="too expensive"):
        matches(obj, parse(condition))


@pytest.mark.parametrize("comparison", ["== x#", "== #", "in [x#, y#]", "contains [#]"])
def test_l1_alternatives_for_one_attribute_cost_as_much_as_one(comparison: str) -> None:
    obj = Thing(anything=[*range(-MANY, 0), *("abc" for _ in range(MANY))])
    forms = [f"anything {comparison.replace('#', str(n))}" for n in range(1_000)]
    assert spent(parse(" or ".join(forms)), obj) <= 3 * spent(parse(forms[0]), obj)


def test_l1_paths_through_lists_of_lists_cost_what_they_lead_through() -> None:
    inner = [{"c": [1, 2, 3]} for _ in range(300)]
    condition = parse("anything.b.c == 4")
    few = spent(condition, Thing(anything=[{"b": inner}]))
    many = spent(condition, Thing(anything=[{"b": inner} for _ in range(50)]))
    assert 25 * few < many < 75 * few
    with pytest.raises(FilterCostError):
        matches(Thing(anything=[{"b": inner} for _ in range(1_000)]), condition)


def test_l1_deeply_nested_lists_are_not_copied_at_each_level() -> None:
    nested: Any = [{"b": 1}] * 20_000
    for _ in range(100):
        nested = [nested]
    assert matches(Thing(anything=nested), parse("anything.b == 1"))


# --- L2: regular expressions -----------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    ["(((a|b)?){30}){30}c", "(a|b)*a(a|b){20}c", "(x?y?a?b?){200}c", "((a{9}){9}){9}c", "a.{50}c"],
)
def test_l2_a_pattern_that_may_take_long_is_refused_before_it_is_searched(pattern: str) -> None:
    condition = Filter().with_key("name").matches(pattern)
    with pytest.raises(FilterCostError, match="too expensive"):
        matches(Thing(name="ab" * 200_000), condition)
    assert not matches(Thing(name="ab" * 20), condition)


def test_l2_many_patterns_over_many_texts_are_too_expensive() -> None:
    condition = Filter().with_key("tags").matches(*(f"a{n}.b" for n in range(60)))
    with pytest.raises(FilterCostError):
        matches(Thing(tags=["some text"] * MANY), condition)


@pytest.mark.parametrize(
    "pattern",
    ["^prefix", "milk", r"^/a\.b/", "(?i)milk", "foo.*bar", "^(foo|bar)[0-9]+$", r"\.org$", "é+"],
)
def test_l2_ordinary_patterns_are_never_refused(pattern: str) -> None:
    condition = Filter().with_key("name").matches(pattern)
    assert spent(condition, Thing(name="x" * 1_000)) * 10_000 <= 200_000_000
    assert not matches(Thing(name="x" * 20_000), condition)


@pytest.mark.parametrize("pattern", ["^abc", "abc", ""])
def test_l2_plain_texts_are_found_in_the_longest_texts(pattern: str) -> None:
    condition = Filter().with_key("name").matches(pattern)
    assert matches(Thing(name="abc" + "x" * 4_000_000), condition)


@pytest.mark.parametrize(
    "patterns",
    [
        ["a.b" * 6_000],
        [f"a{n}.b" for n in range(65)],
        ["(" * 9_000 + "a" + ")" * 9_000],
        ["[" * 20_000],
        [r"\pL{1000}"],
    ],
)
def test_l2_what_is_compiled_is_bounded(patterns: list[str]) -> None:
    with pytest.raises(FilterCostError, match="too large"):
        compile_filter(Filter().with_key("name").matches(*patterns))


letters = st.text(st.sampled_from("ab^$.\\/-_?é *+\ud800\n"), max_size=6)


@settings(deadline=None)
@given(letters, letters)
def test_l2_plain_texts_are_found_where_re2_finds_them(pattern: str, text: str) -> None:
    if literal_of(pattern) is not None:
        expected = compile_pattern(pattern).search(text.encode("utf-8", "replace")) is not None
        assert matches({"k": text}, Filter().with_key("k").matches(pattern)) is expected


# --- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"a in [{','.join(['1'] * (MAX_VALUES + 1))}]",
        f"a in [{','.join(['[]'] * (MAX_VALUES + 1))}]",
        f"a in [{','.join(['[b, 1]'] * (MAX_VALUES // 3 + 1))}]",
        " or ".join(["a==1"] * (MAX_COMPARISONS + 1)),
        " or ".join([f"{'(' * 20}a==1{')' * 20}"] * 600),
        f"a in [{','.join(['now(1h)'] * 4_000)}]",
        f'a == now("{"1h" * 1_000}")',
        f'a == date("{"1" * 2_000}")',
    ],
)
def test_x50_what_a_filter_may_hold_is_bounded(text: str) -> None:
    with pytest.raises(FilterCostError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"a in [{','.join(['1'] * (MAX_VALUES - 1))}]",
        " or ".join(["a==1"] * MAX_COMPARISONS),
        f"a == {'9' * 60_000}",
        f"a == 0.{'9' * 60_000}",
    ],
)
def test_x50_what_a_filter_may_hold_is_enough(text: str) -> None:
    assert matches({"a": 1}, parse(text)) in (True, False)


@pytest.mark.parametrize(
    "text",
    [f'a == "{"b" * 60_000}', f"a == {'b' * 60_000} c", f"a in [{'b,' * 9_000}b] c", "b" * 60_000],
)
def test_x50_errors_quote_only_the_beginning(text: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert len(str(caught.value)) < 1_200


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a in [b , 'c' ,\"d\"]", ("b", "c", "d")),
        ("a in [1, -2.5, x1 , true, FALSE]", (1, -2.5, "x1", True, False)),
        ('a in ["b\\"c", [d, 1], e]', ('b"c', ("d", 1), "e")),
        ("a in [ ]", ()),
    ],
)
def test_lists_are_read_as_before(text: str, wanted: tuple[Any, ...]) -> None:
    (slot,) = parse(text).comparisons()
    assert slot.values == wanted
    assert list(map(type, slot.values)) == list(map(type, wanted))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a == "b"', ("a", "==", "b")),
        ("a==-1.5", ("a", "==", -1.5)),
        ("a.b <=  'x y'", ("a.b", "<=", "x y")),
        ("(a > now)", None),
        ("a > 1 AND b < c", None),
        ("not == b", None),
        ("$a == b", None),
        ("a == true", ("a", "==", True)),
        ("a == b c", None),
        ("a == in", None),
        ('a == "b"c', None),
        ("a == b or (c != d)", ("a", "==", "b")),
        ("a ==b=c", ("a", "==", "b=c")),
        ("a=b == c", ("a=b", "==", "c")),
    ],
)
def test_simple_comparisons_are_read_as_any_other(text: str, expected: Any) -> None:
    def read(*unsupported: str) -> Any:
        try:
            return parse(text, unsupported=unsupported)
        except FilterError as error:
            return str(error), error.position

    assert read() == read("contains")  # with one that is refused, everything is read by tokens
    if expected is not None:
        first = next(parse(text).comparisons())
        assert (first.key, first.comparator, *first.values) == expected


@pytest.mark.parametrize("text", ["a in [b,]", "a in [,b]", "a in [b c]", "a in [and]", "a in [b"])
def test_lists_that_are_wrong_are_still_refused(text: str) -> None:
    with pytest.raises(FilterError):
        parse(text)


# --- the answer does not depend on the machine, and means what it did ------------------------


def test_x50_the_limit_is_the_callers() -> None:
    obj, condition = Thing(tags=["a"] * 100), parse("tags == b")
    assert not matches(obj, condition)
    with pytest.raises(FilterCostError):
        matches(obj, condition, limit=99)
    assert EVALUATION > 100


def test_x50_an_evaluation_leaves_nothing_to_the_next_one() -> None:
    test = compile_filter(parse("tags == b"), limit=150)
    assert [test(Thing(tags=["a"] * 100)) for _ in range(10)] == [False] * 10


times = st.sampled_from(
    [NOON, NOON.replace(tzinfo=None), NOON + timedelta(seconds=1), datetime(2020, 1, 3, tzinfo=UTC)]
)
scalars = st.one_of(
    st.sampled_from(["", "a", "1"]),
    st.integers(-1, 2),
    st.sampled_from([0.0, -0.0, 1.0, 1.5]),
    st.booleans(),
    times,
)
held = st.recursive(
    st.one_of(scalars, st.none(), st.just({"a": 1}), st.just(b"a")),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=8,
)
spans = st.sampled_from([Duration(0), Duration(10**9), Duration(-1)])
wanted_values = st.recursive(
    st.one_of(scalars, spans), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


def moment(value: Any) -> Any:
    """Return a value in which times are instants and spans stand for theirs."""
    if isinstance(value, Duration):
        return NOON + timedelta(microseconds=value.nanoseconds / 1000)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return value


def same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(wanted)
            and all(map(same, value, wanted))
        )
    value, wanted = moment(value), moment(wanted)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


@settings(deadline=None, max_examples=400)
@given(held, st.lists(wanted_values, max_size=5), st.booleans())
def test_values_in_sets_mean_what_each_of_them_means(
    value: Any, wanted: list[Any], is_negated: bool
) -> None:
    wanted = [w for w in wanted if w != Duration(-1)]  # finer than the reference
    made = Filter().with_key("k")
    condition = made.not_in(*wanted) if is_negated else made.in_(*wanted)
    items = [value, *value] if isinstance(value, list) else [value]
    expected = any(same(item, w) for item in items for w in wanted)
    assert matches({"k": value}, condition, now=lambda: NOON) is (expected is not is_negated)
