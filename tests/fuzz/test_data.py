"""Whatever a data file holds, its objects are stored or it is refused with a reason."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from bahamut.cli import UsageError, _load, fill
from bahamut.manipulate import MemoryManipulator
from hypothesis import given, strategies as st
from tests.fuzz.support import free, mostly, outcome, wire_objects

pytestmark = pytest.mark.fuzz
_, REGISTRY = _load(str(Path(__file__).parents[2] / "examples" / "todo" / "specs"))
NAMES = ["list", "task", "user", "root", "nothing"]
ids = mostly(["1", "2"], free)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=3)):
        objects = free
        if not REGISTRY.identity_from_name(name).is_empty:
            parents = {"ID": ids, "parentID": ids, "parentType": mostly(NAMES, free)}
            of_model = wire_objects(REGISTRY.model(name))
            places = st.fixed_dictionaries({}, optional=parents)
            objects = st.tuples(of_model, places).map(lambda pair: {**pair[0], **pair[1]})
        found[name] = draw(st.one_of(st.lists(objects, max_size=3), free))
    return found


@given(contents())
def test_any_data_are_stored_or_refused(content: dict[str, Any]) -> None:
    storing = fill(MemoryManipulator(), REGISTRY, Path("data.json"), content)
    outcome(lambda: asyncio.run(storing), UsageError)
