"""Dotted keys, in objects, mappings and lists."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.filters import Filter, matches
from bahamut.elemental.filters.paths import NOWHERE, follower, specs_along
from hypothesis import given, strategies as st


class Street(Model):
    name: str = attribute(default="")
    lamps: int = attribute(default=0, wire="lampCount")
    tags: list[str] | None = attribute(default=None)
    built: datetime | None = attribute(default=None)
    code: str = attribute(default="", secret=True)


class Town(Model, identity=Identity("town", "towns")):
    main: Street | None = attribute(default=None)
    streets: list[Street] | None = attribute(default=None)
    by_name: dict[str, Street] | None = attribute(default=None, wire="byName")
    facts: Any = attribute(default=None)
    name: str = attribute(default="")


HIGH = Street(name="high", lamps=3, tags=["old", "wide"], built=datetime(1900, 1, 1, tzinfo=UTC))
LOW = Street(name="low", lamps=1)
TOWN = Town(
    main=HIGH,
    streets=[HIGH, LOW],
    by_name={"low": LOW, "a.b": HIGH},
    facts={"mayor": {"name": "x", "terms": [1, 2]}, "a.b": 1, "rows": [{"v": 1}, {"v": [2, 3]}, 4]},
    name="town",
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main.name == high", True),
        ("main.name != high", False),
        ("main.Name == high", False),
        ("main.lampCount > 2", True),
        ("main.lampCount in [2, 3]", True),
        ("main.tags contains old", True),
        ("main.tags == [old, wide]", True),
        ('main.name matches "^h"', True),
        ('main.built < date("1950-01-01")', True),
        ("streets.name == low", True),
        ("streets.name == other", False),
        ("streets.name not in [low]", False),
        ("streets.lampCount >= 4", False),
        ("streets.tags contains wide", True),
        ("byName.low.lampCount == 1", True),
        ("byName.high.lampCount == 3", False),
        ("facts.mayor.name == x", True),
        ("facts.mayor.terms == 2", True),
        ("facts.a.b == 1", True),
        ("facts.rows.v == 1", True),
        ("facts.rows.v == 3", True),
        ("facts.rows.v == 4", False),
        ("facts.mayor.name.first == x", False),
        ("facts.mayor.name.first != x", True),
        ("name.first == town", False),
        ("nothing.name != x", True),
        ("nothing.name == x", False),
        ("main.name exists", True),
        ("main.nothing exists", False),
        ("main.nothing not exists", True),
        ("streets.tags exists", True),
        ("facts.mayor exists", True),
        ("facts.judge exists", False),
        ("nothing.name exists", False),
        ("main.name == high and (streets.name == other or facts.mayor.name == x)", True),
    ],
)
def test_a_path_leads_to_a_value(text: str, expected: bool) -> None:
    assert matches(TOWN, Filter.parse(text)) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main.name == high", False),
        ("main.name != high", True),
        ("main.name exists", False),
        ("streets.name exists", False),
        ("streets.name not contains x", True),
    ],
)
def test_nothing_is_behind_what_is_not_set(text: str, expected: bool) -> None:
    assert matches(Town(), Filter.parse(text)) is expected


def test_an_unset_time_is_the_zero_time_wherever_it_is() -> None:
    town = Town(main=LOW)
    assert matches(town, Filter.parse('main.built == date("0001-01-01")'))


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)
trees = st.recursive(
    st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(trees, paths, st.integers(0, 3))
def test_paths_in_mappings_against_single_steps(tree: Any, path: list[str], wanted: int) -> None:
    found = tree
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    condition = Filter().with_key(".".join(path)).equals(wanted)
    values = {"x": tree}
    assert follower(".".join(["x", *path]))(values) == (NOWHERE if found is None else found)
    if isinstance(tree, dict):
        assert matches(tree, condition) is (found == wanted)


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("name", ["name"]),
        ("main.lampCount", ["main", "lamps"]),
        ("streets.name", ["streets", "name"]),
        ("byName.low.code", ["by_name", "code"]),
        ("byName.low", ["by_name"]),
        ("facts.anything.at.all", ["facts"]),
        ("name.first", []),
        ("main.nothing", []),
        ("main.", []),
        ("nothing.name", []),
        (".", []),
        ("", []),
    ],
)
def test_the_attributes_that_a_key_leads_through(key: str, names: list[str]) -> None:
    assert [spec.python_name for spec in specs_along(Town, key)] == names


class Knot(Model, identity=Identity("knot", "knots")):
    next: Any = attribute(default=None, type="ref", model=lambda: Knot, no_init=True)


def test_long_keys_have_an_end() -> None:
    for count, is_known in ((60, True), (100, False), (100_000, False)):
        key = ".".join(["next"] * count)
        assert bool(specs_along(Knot, key)) is is_known
        assert matches(Knot(next=Knot()), Filter().with_key(key).not_equals(1))
