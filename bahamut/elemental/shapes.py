"""What values an attribute takes: strict decoders, zero values and copiers, by type (decision X35).

A decoder is a function of a decoded value and of the path that errors name. It returns the value
that the object holds, or raises `DecodeError`.
"""

import ast
import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, get_args, get_origin

import msgpack

from bahamut._kit.gotime import from_seconds, parse_rfc3339

Decoder = Callable[[Any, str], Any]

MAX_INTEGER = (1 << 63) - 1
MIN_INTEGER = -(1 << 63)
MAX_KEY = 64
"""Characters of a key that errors name."""
MAX_DEPTH = 200
"""Levels of a free-form value; encoders stop at 254."""


class DecodeError(ValueError):
    """What was sent cannot be decoded.

    Args:
        detail: what is wrong, in words that follow the attribute's name.
        path: the attribute, for instance ``tags[2]``; empty when it is not about one.
    """

    def __init__(self, detail: str, path: str = "") -> None:
        super().__init__(detail, path)
        self.detail = detail
        self.path = path

    def __str__(self) -> str:
        return f"attribute '{self.path}' {self.detail}" if self.path else self.detail

    def below(self, path: str) -> "DecodeError":
        """Return the same error about something inside *path*."""
        return DecodeError(self.detail, f"{path}.{self.path}" if self.path else path)


_NAMES = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "a text",
    bytes: "binary data",
    list: "a list",
    dict: "an object",
    msgpack.Timestamp: "a time",
    msgpack.ExtType: "an extension",
}


def refuse(value: Any, expected: str, path: str) -> DecodeError:
    """Return the error that says what was expected and what came."""
    came = _NAMES.get(type(value), f"a {type(value).__name__}")
    return DecodeError(f"must be {expected}, not {came}", path)


def decode_string(value: Any, path: str) -> str:
    """Accept a text, or binary data that are one."""
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if value.__class__ is bytes:
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DecodeError("must be a text, not binary data", path) from None
    raise refuse(value, "a text", path)


def decode_integer(value: Any, path: str) -> int:
    """Accept a whole number of 64 bits, whatever its notation."""
    if value is None:
        return 0
    if value.__class__ is float and value.is_integer() and abs(value) < 1 << 63:
        value = int(value)
    if value.__class__ is not int:
        raise refuse(value, "an integer", path)
    if not MIN_INTEGER <= value <= MAX_INTEGER:
        raise DecodeError("must be an integer of 64 bits", path)
    return value


def decode_float(value: Any, path: str) -> float:
    """Accept any number."""
    if value.__class__ is float:
        if math.isinf(value):
            raise DecodeError("must be a finite number", path)
        return value
    if value is None:
        return 0.0
    if value.__class__ is not int:
        raise refuse(value, "a number", path)
    return float(value)


def decode_boolean(value: Any, path: str) -> bool:
    """Accept true and false."""
    if value.__class__ is bool:
        return value
    if value is None:
        return False
    raise refuse(value, "a boolean", path)


def decode_time(value: Any, path: str) -> datetime | None:
    """Accept an RFC 3339 text or a MessagePack timestamp; the zero time is None."""
    if value is None or isinstance(value, datetime):
        return value
    try:
        if value.__class__ is str:
            return parse_rfc3339(value)
        if isinstance(value, msgpack.Timestamp):
            return from_seconds(value.seconds, value.nanoseconds)
    except ValueError:
        raise DecodeError("must be a time as RFC 3339 has it", path) from None
    raise refuse(value, "a time", path)


def decode_object(value: Any, path: str) -> Any:
    """Accept anything that can be encoded again: keys are texts, nesting is bounded."""
    return _free(value, path, 1) if value.__class__ in _NOT_AS_IT_IS else value


_NOT_AS_IT_IS = frozenset((list, dict, msgpack.Timestamp, msgpack.ExtType))


def _free(value: Any, path: str, below: int) -> Any:
    """Decode a value of one of those types; what it holds is *below* so many others."""
    kind = value.__class__
    if kind is msgpack.Timestamp:
        return decode_time(value, path)
    if kind is msgpack.ExtType:
        return None
    if below > MAX_DEPTH and value:
        raise DecodeError(f"must not be nested deeper than {MAX_DEPTH} levels", path)
    if kind is list:
        return [
            _free(item, path, below + 1) if item.__class__ in _NOT_AS_IT_IS else item
            for item in value
        ]
    for key in value:
        if key.__class__ is not str:
            raise DecodeError("must have texts for keys", path)
    return {
        key: _free(item, path, below + 1) if item.__class__ in _NOT_AS_IT_IS else item
        for key, item in value.items()
    }


