"""The models of an API, and what is allowed where."""

import pytest
from bahamut.elemental import (
    EMPTY_IDENTITY,
    ROOT_IDENTITY,
    Identity,
    Model,
    Operation,
    ParameterDefinition,
    Registry,
    attribute,
)


class List(Model, identity=Identity("list", "lists"), aliases=["ls"], indexes=[["name"]]):
    name: str = attribute(default="")


class Task(Model, identity=Identity("task", "tasks")):
    title: str = attribute(default="")


class Address(Model):
    street: str = attribute(default="")


REGISTRY = Registry([Task, List, Address])


@pytest.mark.parametrize("text", ["list", "lists", "ls"])
def test_models_answer_to_name_category_and_alias(text: str) -> None:
    assert REGISTRY.identity(text) == List.IDENTITY
    assert isinstance(REGISTRY.identifiable_from_string(text), List)


def test_what_is_unknown_is_not_found() -> None:
    assert REGISTRY.identity_from_any("x") is EMPTY_IDENTITY
    unknown = Identity("x", "xs")
    assert REGISTRY.identifiable(unknown) is None
    assert REGISTRY.sparse_identifiable(unknown) is None
    assert REGISTRY.identifiables(unknown) is None
    assert (REGISTRY.indexes(unknown), REGISTRY.aliases(unknown)) == ((), ())
    for look_up in (REGISTRY.identity, REGISTRY.model, REGISTRY.allow):
        with pytest.raises(LookupError, match="no model is named 'x'"):
            look_up("x")


def test_what_is_known_is_listed_by_name() -> None:
    assert REGISTRY.all_identities() == [List.IDENTITY, Task.IDENTITY]
    assert REGISTRY.models() == [List, Task]
    assert REGISTRY.detached == {"Address": Address}
    assert (REGISTRY.indexes(List.IDENTITY), REGISTRY.aliases(List.IDENTITY)) == (
        (("name",),),
        ("ls",),
    )


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"identity": Identity("task", "others")}, "named 'task'"),
        ({"identity": Identity("other", "tasks")}, "have the category 'tasks'"),
        ({"identity": Identity("other", "others"), "aliases": ["ls"]}, "have the alias 'ls'"),
    ],
)
def test_two_models_cannot_share_a_name(options: dict[str, object], what: str) -> None:
    other = type(Model)("Other", (Model,), {}, **options)
    with pytest.raises(ValueError, match=f"two models (are )?{what}"):
        Registry([List, Task, other])


@pytest.mark.parametrize(
    ("operation", "parent", "is_allowed"),
    [
        ("create", List.IDENTITY, True),
        ("retrieve-many", List.IDENTITY, True),
        ("info", List.IDENTITY, True),
        ("create", ROOT_IDENTITY, False),
        ("update", ROOT_IDENTITY, True),
        ("patch", ROOT_IDENTITY, True),
        ("update", List.IDENTITY, False),
        ("delete", ROOT_IDENTITY, False),
        ("", ROOT_IDENTITY, False),
    ],
)
def test_what_is_allowed(operation: str, parent: Identity, is_allowed: bool) -> None:
    registry = Registry([List, Task])
    registry.allow(Task, "create", "retrieve-many", under=List).allow("task", "update")
    found = registry.is_operation_allowed(Task.IDENTITY, parent, Operation(operation))
    assert found is is_allowed
    assert not registry.is_operation_allowed(List.IDENTITY, parent, Operation.CREATE)


def test_without_operations_all_are_allowed_with_their_parameters() -> None:
    q = ParameterDefinition("q")
    registry = Registry([List]).allow(List, parameters=[q])
    for operation in Operation:
        info = registry.relationship_info(List.IDENTITY, "root", operation)
        assert (info is not None) is bool(operation)
        assert info is None or q in info.parameters
