"""Typed query parameters."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from bahamut.elemental import (
    Error,
    Parameter,
    ParameterDefinition,
    Parameters,
    ParametersRequirement,
)

CHOICES = ("A", "B")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("string", "", ""),
        ("string", "é", "é"),
        ("enum", "A", "A"),
        ("integer", "-12", -12),
        ("integer", "+7", 7),
        ("integer", "9223372036854775807", 2**63 - 1),
        ("float", "1.5", 1.5),
        ("float", "-.5e-3", -0.0005),
        ("float", "1_000", 1000.0),
        ("float", "0x1p-2", 0.25),
        ("float", "-Infinity", -math.inf),
        ("boolean", "Yes", True),
        ("boolean", "off", False),
        ("boolean", "", False),
        ("duration", "-1m", -60 * 10**9),
        ("time", "2024-02-29T12:00:00+01:00", datetime(2024, 2, 29, 11, tzinfo=UTC)),
        ("time", "2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("time", "02/29/2024 1:30 PM", datetime(2024, 2, 29, 13, 30, tzinfo=UTC)),
        ("time", "29 February 2024", datetime(2024, 2, 29, tzinfo=UTC)),
        ("time", "1709208000", datetime(2024, 2, 29, 12, tzinfo=UTC)),
        ("time", "0001-01-01T00:00:00Z", None),
    ],
)
def test_texts_are_parsed(kind: str, text: str, value: Any) -> None:
    found = ParameterDefinition("x", kind, CHOICES).parse([text])
    assert found.values == [value]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("enum", "C", "one of 'A, B'"),
        ("integer", "1.0", "an integer"),
        ("integer", "", "an integer"),
        ("integer", "٣", "an integer"),
        ("integer", "9223372036854775808", "an integer"),
        ("integer", "1" * 5000, "an integer"),
        ("float", "1e400", "a float"),
        ("float", "+nan", "a float"),
        ("float", "_1", "a float"),
        ("float", "0x1p99999", "a float"),
        ("boolean", "maybe", "a boolean"),
        ("duration", "1", "a valid duration"),
        ("time", "2023-02-29", "a valid date"),
        ("time", "tomorrow", "a valid date"),
        ("time", "9" * 65, "a valid date"),
    ],
)
def test_what_is_of_another_type_is_refused(kind: str, text: str, expected: str) -> None:
    with pytest.raises(Error) as caught:
        ParameterDefinition("x", kind, CHOICES).parse([text])
    assert caught.value.code == 400
    assert caught.value.description == f"Parameter 'x' must be {expected}, got '{text}'"


@pytest.mark.parametrize("values", [None, []])
def test_what_is_not_sent_has_its_default_or_is_zero(values: Any) -> None:
    assert ParameterDefinition("x", "integer").parse(values).int_value == 0
    found = ParameterDefinition("x", "integer", default_value="7").parse(values)
    assert (found.int_value, found.int_values) == (7, [])


def test_only_multiple_parameters_are_sent_more_than_once() -> None:
    many = ParameterDefinition("x", "integer", multiple=True).parse(["1", "2"])
    assert (many.int_value, many.int_values) == (1, [1, 2])
    with pytest.raises(Error, match="must be sent only once"):
        ParameterDefinition("x", "integer").parse(["1", "2"])


def test_values_of_another_type_say_nothing() -> None:
    found = ParameterDefinition("x", "integer").parse(["7"])
    assert (found.string_value, found.string_values, found.bool_value) == ("", [], False)
    assert (found.float_value, found.time_value, found.duration_value) == (0.0, None, 0)
    assert Parameters().get("nothing").string_value == ""


@pytest.mark.parametrize(
    ("groups", "sent", "text"),
    [
        ([[["a"]]], "a", "a"),
        ([[["a", "b"]]], "ab", "a and b"),
        ([[["a"], ["b", "c"]]], "a", "(a) or (b and c)"),
        ([[["a"], ["b", "c"]]], "bc", "(a) or (b and c)"),
        ([[["a"]], [["b"], ["c"]]], "ac", "(a) and ((b) or (c))"),
    ],
)
def test_required_combinations(groups: Any, sent: str, text: str) -> None:
    requirement = ParametersRequirement.of(groups)
    assert str(requirement) == text
    given = Parameters({name: Parameter("string", ["x"]) for name in sent})
    given.validate(requirement)
    given[sent[-1]] = Parameter("string", [], "a default does not count")
    with pytest.raises(Error) as caught:
        given.validate(requirement)
    assert caught.value.description == f"Missing Required parameters: `{text}`"
