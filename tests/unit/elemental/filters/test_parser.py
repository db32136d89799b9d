"""From texts to filters."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bahamut.elemental.filters import Duration, Filter, FilterError, parse
from bahamut.elemental.filters.parser import MAX_LENGTH
from hypothesis import given, settings, strategies as st
from tests.unit.elemental.filters.support import comparisons, filters

OPERATORS = "(==, !=, <, <=, >, >=, contains, in, matches, exists)"


def message_of(text: str, **options: Any) -> str:
    with pytest.raises(FilterError) as caught:
        parse(text, **options)
    return str(caught.value)


def value_of(text: str) -> Any:
    (comparison,) = parse(f"k == {text}").comparisons()
    return comparison.values[0]


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a == 1 and b == 2 and c == 3", "((a == 1) and (b == 2) and (c == 3))"),
        ("a == 1 and b == 2 or c == 3", "((((a == 1) and (b == 2))) or (c == 3))"),
        ("a == 1 or b == 2 and c == 3", "((((a == 1) or (b == 2))) and (c == 3))"),
        ("((a == 1))", "a == 1"),
        ("(a == 1 or b == 2) and c == 3", "((((a == 1) or (b == 2))) and (c == 3))"),
        ("a Exists AND b nOt ExIsTs", "((a exists) and (b not exists))"),
        ("a contains x", 'a contains ["x"]'),
        ("a in [x, [1, true]]", 'a in ["x", [1, true]]'),
        ("a matches x", 'a matches ["x"]'),
        ("date == x and now == 1",
         '((date == "x") and (now == 1))'),
        ('"tag==toto"=="3==5"', '"tag==toto" == "3==5"'),
    ],
)  # fmt: skip
def test_texts_are_understood(text: str, printed: str) -> None:
    assert str(parse(text)) == printed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("x", "x"),
        ("'x y'", "x y"),
        ("TRUE", True),
        ("false", False),
        ("007", 7),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", 9.223372036854775808e18),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1e-400", 0.0),
        ("1e400", "1e400"),
        ("10s", "10s"),
        ("1.2.3", "1.2.3"),
        ('"1"', "1"),
        ('date("2018-04-26 23:50")', datetime(2018, 4, 26, 23, 50, tzinfo=UTC)),
        ('date("2018-04-26 3:50")', datetime(2018, 4, 26, 3, 50, tzinfo=UTC)),
        ("date(2018-04-26)", datetime(2018, 4, 26, tzinfo=UTC)),
        ('date("2018-04-26T1:02:03.5+01:00")', datetime(2018, 4, 26, 0, 2, 3, 500000, UTC)),
        ('now("-1h")', Duration(-3_600_000_000_000)),
        ("now()", Duration(0)),
        ("[]", ()),
        ("[a, [b]]", ("a", ("b",))),
    ],
)
def test_values_have_types(text: str, value: Any) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid start of expression. found \0"),
        ("and a == 1", "invalid start of expression. found and"),
        (") a", "invalid start of expression. found )"),
        ('"key == chris', "missing quote after key == chris"),
        ("$key == value", "could not start a parameter with $. Found $key"),
        ('key" == chris', f'invalid operator. found " instead of {OPERATORS}'),
        ("key and chris", f"invalid operator. found and instead of {OPERATORS}"),
        ("name =", f"invalid operator. found = instead of {OPERATORS}"),
        ("key", f"invalid operator. found EOF instead of {OPERATORS}"),
        ("a not matches b", "invalid usage of operator NOT before matches"),
        ("key == hello world", "missing parentheses to protect value: hello world"),
        ('key == "hello', "missing quote after hello"),
        ('key == hello"', "missing quote before the value: hello"),
        ("key == and", "invalid value. found and"),
        ("a ==", "invalid value. found EOF"),
        ("key exists value", "invalid keyword after key exists. found value"),
        (
            'name == 0 and toto contains "1" an contains "@hello=2"',
            'invalid keyword after toto contains ["1"]. found an',
        ),
        ("a in [x", "invalid end of array. found \0"),
        ("a in [(", "invalid end of array. found ("),
        ('a == date("2012-24-2")', "unable to parse date format 2012-24-2"),
        ('a == date("2019-02-29")', "unable to parse date format 2019-02-29"),
        (
            'a == now("x")',
            'unable to parse duration x: time: invalid duration "x"',
        ),
    ],
)
def test_errors_are_those_of_the_original(text: str, message: str) -> None:
    assert message_of(text) == message


def test_unsupported_comparators_are_refused() -> None:
    assert message_of("a > 1", unsupported=[">"]) == "unsupported comparator: >"
    assert message_of("a not in", unsupported=["not in"]) == "unsupported comparator: NOT IN"
    assert str(parse("a >= 1", unsupported=[">"])) == "a >= 1"
    with pytest.raises(ValueError, match="nonsense"):
        parse("a > 1", unsupported=["nonsense"])


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (r'a == "\.x"', ".x", r"\.x"),
        (r'a == "^foo\.bar$"', "^foo.bar$", r"^foo\.bar$"),
        (r'a == "x\"y"', 'x"y', 'x"y'),
        (r"a == x\.y", "x.y", "x.y"),
    ],
)
def test_d22_backslashes_stay_only_in_quoted_patterns(text: str, first: str, second: str) -> None:
    (comparison,) = parse(text).comparisons()
    assert comparison.values == (first,)
    (comparison,) = parse(text.replace("==", "matches", 1)).comparisons()
    assert comparison.values == (second,)
    (comparison,) = parse(f"a matches [{text.removeprefix('a == ')}]").comparisons()
    assert comparison.values == (second,)


@pytest.mark.parametrize("word", ["nan", "NaN", "inf", "-infinity", "1_000", "0x1p4", "1e", "."])
def test_d23_only_digits_decimals_and_exponents_are_numbers(word: str) -> None:
    assert value_of(word) == word


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(a == 1) (b == 2)", "missing conjunction before ("),
        ("(a == 1) not (b == 2)", "missing conjunction before not"),
        ("a == 1 and", "missing expression after and"),
        ("(a == 1 OR )", "missing expression after OR"),
        ("a == 1 and and b == 2", "invalid start of expression. found and"),
        ("a == 1 and ? b == 2", "invalid start of expression. found ?"),
        ("a == 1 and not b == 2", "invalid start of expression. found not"),
        ("(a == 1", "missing closing parenthesis. found EOF"),
        ("a == 1)", "missing opening parenthesis. found )"),
        ("(a == b) or c == d) or e == f", "missing opening parenthesis. found )"),
        ("a == 1\0 and b == 2", "invalid character. found NUL"),
        ('a == "x\0y"', "invalid character. found NUL"),
        ("a in [1 2]", "missing comma before 2"),
        ("a in [1,, 2]", "invalid value. found ,"),
        ("a in [, 1]", "invalid value. found ,"),
        ("a in [1,]", "invalid value. found ]"),
        ("a == date y", "invalid value. found y"),
        ('a == now "1h"', 'invalid value. found "'),
        ("a == date", "invalid value. found EOF"),
    ],
)
def test_d24_what_is_not_well_formed_is_refused(text: str, message: str) -> None:
    assert message_of(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "(" * 60_000,
        "(" * 1_000 + "a == 1" + ")" * 1_000,
        "a == " + "[" * 60_000,
        "a == " + "[" * 66 + "]" * 66,
        "(" * 129 + "a == 1" + ")" * 129,
        " and ".join(["a == 1 or b == 2"] * 100),
    ],
)
def test_d24_depth_is_limited(text: str) -> None:
    assert message_of(text) == "filter is too deep. at most 64 levels are allowed"


def test_d24_length_is_limited() -> None:
    longest = "a == " + "x" * (MAX_LENGTH - 5)
    assert parse(longest)
    expected = "filter is too long. at most 65536 characters are allowed"
    assert message_of(longest + "x") == expected


@pytest.mark.parametrize(
    "text",
    [
        "a == " + "9" * 60_000,
        "a == " + "1" * 30_000 + "." + "1" * 30_000 + "x",
        "a == " + "\\" * 60_000,
        'a == "' + '\\"' * 30_000,
        "a" + " " * 60_000 + "b",
        "a in [" + '"x",' * 15_000,
        "a == now(" + "1s" * 30_000,
        " and ".join(["a == 1"] * 6_000),
    ],
)
def test_hostile_texts_take_no_time(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        assert len(str(error)) < len(text) + 200  # noqa: PT017


@settings(deadline=None)
@given(st.text(st.sampled_from("ab \"'\\()[],=!<>$-.1e\0é\n")))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        made = parse(text)
    except FilterError:
        return
    assert parse(str(made)) == made


SIGNS = ["(", ")", "[", "]", ",", '"', "'", "==", "<", "\\", "date(", "now("]
WORDS = st.sampled_from(
    [*SIGNS, *["a", "1", "in", "not", "contains", "matches", "exists", "and", "or", "true"]]
)


@settings(deadline=None)
@given(st.lists(WORDS).map(" ".join))
def test_any_row_of_words_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        made = parse(text)
    except FilterError:
        return
    assert parse(str(made)) == made


@settings(deadline=None)
@given(filters(comparisons()), st.data())
def test_a_damaged_filter_is_a_filter_or_a_filter_error(made: Filter, data: st.DataObject) -> None:
    text = str(made)
    place = data.draw(st.integers(0, len(text)))
    for damaged in (
        text[:place],
        text[:place] + text[place + 1 :],
        text[:place] + "(" + text[place:],
    ):
        try:
            parse(damaged)
        except FilterError:
            continue