def check_depth(value: Any) -> None:
    """Refuse a value that is nested too deeply, without a level of Python's own stack for each.

    Raises:
        DecodeError: it is.
    """
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inside = (each.values() if each.__class__ is dict else each for each in level)
        level = [inner for items in inside for inner in items if inner.__class__ in (dict, list)]
        if not level:
            return
    raise DecodeError(f"must not be nested deeper than {MAX_DEPTH} levels")


def decode_list_of(item: Decoder, as_is: type | None = None) -> Decoder:
    """Return a decoder of lists whose items *item* decodes.

    Args:
        item: a decoder.
        as_is: the type of the items that it gives back as they are.
    """
    plain = {as_is}

    def decode_list(value: Any, path: str) -> list[Any] | None:
        if value is None:
            return None
        if value.__class__ is not list:
            raise refuse(value, "a list", path)
        if set(map(type, value)) == plain:
            return list(value)
        return [item(entry, f"{path}[{index}]") for index, entry in enumerate(value)]

    return decode_list


def decode_mapping_of(item: Decoder) -> Decoder:
    """Return a decoder of mappings from texts to what *item* decodes."""

    def decode_mapping(value: Any, path: str) -> dict[str, Any] | None:
        if value is None:
            return None
        if value.__class__ is not dict:
            raise refuse(value, "an object", path)
        if not all(key.__class__ is str for key in value):
            raise DecodeError("must have texts for keys", path)
        # A long key must not be repeated in the path of each value below it.
        return {
            key: item(entry, f"{path}.{key if len(key) <= MAX_KEY else key[:MAX_KEY] + '…'}")
            for key, entry in value.items()
        }

    return decode_mapping


def decode_model_of(model: Callable[[], Any]) -> Decoder:
    """Return a decoder of objects of a model class, which *model* returns when first needed."""

    def decode_model(value: Any, path: str) -> Any:
        if value is None:
            return None
        if value.__class__ is not dict:
            raise refuse(value, "an object", path)
        made = model().zero()
        try:
            made.update_from_wire(value)
        except DecodeError as error:
            raise error.below(path) from None
        return made

    return decode_model


SCALARS: dict[str, tuple[type, Decoder]] = {
    "string": (str, decode_string),
    "enum": (str, decode_string),
    "integer": (int, decode_integer),
    "float": (float, decode_float),
    "boolean": (bool, decode_boolean),
    "time": (datetime, decode_time),
}
_OF_CLASS: dict[Any, Decoder] = {
    str: decode_string,
    int: decode_integer,
    float: decode_float,
    bool: decode_boolean,
    datetime: decode_time,
    Any: decode_object,
    object: decode_object,
}


def decoder_of(annotation: Any) -> Decoder:
    """Return the decoder for a Python type made of the words of decision X37.

    Raises:
        TypeError: the type is made of something else.
    """
    found = _OF_CLASS.get(annotation)
    if found is not None:
        return found
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is list and len(arguments) == 1:
        return decode_list_of(decoder_of(arguments[0]))
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return decode_mapping_of(decoder_of(arguments[1]))
    if annotation is list:
        return decode_list_of(decode_object)
    if annotation is dict:
        return decode_mapping_of(decode_object)
    raise TypeError(f"{annotation!r} is no type of values that can be checked")


_WORDS = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "datetime": datetime,
    "Any": Any,
    "list": list,
    "dict": dict,
}


def parse_annotation(text: str) -> Any:
    """Return the Python type that *text* states; nothing in it is ever evaluated.

    Raises:
        ValueError: *text* holds anything but ``str int float bool datetime Any list[…]
            dict[str, …]``.
    """
    try:
        return _typed(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"'{text}' is no annotation of values that can be checked") from None


def _typed(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return _WORDS[node.id]
    if isinstance(node, ast.Subscript):
        outer = _typed(node.value)
        inner = node.slice
        if outer is list:
            return list[_typed(inner)]  # type: ignore[misc]
        if outer is dict and isinstance(inner, ast.Tuple) and len(inner.elts) == 2:
            key, item = (_typed(element) for element in inner.elts)
            if key is str:
                return dict[str, item]  # type: ignore[valid-type]
    raise KeyError


_IMMUTABLE = frozenset((str, int, float, bool, bytes, type(None), datetime))


def copied(value: Any) -> Any:
    """Return a deep copy of a free-form value."""
    kind = value.__class__
    if kind is list:
        return [item if item.__class__ in _IMMUTABLE else copied(item) for item in value]
    if kind is dict:
        return {
            key: item if item.__class__ in _IMMUTABLE else copied(item)
            for key, item in value.items()
        }
    copy = getattr(value, "copy", None)
    return copy() if copy is not None else value
