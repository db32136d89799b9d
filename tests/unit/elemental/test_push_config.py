"""What a session wants to hear of."""

from typing import Any

import pytest
from bahamut.elemental import DecodeError, encode
from bahamut.elemental.filters import FilterError
from bahamut.elemental.push_config import PushConfig

KINDS = pytest.mark.parametrize("kind", ["application/json", "application/msgpack"])


@pytest.mark.parametrize(
    ("identities", "name", "kind", "is_out"),
    [
        ({}, "task", "create", False),
        ({"task": []}, "task", "create", False),
        ({"task": None}, "task", "create", False),
        ({"task": ["create"]}, "task", "create", False),
        ({"task": ["create"]}, "task", "delete", True),
        ({"task": []}, "list", "create", True),
    ],
)
def test_what_is_not_wanted_is_filtered_out(
    identities: Any, name: str, kind: str, is_out: bool
) -> None:
    assert PushConfig(identities).is_filtered_out(name, kind) is is_out


@KINDS
def test_a_configuration_travels(kind: str) -> None:
    given = PushConfig({"task": ["create"], "list": None}, {"task": "a == 1"}, {"x": ["1", "2"]})
    again = PushConfig.from_bytes(kind, encode(kind, given))
    assert again.to_wire() == given.to_wire()
    assert PushConfig.from_bytes(kind, encode(kind, {})).to_wire() == PushConfig().to_wire()


@KINDS
@pytest.mark.parametrize(
    "value",
    [
        [],
        "x",
        {"identities": []},
        {"identities": {"a": "create"}},
        {"identities": {"a": [1]}},
        {"filters": {"a": 1}},
        {"filters": ["a"]},
        {"parameters": {"a": "b"}},
    ],
)
def test_what_is_no_configuration_is_refused(kind: str, value: Any) -> None:
    with pytest.raises(DecodeError):
        PushConfig.from_bytes(kind, encode(kind, value))


def test_a_refused_filter_is_quoted_as_go_quotes() -> None:
    config = PushConfig({"task": []}, {"task": 'é "a\\b"\n\x01\u200b\U000e0001'})
    with pytest.raises(FilterError) as caught:
        config.parse_identity_filters()
    quoted = r'"é \"a\\b\"\n\x01\u200b\U000e0001"'
    assert str(caught.value).startswith(f"elemental: unable to parse filter {quoted}: ")


def test_filters_are_parsed_once_for_all() -> None:
    config = PushConfig(filters={"task": "a == 1"})
    config.filter_identity("task", "create")
    config.parse_identity_filters()
    assert str(config.filter_for_identity("task")) == "a == 1"
    assert config.filter_for_identity("list") is None


@pytest.mark.parametrize("filters", [{"task": "a =="}, {"list": "a == 1"}])
def test_filters_that_cannot_be_meant_are_refused(filters: dict[str, str]) -> None:
    config = PushConfig({"task": []}, filters)
    with pytest.raises(FilterError):
        config.parse_identity_filters()
    assert config.filter_for_identity("task") is None


def test_copies_share_nothing() -> None:
    config = PushConfig({"task": ["create"]}, {"task": "a == 1"}, {"x": ["1"]})
    config.parse_identity_filters()
    copy = config.duplicate()
    copy.filter_identity("list")
    copy.set_parameter("y", "2")
    copy.identities["task"].append("delete")  # type: ignore[union-attr]
    copy.parameters["x"].append("2")  # type: ignore[index]
    assert config.is_filtered_out("list", "create")
    assert config.is_filtered_out("task", "delete")
    assert config.parameters == {"x": ["1"]}
    assert copy.filter_for_identity("task") == config.filter_for_identity("task")


def test_it_is_shown_for_the_log() -> None:
    shown = str(PushConfig({"b": [], "a": ["create", "delete"]}, {"a": "x == 1"}))
    assert (
        shown == "<pushconfig identities:map[a:[create delete] b:[]] identityfilters:map[a:x == 1]>"
    )
