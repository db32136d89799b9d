"""Namespaces: arithmetic on their names, and how requests carry them."""

from typing import Any, Protocol, runtime_checkable

from bahamut.elemental.headers import X_NAMESPACE

NAMESPACE_HEADER = X_NAMESPACE


@runtime_checkable
class Namespacer(Protocol):
    """Finds the namespace of a request, and puts one into it (Go: elemental.Namespacer)."""

    def extract(self, request: Any) -> str:
        """Return the namespace of a `RawRequest`; raise an error to refuse it."""
        ...

    def inject(self, headers: Any, namespace: str) -> None:
        """Put *namespace* into the headers of a request that is about to be sent."""
        ...


class HeaderNamespacer:
    """Uses the header ``X-Namespace``."""

    def extract(self, request: Any) -> str:
        """Return the header's value, empty without one."""
        namespace: str = request.headers.get(NAMESPACE_HEADER, "")
        return namespace

    def inject(self, headers: Any, namespace: str) -> None:
        """Set the header, unless the namespace is empty."""
        if namespace:
            headers[NAMESPACE_HEADER] = namespace


def parent_namespace(namespace: str) -> str:
    """Return the namespace above (Go: ParentNamespaceFromString); empty above ``/``.

    Raises:
        ValueError: *namespace* is empty or holds no slash.
    """
    if not namespace:
        raise ValueError("invalid empty namespace name")
    if namespace == "/":
        return ""
    head, slash, _ = namespace.rpartition("/")
    if not slash:
        raise ValueError("invalid namespace name")
    return head or "/"


def is_namespace_child_of(namespace: str, parent: str) -> bool:
    """Tell whether *namespace* is anywhere below *parent*."""
    if not namespace or not parent or namespace == parent:
        return False
    return namespace.startswith(parent if parent.endswith("/") else f"{parent}/")


def is_namespace_parent_of(namespace: str, child: str) -> bool:
    """Tell whether *namespace* is anywhere above *child*."""
    return is_namespace_child_of(child, namespace)


def is_namespace_related_to(namespace: str, other: str) -> bool:
    """Tell whether one is above the other, or they are the same."""
    if namespace == other:
        return bool(namespace)
    return is_namespace_child_of(namespace, other) or is_namespace_child_of(other, namespace)


def namespace_ancestors(namespace: str) -> list[str]:
    """Return the namespaces above, nearest first (Go: NamespaceAncestorsNames)."""
    if namespace in ("", "/"):
        return []
    parts = namespace.split("/")[1:]
    return ["/" + "/".join(parts[:count]) for count in range(max(len(parts) - 1, 0), -1, -1)]
