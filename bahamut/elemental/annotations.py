"""From the annotations of a hand-written model class to the types of a specification."""

from __future__ import annotations

import types
from dataclasses import replace
from datetime import datetime
from typing import Any, Union, get_args, get_origin

from bahamut.elemental.attributes import AttributeSpec

_TYPES: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "float",
    bool: "boolean",
    datetime: "time",
    Any: "object",
    object: "object",
}
_WORDS: dict[Any, str] = {Any: "Any", object: "Any", datetime: "datetime"}


def described(  # noqa: PLR0911 - one return for each kind of type
    spec: AttributeSpec, annotation: Any, owner: type, name: str
) -> AttributeSpec:
    """Return *spec* with the type that *annotation* states.

    Raises:
        TypeError: there is none, or no attribute can have that type.
    """
    is_optional = False
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        is_optional = len(inner) < len(get_args(annotation))
        annotation = inner[0] if len(inner) == 1 else annotation
    if spec.allowed_choices and annotation is str:
        return replace(spec, type="enum")
    if annotation in _TYPES:
        return replace(spec, type=_TYPES[annotation])
    if _is_model(annotation):
        return replace(spec, type="ref", model=annotation, no_init=is_optional)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list and len(arguments) == 1:
        return _list(spec, arguments[0], annotation)
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        if _is_model(arguments[1]):
            return replace(spec, type="refMap", model=arguments[1])
        return _external(spec, annotation, {})
    if isinstance(annotation, type) and hasattr(annotation, "from_wire"):
        return replace(spec, type="external", codec=annotation)
    raise TypeError(
        f"{owner.__name__}.{name}: {annotation!r} is no type of an attribute; use str, int, float, "
        "bool, datetime, Any, list[…], dict[str, …] or a Model"
    )


def _list(spec: AttributeSpec, item: Any, annotation: Any) -> AttributeSpec:
    if _is_model(item):
        return replace(spec, type="refList", model=item)
    if item in _TYPES:
        return replace(spec, type="list", subtype=_TYPES[item])
    return _external(spec, annotation, [])


def _external(spec: AttributeSpec, annotation: Any, empty: Any) -> AttributeSpec:
    default = empty if spec.default is None and not spec.no_init else spec.default
    return replace(spec, type="external", annotation=_text(annotation), default=default)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and hasattr(annotation, "ATTRIBUTES")


def _text(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin is None:
        return _WORDS.get(annotation) or str(annotation.__name__)
    return f"{origin.__name__}[{', '.join(_text(part) for part in get_args(annotation))}]"
