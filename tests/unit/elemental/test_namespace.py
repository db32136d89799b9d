"""Arithmetic on namespaces."""

import pytest
from bahamut.elemental import RawRequest
from bahamut.elemental.namespace import (
    HeaderNamespacer,
    is_namespace_child_of,
    is_namespace_parent_of,
    is_namespace_related_to,
    namespace_ancestors,
    parent_namespace,
)


@pytest.mark.parametrize(
    ("namespace", "parent", "ancestors"),
    [
        ("/", "", []),
        ("/a", "/", ["/"]),
        ("/a/b", "/a", ["/a", "/"]),
        ("/a/b/c", "/a/b", ["/a/b", "/a", "/"]),
    ],
)
def test_what_is_above(namespace: str, parent: str, ancestors: list[str]) -> None:
    assert parent_namespace(namespace) == parent
    assert namespace_ancestors(namespace) == ancestors
    assert all(is_namespace_parent_of(each, namespace) for each in ancestors)


@pytest.mark.parametrize("namespace", ["", "a"])
def test_what_is_no_namespace_has_no_parent(namespace: str) -> None:
    with pytest.raises(ValueError, match=r"^invalid "):
        parent_namespace(namespace)


@pytest.mark.parametrize(
    ("one", "other", "is_child", "is_related"),
    [
        ("/a/b", "/a", True, True),
        ("/a", "/a/b", False, True),
        ("/a", "/", True, True),
        ("/a", "/a", False, True),
        ("/ab", "/a", False, False),
        ("/a", "/b", False, False),
        ("/a", "", False, False),
        ("", "", False, False),
    ],
)
def test_relations(one: str, other: str, is_child: bool, is_related: bool) -> None:
    assert is_namespace_child_of(one, other) is is_child
    assert is_namespace_parent_of(other, one) is is_child
    assert is_namespace_related_to(one, other) is is_namespace_related_to(other, one) is is_related


def test_the_header_carries_it_there_and_back() -> None:
    namespacer, headers = HeaderNamespacer(), dict[str, str]()
    namespacer.inject(headers, "")
    assert headers == {}
    namespacer.inject(headers, "/a")
    assert namespacer.extract(RawRequest("GET", "/", headers=headers)) == "/a"
    assert namespacer.extract(RawRequest("GET", "/")) == ""
