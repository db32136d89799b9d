"""Composing filters, comparing them, writing them down."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from bahamut.elemental.filters import (
    Comparator,
    Comparison,
    Duration,
    Filter,
    FilterComposer,
    FilterError,
    filter_composer,
    parse,
)
from bahamut.elemental.filters.filter import MAX_DEPTH
from hypothesis import given, settings
from tests.unit.elemental.filters.support import comparisons, filters


def equals(key: str, value: Any) -> Filter:
    return Filter().with_key(key).equals(value)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (
            equals("hello", 1)
            .with_key("gt").greater_than(12)
            .with_key("lt").lesser_than(13)
            .with_key("gte").greater_or_equal_than(22)
            .with_key("lte").lesser_or_equal_than(23),
            "hello == 1 and gt > 12 and lt < 13 and gte >= 22 and lte <= 23",
        ),
        (
            equals("hello", 1).with_key("ctn").contains(False).with_key("x").in_("a", "b", "c"),
            'hello == 1 and ctn contains [false] and x in ["a", "b", "c"]',
        ),
        (
            Filter().and_(equals("a", "b")).with_key("b").equals("c"),
            '((a == "b")) and b == "c"',
        ),
        (Filter().with_key("a").not_equals("x"), 'a != "x"'),
        (Filter().with_key("a").not_in(), "a not in []"),
        (Filter().with_key("a").matches("^x$", 1), 'a matches ["^x$", 1]'),
        (Filter().with_key("a").exists().with_key("b").not_exists(), "a exists and b not exists"),
        (Filter().or_(equals("a", 1), equals("b", 2)).done(), "((a == 1) or (b == 2))"),
        (Filter(), ""),
    ],
)  # fmt: skip
def test_a_composed_filter_is_written(made: Filter, text: str) -> None:
    assert str(made) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (-7, "-7"),
        (datetime(2020, 1, 2, tzinfo=UTC), 'date("2020-01-02T00:00:00Z")'),
        (datetime(2020, 1, 2), 'date("2020-01-02T00:00:00Z")'),  # noqa: DTZ001
        (timedelta(hours=-1), 'now("-1h0m0s")'),
        (Duration(1), 'now("1ns")'),
        (Duration(0), "now()"),
        (["a", [1, 2]], '["a", [1, 2]]'),
        (Comparator.IN, '"in"'),
    ],
)
def test_values_are_written(value: Any, text: str) -> None:
    assert str(equals("k", value)) == f"k == {text}"


def test_composing_leaves_the_first_filter_alone() -> None:
    first = equals("a", 1)
    first.with_key("b").equals(2)
    first.or_(equals("c", 3))
    assert str(first) == "a == 1"


def test_filters_are_values() -> None:
    assert equals("a", 1) == equals("a", 1)
    assert hash(equals("a", 1)) == hash(equals("a", 1))
    assert len({equals("a", 1), equals("a", 1.0), equals("a", True), equals("a", "1")}) == 4
    assert equals("a", 1) != "a == 1"
    assert repr(equals("a", 1)) == "<Filter a == 1>"


def test_parentheses_that_say_nothing_make_no_difference() -> None:
    a, b = equals("a", 1), equals("b", 2)
    assert Filter().and_(Filter().or_(a)) == a
    assert Filter().and_(a, b) == a.with_key("b").equals(2)
    assert Filter().or_(a, b) != Filter().and_(a, b)
    assert Filter().and_(a, Filter().and_(b, a)) != Filter().and_(a, b, a)


def test_empty_filters_say_nothing() -> None:
    a = equals("a", 1)
    assert a.and_() == a
    assert a.or_() == a
    assert a.and_(Filter(), Filter().or_()) == a
    assert a.or_(equals("b", 2), Filter()) == a


def test_the_terms_can_be_read() -> None:
    made = equals("a", [1]).or_(Filter().with_key("b").in_(1, 2))
    assert made.slots[0] == Comparison("a", Comparator.EQUAL, ((1,),))
    assert list(made.comparisons())[1] == Comparison("b", Comparator.IN, (1, 2))
    assert Filter().with_key("a").exists().slots[0].values == (True,)
    assert Filter().with_key("a").not_exists().slots[0].values == (False,)


def test_attribute_names_come_from_groups_too() -> None:
    made = equals("a", 1).or_(equals("b", 2), equals("c", 3))
    assert list(made.attribute_names()) == ["a", "b", "c"]
    assert made
    assert not Filter()
    assert Filter.parse(str(made)) == made


@pytest.mark.parametrize(
    "value",
    [None, b"x", float("nan"), float("inf"), 2**63, object(), {}, "x\0y", Duration(2**63)],
)
def test_d20_what_no_text_can_name_is_refused(value: Any) -> None:
    for given_value in (value, [value]):
        with pytest.raises(FilterError):
            equals("k", given_value)


def test_a_time_at_the_edge_of_the_calendar_is_read_back() -> None:
    for zone in (timezone(timedelta(seconds=30)), timezone(timedelta(hours=14))):
        for year in (1, 9999):
            made = equals("k", datetime(year, 1 if year == 1 else 12, 1, tzinfo=zone))
            assert parse(str(made)) == made


def test_keys_are_checked() -> None:
    with pytest.raises(FilterError, match=r"could not start a parameter with \$. Found \$x"):
        Filter().with_key("$x")
    with pytest.raises(FilterError, match="NUL"):
        Filter().with_key("a\0")


def test_the_number_of_values_is_checked() -> None:
    with pytest.raises(FilterError, match="== takes one value, not 2"):
        Filter().with_key("a").compare(Comparator.EQUAL, (1, 2))


def test_depth_is_limited() -> None:
    made, value = equals("a", 1), 1
    for _ in range(MAX_DEPTH):
        made, value = Filter().and_(made), [value]
    assert parse(str(made)) == made
    assert parse(str(equals("a", value))) == equals("a", value)
    with pytest.raises(FilterError, match="filter is too deep"):
        Filter().or_(made)
    with pytest.raises(FilterError, match="filter is too deep"):
        equals("a", [value])


def test_d19_an_or_group_is_joined_by_and() -> None:
    made = equals("hello", 1).or_(equals("a", 2), equals("b", 3))
    assert str(made) == "hello == 1 and ((a == 2) or (b == 3))"
    assert parse(str(made)) == made


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (equals("k", 'q"q'), 'k == "q\\"q"'),
        (equals("k", "b\\b"), 'k == "b\\\\b"'),
        (equals("a b", 1), '"a b" == 1'),
        (equals("and", 1), '"and" == 1'),
        (equals("", 1), '"" == 1'),
        (equals("a=b", 1), "a=b == 1"),
        (equals("a==b", 1), '"a==b" == 1'),
        (equals("k", 32.9), "k == 32.9"),
        (equals("k", 1.0), "k == 1.0"),
        (equals("k", 1e21), "k == 1e21"),
        (
            equals("k", datetime(2020, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)),
            'k == date("2020-01-02T03:04:05.678Z")',
        ),
    ],
)
def test_d20_what_is_written_can_be_read(made: Filter, text: str) -> None:
    assert str(made) == text
    assert parse(text) == made


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"\d+", r'"\d+"'),
        (r"a\\", r'"a\\"'),
        ('say "x"', r'"say \"x\""'),
        (r"\"", r"""'\"'"""),
        ("\\\"\\'", r"\\\"\\\'"),
        ("a b\\", r"a\ b\\"),
        ("", '""'),
    ],
)
def test_d22_patterns_are_written_as_they_are(pattern: str, text: str) -> None:
    made = Filter().with_key("k").matches(pattern)
    assert str(made) == f"k matches [{text}]"
    assert parse(str(made)) == made


def test_d21_not_contains_is_written_whole() -> None:
    made = Filter().with_key("a").not_contains("x", "y")
    assert str(made) == 'a not contains ["x", "y"]'
    assert str(Filter().with_key("a").not_contains()) == "a not contains []"
    assert str(equals("a", [[1, 2], [3]])) == "a == [[1, 2], [3]]"


@settings(deadline=None)
@given(filters(comparisons()))
def test_d20_every_filter_is_read_back(made: Filter) -> None:
    again = parse(str(made))
    assert again == made
    assert str(parse(str(again))) == str(again)


def test_a_composer_is_a_filter() -> None:
    assert filter_composer() == Filter()
    assert FilterComposer is Filter
