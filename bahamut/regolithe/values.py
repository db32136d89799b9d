"""What a specification's default values are to objects and to parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bahamut.elemental.dates import parse_date
from bahamut.elemental.shapes import SCALARS, DecodeError, decode_object
from bahamut.regolithe.spec import REFERENCE_TYPES, Attribute


def first_value(attribute: Attribute) -> Any:
    """Return the default of an attribute as an object holds it, None without one.

    Raises:
        ValueError: it is not of the attribute's type.
    """
    default = attribute.default_value
    if default is None:
        return None
    if attribute.type in REFERENCE_TYPES:
        raise ValueError("references have no default")
    if attribute.type != "list":
        return _decoder(attribute.type)(default, "")
    if not isinstance(default, list):
        raise DecodeError("must be a list")
    if attribute.subtype == "string":
        default = [_text(item) for item in default]
    decode = _decoder(attribute.subtype)
    return [decode(item, "") for item in default]


def default_text(value: Any) -> str:
    """Return the default of a parameter as text; zero and false are no defaults."""
    if not value:
        return ""
    return "true" if value is True else str(value)


def _text(value: Any) -> Any:
    """Return a number or a boolean in a list of texts as text, as the original does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _decoder(kind: str) -> Callable[[Any, str], Any]:
    if kind == "time":
        return _time
    return SCALARS[kind][1] if kind in SCALARS else decode_object


def _time(value: Any, path: str) -> Any:
    if not isinstance(value, str):
        raise DecodeError("must be a time", path)
    return parse_date(value)
