"""JSON and MessagePack behind one face: `encode`, `decode`, `convert`.

JSON is orjson's, MessagePack that of the msgpack package: the same values in the same order as the
original's, in the notation of those libraries (decision X36).
"""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgpack
import orjson

from bahamut._kit.gotime import Instant, format_rfc3339
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.nesting import can_nest, check_nesting
from bahamut.elemental.secrecy import has_secrets, without_secrets
from bahamut.elemental.shapes import decode_object
from bahamut.elemental.unpacking import unpacked

JSON = "application/json"
MSGPACK = "application/msgpack"

_PLAIN = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_SORTED = _PLAIN | orjson.OPT_SORT_KEYS


class TwoForms:
    """What has a JSON form that differs from its MessagePack form, `to_wire`."""

    __slots__ = ()

    def to_json(self) -> Any:
        """Return the JSON form."""
        raise NotImplementedError


@cache
def _msgspec() -> Callable[[Any], bytes] | None:
    """Return msgspec's encoder of JSON, None where it is not installed."""
    try:
        from msgspec.json import Encoder
    except ImportError:
        return None
    return Encoder().encode


_ALIKE = frozenset(("string", "enum", "integer", "boolean", "time"))
"""Types whose values msgspec writes as orjson does; floats it does not."""


class _Way:
    """How objects of one class are encoded, worked out for the first of them."""

    __slots__ = ("count", "has_mappings", "has_secrets", "is_for_msgspec", "option")

    def __init__(self, model: type[Model]) -> None:
        self.count = len(model.ATTRIBUTES) if model.IS_PLAIN_WIRE else -1
        """Attributes of an object that travels as its dictionary is."""
        self.has_mappings = _looks_for_mappings(model, set())
        self.has_secrets = has_secrets(model)
        kinds = {s.subtype if s.type == "list" else s.type for s in model.ATTRIBUTES}
        self.is_for_msgspec = "time" in kinds and kinds <= _ALIKE
        """Whether lists of them are (design note 5)."""
        self.option = _SORTED if self.has_mappings else _PLAIN
        """For orjson."""


_ways: dict[type, _Way] = {}


def _way_of(value: Any) -> _Way | None:
    """Return the way of an object's class, None for what is no object."""
    found = _ways.get(value.__class__)
    if found is None and isinstance(value, Model):
        found = _ways[value.__class__] = _Way(value.__class__)
    return found


def _way_of_items(value: Any) -> _Way | None:
    """Return the way of a list's first object, None for what is no list of objects."""
    return _way_of(value[0]) if value.__class__ is list and value else None


def encode(encoding: str, value: Any, *, blanks_secrets: bool = False) -> bytes:
    """Return *value* in *encoding*; an unknown encoding is JSON (Go: Encode).

    Args:
        encoding: a media type.
        value: a model object, a list of them, an error or several, or any plain value. The keys of
            plain mappings are sorted.
        blanks_secrets: whether objects are encoded as `without_secrets` returns them.

    Raises:
        ValueError: *value* is None.
        TypeError: it holds something that cannot be encoded.
    """
    if value is None:
        raise ValueError("encode received a nil object")
    form = encode_msgpack if encoding == MSGPACK else encode_json
    return form(value, blanks_secrets=blanks_secrets)


def encode_json(value: Any, *, blanks_secrets: bool = False) -> bytes:
    """Return *value* as JSON."""
    option = _SORTED
    way = _way_of(value)
    if way is None and (way := _way_of_items(value)) is not None:
        option = way.option
        value, are_alike = _wires(value, way, blanks_secrets=blanks_secrets)
        if are_alike and way.is_for_msgspec and (fast := _msgspec()) is not None:
            with contextlib.suppress(TypeError, ValueError):  # what is wrong, orjson says
                return fast(value)
    else:
        if blanks_secrets and (way is None or way.has_secrets):
            value = without_secrets(value)
        if way is not None:
            option = way.option
            value = value.to_wire()
    try:
        return orjson.dumps(value, _json_default, option)
    except orjson.JSONEncodeError as error:
        if "UTF-8" not in str(error) and "surrogates" not in str(error):
            raise
        return orjson.dumps(_without_surrogates(value, _json_default), _json_default, option)


