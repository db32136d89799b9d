"""Dotted keys: ``address.city`` is the city in what the attribute ``address`` holds.

A name is one of an attribute where there is an object, a key where there is a mapping; through a
list a path leads to all that it leads to from the elements. A name that holds dots itself is found
first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from bahamut.elemental.attributes import AttributeSpec
from bahamut.elemental.compile import model_of
from bahamut.elemental.filters.cost import Meter
from bahamut.elemental.filters.filter import MAX_DEPTH

NOWHERE: Any = object()
"""Where a path leads that leads to nothing."""
ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)

_ELEMENT = 24
"""Units of finding a name in an element of a list."""
_Steps = tuple[tuple[str, str], ...]
_FREE = ("object", "external", "list")
"""Types of attributes of which only the values know what is in them."""


def spec_of(model: Any, key: str) -> Any:
    """Return the attribute of a model that has exactly that name or exposed name, or None."""
    spec = model.attribute_spec(key)  # finds it in any case; filters are exact
    return spec if spec is not None and key in (spec.name, spec.wire) else None


def absent(spec: Any, model: Any) -> Any:
    """Return what None stands for in a plain object: an unset time, a list without elements."""
    if spec is None or getattr(model, "IS_SPARSE", False):
        return None
    return {"time": ZERO_TIME, "list": []}.get(spec.type)


def follower(key: str, meter: Meter | None = None) -> Callable[[Any], Any]:
    """Return a function that says where a dotted key leads from an object, a mapping or a list.

    Names beyond the 64th are taken for one.

    Args:
        key: names with dots between them.
        meter: charged for each element of a list that the path leads through.
    """
    parts = key.split(".", MAX_DEPTH)
    steps = tuple((".".join(parts[place:]), part) for place, part in enumerate(parts))
    charged = meter or Meter()
    return lambda value: _followed(value, steps, charged)


def _followed(value: Any, steps: _Steps, meter: Meter) -> Any:
    if isinstance(value, list | tuple):
        found: list[Any] = []
        _collect(value, steps, meter, found)
        return found or NOWHERE
    get = _getter(value)
    if get is None:
        return NOWHERE
    path, name = steps[0]
    end = get(path)
    if end is NOWHERE and len(steps) > 1:
        return _followed(get(name), steps[1:], meter)
    return end


def _collect(
    items: list[Any] | tuple[Any, ...], steps: _Steps, meter: Meter, found: list[Any]
) -> None:
    """Add to *found* all that a path leads to from the elements of a list."""
    meter.charge(_ELEMENT * len(items) * len(steps))
    for item in items:
        if isinstance(item, list | tuple):
            _collect(item, steps, meter, found)
            continue
        end = _followed(item, steps, meter)
        if isinstance(end, list | tuple):
            meter.charge(len(end))
            found += end
        elif end is not NOWHERE:
            found.append(end)


def _getter(value: Any) -> Callable[[str], Any] | None:
    """Return what finds a name in *value*, None if there are no names in it."""
    if isinstance(value, Mapping):
        return lambda name: value.get(name, NOWHERE)
    kind = type(value)
    if not hasattr(kind, "attribute_spec"):
        return None

    def get(name: str) -> Any:
        spec = spec_of(kind, name)
        if spec is None:
            return NOWHERE
        found = value.__dict__.get(spec.wire)
        return absent(spec, kind) if found is None else found

    return get


def specs_along(model: Any, key: str) -> tuple[AttributeSpec, ...]:
    """Return the attributes that a key leads through, empty if the model has no such way.

    What free-form attributes hold has no specification: behind them anything may follow. Keys of
    more than 65 names lead nowhere.

    Args:
        model: the kind of object that the key begins at.
        key: a name, or several with dots between them.
    """
    spec = spec_of(model, key)
    if spec is not None:
        return (spec,)
    if key.count(".") > MAX_DEPTH:
        return ()
    name, dot, rest = key.partition(".")
    spec = spec_of(model, name) if dot else None
    if spec is None:
        return ()
    if spec.model is None:
        return (spec,) if spec.type in _FREE else ()
    if spec.type == "refMap":
        _, dot, rest = rest.partition(".")
        if not dot:
            return (spec,)
    along = specs_along(model_of(spec), rest)
    return (spec, *along) if along else ()
