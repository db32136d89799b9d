"""Whatever a filter says, it is understood or refused, and applied without trouble."""

import string
from typing import Any

import pytest
from bahamut.elemental import Model
from bahamut.elemental.filters import (
    Comparator,
    Filter,
    FilterError,
    MatcherError,
    compile_filter,
    parse,
)
from hypothesis import given, strategies as st
from tests.fuzz.support import MODELS, damaged, free, nested, outcome, texts, wire_objects
from tests.unit.elemental.filters.support import comparisons, filters

pytestmark = pytest.mark.fuzz
LANGUAGE = [
    *map(str, Comparator), "and", "or", "(", ")", "[", "]", ",", '"', "'", "\\", "now(", 'date("',
    "true", "name", "title", r'title matches "\pL{1000}"', "1e400",
    "-9223372036854775808", "(a{1000}){1000}",
]  # fmt: skip
words = st.lists(st.one_of(st.sampled_from(LANGUAGE), texts), max_size=12).map(" ".join)
made = filters(comparisons())
anything = st.one_of(
    st.text(),
    words,
    damaged(made.map(str), st.one_of(words, nested("(", ")", "a == 1"), nested("[", "]"))),
)
NAMES = sorted({spec.name for model in MODELS for spec in model.ATTRIBUTES})
patterns = st.text(string.ascii_letters + "()[]{}*+?|^$.\\0123456789", max_size=20)
of_objects = filters(
    st.one_of(
        comparisons(keys=st.sampled_from(NAMES)),
        comparisons(patterns, st.sampled_from(NAMES), [Comparator.MATCHES]),
    )
)


@given(anything)
def test_any_text_is_a_filter_or_an_error(text: str) -> None:
    found = outcome(lambda: parse(text), FilterError)
    if found:
        assert parse(str(found)) == found


@given(made)
def test_every_filter_is_read_back(condition: Filter) -> None:
    again = parse(str(condition)) if condition else condition
    assert again == condition
    assert hash(again) == hash(condition)


@st.composite
def objects(draw: st.DrawFn) -> Model:
    model = draw(st.sampled_from(MODELS))
    made = model.SPARSE() if draw(st.booleans()) else model()
    for name, value in draw(wire_objects(model)).items():
        made.__dict__[name] = value
    return made


@given(of_objects, st.one_of(objects(), st.dictionaries(st.sampled_from(NAMES), free)))
def test_every_filter_applies_to_every_object(condition: Filter, obj: Any) -> None:
    test = outcome(lambda: compile_filter(condition), MatcherError)
    if test is not None:
        assert test(obj) in (True, False)