def _wires(items: list[Any], way: _Way, *, blanks_secrets: bool) -> tuple[list[Any], bool]:
    """Return what travels of each model object, anything else as it is; and whether all are alike.

    Args:
        items: of which the first is an object.
        way: that of the first.
        blanks_secrets: whether objects with secrets are blanked.
    """
    if not (blanks_secrets and way.has_secrets):  # as `to_wire`, without a call for each
        model, count = items[0].__class__, way.count
        wires = [
            wire
            for item in items
            if item.__class__ is model and len(wire := item.__dict__) == count
        ]
        if len(wires) == len(items):
            return wires, True
    if blanks_secrets:
        items = without_secrets(items)
    return [item.to_wire() if isinstance(item, Model) else item for item in items], False


def _json_default(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_wire()
    if isinstance(value, Error | TwoForms):
        return value.to_json()
    if isinstance(value, Errors):
        return [error.to_json() for error in value]
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Instant):
        return format_rfc3339(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    """Return a form that encoders know of anything else."""
    to_wire = getattr(value, "to_wire", None)
    if to_wire is not None:
        return to_wire()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} cannot be encoded")


def _without_surrogates(value: Any, default: Callable[[Any], Any]) -> Any:
    """Return *value* with what is no Unicode replaced, as the original does."""
    if isinstance(value, Model | Error | Errors):
        value = default(value)
    if isinstance(value, str):
        with contextlib.suppress(UnicodeEncodeError):  # bytes that were kept as they came
            value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {
            _without_surrogates(key, default): _without_surrogates(item, default)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_surrogates(item, default) for item in value]
    return value


def encode_msgpack(value: Any, *, blanks_secrets: bool = False) -> bytes:
    """Return *value* as MessagePack."""
    way, of_items = _way_of(value), _way_of_items(value)
    if of_items is not None and not of_items.has_mappings:
        value, _ = _wires(value, of_items, blanks_secrets=blanks_secrets)
        return pack_ordered(value)
    if blanks_secrets and (way is None or way.has_secrets):
        value = without_secrets(value)
    if way is not None and not way.has_mappings:
        value = value.to_wire()
    elif not isinstance(value, str | int):
        value = _in_order(value)
    return pack_ordered(value)


def pack_ordered(value: Any) -> bytes:
    """Return as MessagePack a value whose mappings have their keys in order already."""
    try:
        packed: bytes = _packers.strict.pack(value)
    except UnicodeEncodeError:  # bytes that were kept as they came; that packer is the slower one
        try:
            packed = _packers.surrogateescape.pack(value)
        except UnicodeEncodeError:
            packed = _packers.strict.pack(_without_surrogates(value, _msgpack_default))
    return packed


def _msgpack_default(value: Any) -> Any:
    if isinstance(value, Instant):
        return msgpack.Timestamp(value.seconds, value.nanoseconds)
    return _plain(value)


class _Packers(threading.local):
    """Those of one thread, by what they do about texts that are no Unicode."""

    def __init__(self) -> None:
        self.strict = msgpack.Packer(default=_msgpack_default, datetime=True)
        self.surrogateescape = msgpack.Packer(
            default=_msgpack_default, datetime=True, unicode_errors="surrogateescape"
        )


_packers = _Packers()


_FLAT = frozenset((str, int, float, bool, bytes, type(None)))
"""Types whose values hold no mapping."""


def _in_order(value: Any) -> Any:
    """Return *value* with the keys of every mapping sorted."""
    kind = value.__class__
    if kind is list:
        return [item if item.__class__ in _FLAT else _in_order(item) for item in value]
    if isinstance(value, Model):
        return {key: _in_order(item) for key, item in value.to_wire().items()}
    if kind is dict or isinstance(value, Mapping):
        return {
            key: item if (item := value[key]).__class__ in _FLAT else _in_order(item)
            for key in sorted(value)
        }
    if isinstance(value, list | tuple | Errors):
        return [_in_order(item) for item in value]
    to_wire = getattr(value, "to_wire", None)
    return value if to_wire is None else _in_order(to_wire())


def _looks_for_mappings(model: type[Model], seen: set[type[Model]]) -> bool:
    """Tell whether objects of *model* can hold mappings, whose keys must be sorted."""
    seen.add(model)
    for spec in model.ATTRIBUTES:
        if spec.type in ("object", "external", "refMap"):
            return True
        if spec.type == "list" and spec.subtype not in (
            "string",
            "integer",
            "float",
            "boolean",
            "time",
        ):
            return True
        if spec.model is not None:
            nested = spec.model if isinstance(spec.model, type) else spec.model()
            if nested not in seen and _looks_for_mappings(nested, seen):
                return True
    return False


def decode(encoding: str, data: bytes) -> Any:
    """Return the one value that *data* hold, nothing before it and nothing after (Go: Decode).

    Raises:
        DecodeError: they hold none, more than one, or one that is too deep.
    """
    return decode_object(decode_wire(encoding, data), "")


