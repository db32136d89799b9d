"""Which paths and methods there are: what has no route is refused here, and named for metrics."""

from __future__ import annotations

from collections.abc import Iterable

from bahamut.elemental.errors import Error
from bahamut.elemental.operations import METHODS
from bahamut.elemental.registry import Registry
from bahamut.elemental.request import UnknownCategoryError, segments_of, split_version
from bahamut.errors import NotAllowedError, NotFoundError

KNOWN_METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"))
OTHER_METHOD = "_OTHER"
"""What metrics call a method that clients have invented."""


class EmptySegmentError(Error):
    """A path has an empty segment: 400 (decision X2)."""

    def __init__(self, path: str) -> None:
        text = f"{path} is not a valid elemental request path"
        super().__init__("Bad Request", text, "elemental", 400)


LIMITED = (NotAllowedError, UnknownCategoryError, EmptySegmentError)
"""Refusals that take a token of the limits; other early errors do not, as in the original."""
_MOST = max(METHODS)
_SHAPES = ("/", "/:category", "/:category/:id", "/:category/:id/:category")


def check_shape(method: str, path: str, registry: Registry, whole: str, versioned: str) -> None:
    """Refuse a path that no route looks like, or a method that its routes never have.

    Args:
        method: of HTTP.
        path: below the API's prefix and the version.
        registry: the models of that version.
        whole: the path as it was sent, for the refusal.
        versioned: the path below the API's prefix, for the refusal.

    Raises:
        Error: 400 for an empty segment, 404 for another shape or an unknown category, 405 with the
            methods that the model allows.
    """
    has_empty = "//" in path or path.endswith("/")
    is_plain = "%" not in path and not has_empty
    if is_plain and method in METHODS.get(path.count("/"), ()):
        return
    if not path:
        return  # nothing behind the version: `parse_request` refuses it
    if path == "/":
        raise NotAllowedError(f"{method} not allowed on {whole}", ())
    if has_empty:
        raise EmptySegmentError(versioned)
    if path.count("/") > _MOST:
        raise NotFoundError
    segments = segments_of(path)[1:]
    if len(segments) > _MOST or method in METHODS[len(segments)]:
        return  # an escaped slash too many is no path, as `parse_request` says
    allowed = methods_of(segments, registry)
    if allowed is None:
        raise UnknownCategoryError
    raise NotAllowedError(f"{method} not allowed on {whole}", allowed)


def methods_of(segments: list[str], registry: Registry) -> tuple[str, ...] | None:
    """Return the methods that a model allows on a path, None for an unknown category."""
    if len(segments) == _MOST:
        return registry.methods(segments[2], segments[0])
    return registry.methods(segments[0], has_object_id=len(segments) == 2)


def is_routed(path: str, registries: Iterable[Registry]) -> bool:
    """Tell whether a path below the API's prefix belongs to the models."""
    return _template(path, registries) is not None


def template_of(path: str, registries: Iterable[Registry]) -> str:
    """Return the route of a refused request, for metrics: never a word that a client chose.

    Args:
        path: below the API's prefix.
        registries: the models of every version.
    """
    found = _template(path, registries)
    if found is not None:
        return found
    return _SHAPES[min(path.count("/"), _MOST) if path != "/" else 0]


def _template(path: str, registries: Iterable[Registry]) -> str | None:
    try:
        _, path = split_version(path)
    except Error:
        return None
    _, *segments = segments_of(path)
    if not 1 <= len(segments) <= _MOST:
        return None
    categories = segments[::2]
    for registry in registries:
        if not any(registry.identity_from_category(name).is_empty for name in categories):
            return "/" + "/:id/".join(categories) + ("/:id" if len(segments) == 2 else "")
    return None
