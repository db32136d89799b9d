"""Damage: bytes and texts near valid ones, and objects of every model."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgpack
import orjson
from bahamut.elemental import Model
from bahamut.elemental.attributes import AttributeSpec
from hypothesis import reject, settings, strategies as st
from tests.conformance.tables.support import all_models

KINDS = ("application/json", "application/msgpack")
MODELS = all_models()


@st.composite
def damaged(draw: st.DrawFn, valid: st.SearchStrategy[Any], pieces: st.SearchStrategy[Any]) -> Any:
    """Return a valid text, or bytes, with some of its slices replaced by pieces or by others."""
    found = draw(valid)
    for _ in range(draw(st.integers(0, 3))):
        begin, end = (draw(st.integers(0, len(found))) for _ in range(2))
        end = max(begin, min(end, begin + draw(st.sampled_from((0, 1, 2, 8, len(found))))))
        other = draw(st.integers(0, len(found)))
        piece = draw(st.one_of(pieces, st.just(found[other : other + end - begin])))
        found = found[:begin] + piece + found[end:]
    return found


numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from((0, -1, 2**31, 2**53 + 1, 2**63, 2**64 - 1, -(2**63) - 1)),
    st.floats(),
)
times = st.one_of(
    st.datetimes().map(lambda when: when.isoformat() + "Z"),
    st.builds(
        "{:04d}-{:02d}-{:02d}T{:02d}:00:59{}{}".format,
        st.sampled_from((0, 1, 4, 1969, 2024, 9999)),
        st.integers(0, 13),
        st.integers(0, 32),
        st.integers(0, 25),
        st.sampled_from(("", ".1", ".123456789", ".9999999999")),
        st.sampled_from(("Z", "+00:00", "-23:59", "+24:00", "+23:60", "")),
    ),
)
texts = st.one_of(st.text(), st.text(string.printable), times)
free = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
_OF_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "string": texts,
    "integer": numbers,
    "float": numbers,
    "boolean": st.booleans(),
    "time": times,
}


def wire_objects(model: type[Model], depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects of a model as they travel, most values of the right type."""
    values: dict[str, st.SearchStrategy[Any]] = {}
    for spec in model.ATTRIBUTES:
        of_type = _OF_TYPE.get(spec.type, free)
        if spec.allowed_choices:
            of_type = st.sampled_from(spec.allowed_choices)
        elif spec.type == "list":
            of_type = st.lists(_OF_TYPE.get(spec.subtype, free), max_size=3)
        elif spec.type in ("ref", "refList", "refMap") and depth:
            inner = st.deferred(lambda spec=spec: wire_objects(nested_model(spec), depth - 1))
            of_type = {
                "ref": inner,
                "refList": st.lists(inner, max_size=2),
                "refMap": st.dictionaries(texts, inner, max_size=2),
            }[spec.type]
        values[spec.wire] = st.one_of(of_type, of_type, of_type, st.none(), free)
    return st.fixed_dictionaries({}, optional=values)


def packed(kind: str, value: Any) -> bytes:
    try:
        return orjson.dumps(value) if kind == KINDS[0] else msgpack.packb(value)
    except (TypeError, ValueError, OverflowError):  # half a character, a number of 65 bits
        reject()


def nested(opening: str, closing: str, core: str = "") -> st.SearchStrategy[str]:
    """Return texts nested as deep as a thousand levels and more."""
    depths = st.sampled_from((1, 63, 64, 65, 200, 201, 254, 255, 1023, 1024, 5000))
    return depths.map(lambda depth: opening * depth + core + closing * depth)


def outcome(call: Callable[[], Any], *expected: type[Exception]) -> Any:
    """Return what *call* returns, None when it raises what it may."""
    try:
        return call()
    except expected:
        return None


def mostly(values: Sequence[Any], other: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(values), st.sampled_from(values), other)


def scaled(share: float) -> settings:
    """Return settings with a part of the usual examples, for properties that are slow to check."""
    return settings(max_examples=max(5, int(settings().max_examples * share)))


EXTERNAL = [None, {}, {"a": "b"}, [], [["a"]], [[1, 2]], "YQ=="]


def fitting(spec: AttributeSpec, depth: int) -> st.SearchStrategy[Any]:
    """Return values of an attribute that keep its rules, as far as those can be read off it."""
    if spec.allowed_choices:
        return st.sampled_from(spec.allowed_choices)
    if spec.type in ("ref", "refList", "refMap"):
        return _fitting_reference(spec, depth)
    if spec.type == "list":
        return st.lists(fitting(replace(spec, type=spec.subtype), depth), max_size=3)
    least, most = int(spec.min_value or 1), int(spec.max_value or 100)
    whole = st.integers(min(least, most), max(least, most))
    found: dict[str, st.SearchStrategy[Any]] = {
        "string": _fitting_text(spec),
        "integer": whole,
        "float": whole,
        "boolean": st.booleans(),
        "time": st.datetimes().map(lambda when: when.isoformat() + "Z"),
        "external": st.sampled_from(EXTERNAL),
    }
    return found.get(spec.type, free)


def _fitting_text(spec: AttributeSpec) -> st.SearchStrategy[str]:
    if spec.allowed_chars:
        return st.sampled_from(["abc", "a1", "a@b.c", "A-B", "0"])
    least = max(spec.min_length or 0, 2)
    most = max(least, min(spec.max_length or 12, 12))
    return st.text(string.ascii_letters, min_size=least, max_size=most)


def _fitting_reference(spec: AttributeSpec, depth: int) -> st.SearchStrategy[Any]:
    inner = fitting_objects(nested_model(spec), depth - 1) if depth else st.none()
    most = 2 if depth else 0
    if spec.type == "refList":
        return st.lists(inner, max_size=most)
    return st.dictionaries(texts, inner, max_size=most) if spec.type == "refMap" else inner


def nested_model(spec: AttributeSpec) -> type[Model]:
    found: Any = spec.model
    return found if isinstance(found, type) else found()


def fitting_objects(model: type[Model], depth: int = 2) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects as they travel that are likely to be accepted."""
    settable = [spec for spec in model.ATTRIBUTES if not (spec.read_only or spec.autogenerated)]
    needed = {spec.wire: fitting(spec, depth) for spec in settable if spec.required}
    others = {spec.wire: fitting(spec, depth) for spec in settable if not spec.required}
    return st.fixed_dictionaries(needed, optional=others)


@st.composite
def nearly_fitting_objects(draw: st.DrawFn, model: type[Model]) -> dict[str, Any]:
    """Return objects of which a few attributes are anything."""
    made = draw(fitting_objects(model))
    odd = draw(wire_objects(model))
    for name in draw(st.lists(st.sampled_from(sorted(odd)), max_size=2)) if odd else ():
        made[name] = odd[name]
    return made