def decode_wire(encoding: str, data: bytes) -> Any:
    """Return the same as `decode`, but that MessagePack's times are timestamps still.

    Raises:
        DecodeError: as `decode`.
    """
    try:
        if encoding == MSGPACK:
            return unpacked(data)
        return orjson.loads(data)
    except (ValueError, TypeError, msgpack.UnpackException, RecursionError) as error:
        raise undecodable(encoding, detail_of(error) if data else "EOF") from None


def detail_of(error: Exception) -> str:
    """Return what an error of a decoder says."""
    names = {"StackError": "nested too deeply", "FormatError": "not a valid value"}
    name = type(error).__name__
    return str(error) or names.get(name, name)


def undecodable(encoding: str, detail: str) -> DecodeError:
    """Return the error that says what is wrong with data in *encoding*."""
    name = MSGPACK if encoding == MSGPACK else JSON
    return DecodeError(f"unable to decode {name}: {detail}")


def decode_into(encoding: str, data: bytes, target: Model) -> None:
    """Decode *data* into an object (Go: Decode).

    Raises:
        DecodeError: *data* are no object, or a value is not of its attribute's type.
    """
    update_from(encoding, decode_wire(encoding, data), target)


def update_from(encoding: str, value: Any, target: Model) -> None:
    """Put a value that was decoded from *encoding* into an object.

    Raises:
        DecodeError: *value* is no object, or one of its values is not of its attribute's type.
    """
    if value.__class__ is not dict:
        raise undecodable(encoding, "the value must be an object")
    model = type(target)
    try:
        if can_nest.get(model, True):
            check_nesting(value, model)
        model.update_from_wire(target, value)
    except DecodeError as error:
        raise undecodable(encoding, str(error)) from None


def decode_list(encoding: str, data: bytes, model: type[Model]) -> list[Model]:
    """Return the objects of a list.

    Raises:
        DecodeError: *data* are no list of objects of that model.
    """
    value = decode_wire(encoding, data)
    if value is None:
        return []
    if value.__class__ is not list:
        raise undecodable(encoding, "the value must be a list")
    found = []
    for index, item in enumerate(value):
        if item.__class__ is not dict:
            raise undecodable(encoding, f"item {index} must be an object")
        made = model.zero()
        try:
            check_nesting(item, model)
            type(made).update_from_wire(made, item)
        except DecodeError as error:
            raise undecodable(encoding, f"item {index}: {error}") from None
        found.append(made)
    return found


def convert(source: str, target: str, data: bytes, model: type[Model] | None = None) -> bytes:
    """Return *data* in another encoding (Go: Convert).

    Args:
        source: the encoding they are in.
        target: the encoding to put them in.
        data: one value.
        model: whose object, or objects, they are: texts that are times become times.

    Raises:
        DecodeError: *data* cannot be decoded.
    """
    if source == target:
        return data
    read = decode if model is None else decode_wire
    return convert_value(source, target, read(source, data), model)


def convert_value(source: str, target: str, value: Any, model: type[Model] | None = None) -> bytes:
    """Return *value*, which was decoded from one encoding, in another; see `convert`.

    With a *model*, what `decode_wire` returns is enough.

    Raises:
        DecodeError: an attribute's value is not of its type.
    """
    if model is not None:
        value = _of_model(source, value, model.SPARSE)
    if value is None:
        return b"\xc0" if target == MSGPACK else b"null"
    return encode(target, value)


def _of_model(encoding: str, value: Any, model: type[Model]) -> Any:
    """Return a decoded value in which what *model* has an attribute for is of that type."""
    if value.__class__ is list and any(item.__class__ is dict for item in value):
        return [
            _of_model(encoding, item, model) if item.__class__ is dict else decode_object(item, "")
            for item in value
        ]
    if value.__class__ is not dict:
        return decode_object(value, "")
    made = model()
    update_from(encoding, value, made)
    typed = made.to_wire()
    if len(typed) == len(value):
        return typed
    return {k: typed[k] if k in typed else decode_object(v, k) for k, v in value.items()}


def decode_errors(data: bytes) -> Errors:
    """Return the errors of an answer in JSON (Go: DecodeErrors).

    Raises:
        DecodeError: *data* are no list of errors.
    """
    value = decode(JSON, data)
    if value is not None and value.__class__ is not list:
        raise undecodable(JSON, "the value must be a list")
    try:
        return Errors(*(Error.from_wire(item) for item in value or ()))
    except DecodeError as error:
        raise undecodable(JSON, str(error)) from None
