"""Whatever a filter says, it is understood or refused, and applied without trouble."""

import json
import string
from pathlib import Path
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
RECORDED = Path(__file__).parents[1] / "golden" / "data" / "filters"


def recorded() -> list[str]:
    """Return texts of filters that the original understood."""
    with (RECORDED / "parse.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    found = [row["text"] for row in rows if row["ok"]]
    return [text for text in found if isinstance(text, str) and len(text) < 500]


golden_filters = damaged(st.sampled_from(recorded()), words)
anything = st.one_of(
    st.text(),
    words,
    golden_filters,
    damaged(made.map(str), st.one_of(words, nested("(", ")", "a == 1"), nested("[", "]"))),
)
NAMES = sorted({spec.name for model in MODELS for spec in model.ATTRIBUTES})
NAMES += [f"{name}.{inner}" for name in NAMES[::5] for inner in ("name", "teeth", "a", "")]
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


@given(anything, st.one_of(objects(), st.dictionaries(st.sampled_from(NAMES), free)))
def test_every_text_that_is_a_filter_applies_to_every_object(text: str, obj: Any) -> None:
    condition = outcome(lambda: parse(text), FilterError)
    test = condition and outcome(lambda: compile_filter(condition), MatcherError)
    if test:
        assert test(obj) in (True, False)


@given(of_objects, st.one_of(objects(), st.dictionaries(st.sampled_from(NAMES), free)))
def test_every_filter_applies_to_every_object(condition: Filter, obj: Any) -> None:
    test = outcome(lambda: compile_filter(condition), MatcherError)
    if test is not None:
        assert test(obj) in (True, False)
