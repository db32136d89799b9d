"""Filters of namespaces, against what they must select among all names of a small alphabet."""

from itertools import product
from typing import Any

import pytest
from bahamut.elemental import Identity, Model, ParameterDefinition, Parameters, attribute
from bahamut.elemental.filters import Filter, compile_filter, matches
from bahamut.manipulate import (
    InvalidQueryError,
    new_filters_from_query_parameters,
    new_namespace_filter,
    new_propagation_filter,
)
from bahamut.manipulate.filters import namespace_test


class Located(Model, identity=Identity("located", "locateds")):
    id: str = attribute(default="", wire="ID", identifier=True)
    namespace: str = attribute(default="")
    propagate: bool = attribute(default=False)


class Nowhere(Model, identity=Identity("nowhere", "nowheres")):
    id: str = attribute(default="", wire="ID", identifier=True)


SEGMENTS = ["a", "a.b", "axb", "a.", ".*", "(", "\\", "é", " ", "\n", '"']
NAMES = ["/", *(f"/{s}" for s in SEGMENTS), *(f"/{s}/{t}" for s, t in product(SEGMENTS, repeat=2))]
OBJECTS = [Located(namespace=name, propagate=flag) for name in NAMES for flag in (False, True)]


def below(name: str, namespace: str) -> bool:
    """Tell whether *name* is below *namespace*, by segments."""
    one, other = ([s for s in text.split("/") if s] for text in (name, namespace))
    return len(one) > len(other) and one[: len(other)] == other


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize("propagated", [False, True])
def test_a_namespace_selects_itself_and_what_is_asked_for(
    recursive: bool, propagated: bool
) -> None:
    for namespace in NAMES:
        expected = [
            obj
            for obj in OBJECTS
            if obj.namespace == namespace
            or (recursive and below(obj.namespace, namespace))
            or (propagated and obj.propagate and below(namespace, obj.namespace))
        ]
        condition = new_namespace_filter(namespace, recursive=recursive)
        above = new_propagation_filter(namespace) if propagated else None
        if above is not None:
            condition = Filter().or_(condition, above)
        assert list(filter(compile_filter(condition), OBJECTS)) == expected
        assert Filter.parse(str(condition)) == condition
        test = namespace_test(Located, namespace, recursive=recursive, propagated=propagated)
        assert test is not None
        assert list(filter(test, OBJECTS)) == expected


def test_the_text_of_the_filters_is_the_original_s() -> None:
    assert str(new_namespace_filter("", recursive=False)) == 'namespace == "/"'
    assert str(new_namespace_filter("/", recursive=True)) == 'namespace matches ["^/"]'
    assert (
        str(new_namespace_filter("/a", recursive=True))
        == '((namespace == "/a") or (namespace matches ["^/a/"]))'
    )
    assert (
        str(new_propagation_filter("/a/b"))
        == '((namespace == "/a" and propagate == true) or (namespace == "/" and propagate == true))'
    )
    assert new_propagation_filter("/") is None
    assert new_propagation_filter("") is None


def test_other_attributes_and_an_additional_filter() -> None:
    kind = Filter().with_key("kind").equals("x")
    assert str(new_namespace_filter("/a", recursive=False, attribute="ns")) == 'ns == "/a"'
    found = new_propagation_filter("/a", attribute="ns", propagate="down", additional=kind)
    [values] = [{"ns": "/", "down": True, "kind": "x"}]
    assert found is not None
    assert matches(values, found)
    for key in values:
        assert not matches({**values, key: "other"}, found)


def test_nothing_is_said_without_a_namespace() -> None:
    assert namespace_test(Located, "", recursive=True, propagated=True) is None
    assert namespace_test(Nowhere, "/a", recursive=True, propagated=True) is None


def parameters(*texts: str, default: str = "") -> Parameters:
    definition = ParameterDefinition("q", multiple=True, default_value=default)
    return Parameters({"q": definition.parse(texts)})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Parameters(), None),
        (parameters(), None),
        (parameters(""), None),
        (parameters("a == 1"), "a == 1"),
        (parameters("a == 1", "b == 2"), "((a == 1) or (b == 2))"),
        (parameters("a == 1", ""), None),
        (parameters(default="a == 1"), "a == 1"),
        (parameters("b == 2", default="a == 1"), "b == 2"),
    ],
)
def test_the_filter_of_a_request(given: Parameters, expected: Any) -> None:
    found = new_filters_from_query_parameters(given)
    assert found is None if expected is None else str(found) == expected


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(InvalidQueryError, match="Invalid filter: ") as caught:
        new_filters_from_query_parameters(parameters("a == 1", "a =="))
    assert caught.value.code == 400
