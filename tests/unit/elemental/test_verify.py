"""What an object may change of the one that is stored."""

from datetime import UTC, datetime
from typing import Any

import pytest
from bahamut.elemental import (
    Errors,
    Identity,
    Model,
    Operation,
    attribute,
    backport_unexposed_fields,
    verify,
)
from bahamut.elemental.verify import remove_zero_values, reset_maps


class Key(Model):
    hidden: str = attribute(default="", exposed=False)
    name: str = attribute(default="", identifier=True)
    value: str = attribute(default="", secret=True)


class Thing(Model, identity=Identity("thing", "things")):
    by_name: dict[str, Key] | None = attribute(default=None)
    count: int = attribute(default=1, read_only=True)
    free: Any = attribute(default=None)
    hidden: str = attribute(default="", exposed=False, read_only=True)
    key: Key | None = attribute(default=None)
    keys: list[Key] | None = attribute(default=None)
    name: str = attribute(default="")
    owner: str = attribute(default="", creation_only=True)
    tally: int = attribute(default=0, read_only=True, transient=True)
    when: datetime | None = attribute(default=None, read_only=True)


NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
STORED = Thing(owner="a", count=5, when=NOON)


@pytest.mark.parametrize(
    ("operation", "values", "refused"),
    [
        ("create", {"owner": "a", "name": "x"}, []),
        ("create", {"count": 1, "tally": 7, "hidden": "x"}, []),
        ("create", {"count": 2, "when": NOON}, ["count", "when"]),
        ("update", {"owner": "a", "count": 5, "when": NOON, "name": "y"}, []),
        ("update", {"owner": "a", "count": 5, "when": NOON.replace(microsecond=5)}, []),
        ("update", {"owner": "b", "count": 6}, ["count", "owner", "when"]),
        ("patch", {"name": "y"}, []),
        ("patch", {"owner": "b"}, ["owner"]),
        ("delete", {"owner": "b"}, []),
    ],
)
def test_what_may_not_be_set_is_named(
    operation: str, values: dict[str, Any], refused: list[str]
) -> None:
    given = Thing.SPARSE(**values) if operation == "patch" else Thing(**values)
    pristine = None if operation == "create" else STORED
    if not refused:
        verify(given, pristine, Operation(operation))
        return
    with pytest.raises(Errors) as caught:
        verify(given, pristine, Operation(operation))
    assert caught.value.code == 422
    assert [error.data["attribute"] for error in caught.value] == refused


def key(name: str, value: str = "") -> Key:
    return Key(name=name, value=value, hidden=value)


def test_what_clients_cannot_send_comes_back() -> None:
    stored = Thing(
        hidden="h",
        key=key("k", "1"),
        keys=[key("a", "2"), key("b", "3"), key("", "4")],
        by_name={"x": key("x", "5"), "y": key("y", "6")},
    )
    given = Thing(
        key=key("k"), keys=[key("b"), key("new"), key("")], by_name={"x": key("x"), "z": key("z")}
    )
    backport_unexposed_fields(stored, given)
    assert given == Thing(
        hidden="h",
        key=key("k", "1"),
        keys=[key("b", "3"), key("new"), key("", "4")],
        by_name={"x": key("x", "5"), "z": key("z")},
    )


def test_a_secret_that_is_sent_is_kept() -> None:
    given = Thing(key=Key(name="k", value="new"))
    backport_unexposed_fields(Thing(key=key("k", "old")), given)
    assert given.key == Key(name="k", value="new", hidden="old")


def test_what_says_nothing_is_taken_out_of_sparse_objects() -> None:
    sparse = Thing.SPARSE(name="", count=0, owner="a", key=Key(), free={})
    remove_zero_values(sparse)
    assert sparse.to_wire() == {"owner": "a", "free": {}}


def test_mappings_are_emptied_however_deep() -> None:
    thing = Thing(name="a", by_name={"x": key("x")}, free={"a": 1})
    reset_maps(thing)
    assert thing == Thing(name="a", by_name={}, free={"a": 1})
