"""Filters of every kind for Hypothesis, and a small kind of object to apply them to."""

from collections.abc import Iterable
from datetime import timedelta, timezone
from typing import Any

from bahamut.elemental.attributes import AttributeSpec
from bahamut.elemental.filters import Comparator, Duration, Filter
from bahamut.elemental.filters.filter import WITH_LISTS
from hypothesis import strategies as st

# Letters that mean something in the language, beside any others.
texts = st.text(st.one_of(st.sampled_from("ab\"'\\ ()[],=!<>$-.1eé\n"), st.characters())).filter(
    lambda text: "\0" not in text,
)
keys = st.one_of(
    st.sampled_from(["name", "a.b", "not", "date", "now", "TRUE", "a b", "=", ""]),
    texts,
).filter(lambda key: not key.startswith("$"))
zones = st.integers(-86_399, 86_399).map(lambda s: timezone(timedelta(seconds=s)))
scalars = st.one_of(
    texts,
    st.sampled_from(["true", "1", "1.5", "now", "date", "nan", "in", "1e400"]),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=zones),
    st.integers(-(2**63), 2**63 - 1).map(Duration),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@st.composite
def comparisons(
    draw: st.DrawFn,
    of: st.SearchStrategy[Any] = values,
    keys: st.SearchStrategy[str] = keys,
    comparators: Iterable[Comparator] = Comparator,
) -> Filter:
    comparator = draw(st.sampled_from(list(comparators)))
    if comparator in WITH_LISTS:
        given = draw(st.lists(of, max_size=3))
    elif comparator in (Comparator.EXISTS, Comparator.NOT_EXISTS):
        given = []
    else:
        given = [draw(of)]
    return Filter().with_key(draw(keys)).compare(comparator, given)


def _grown(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    groups = st.tuples(st.booleans(), st.lists(inner, min_size=1, max_size=3))
    return st.lists(st.one_of(groups, inner), min_size=1, max_size=3).map(_composed)


def _composed(parts: list[Any]) -> Filter:
    made = Filter()
    for part in parts:
        if isinstance(part, Filter):
            made = Filter((*made.slots, *part.slots), max(made.depth, part.depth))
        else:
            is_or, members = part
            made = made.or_(*members) if is_or else made.and_(*members)
    return made


def filters(of: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    """Return filters made of these comparisons, with groups in groups."""
    return st.recursive(of, _grown, max_leaves=6)


class Thing:
    """An object with attributes of several types, as far as matching is concerned."""

    IS_SPARSE = False
    SPECS = (
        AttributeSpec(name="name", wire="name", type="string"),
        AttributeSpec(name="parentID", wire="parent", type="string"),
        AttributeSpec(name="size", wire="size", type="integer"),
        AttributeSpec(name="ratio", wire="ratio", type="float"),
        AttributeSpec(name="done", wire="done", type="boolean"),
        AttributeSpec(name="when", wire="when", type="time"),
        AttributeSpec(name="tags", wire="tags", type="list", subtype="string"),
        AttributeSpec(name="anything", wire="anything", type="object"),
    )

    def __init__(self, **values: Any) -> None:
        self.__dict__ = {
            "name": "",
            "parent": "",
            "size": 0,
            "ratio": 0.0,
            "done": False,
            "when": None,
            "tags": [],
            "anything": None,
        } | values

    @classmethod
    def attribute_spec(cls, name: str) -> AttributeSpec | None:
        name = name.lower()
        return next((s for s in cls.SPECS if name in (s.name.lower(), s.wire.lower())), None)
