"""Bounds how deep objects hold objects of their own class: encoders have a limit."""

from __future__ import annotations

from typing import Any

from bahamut.elemental.compile import model_of
from bahamut.elemental.model import Model
from bahamut.elemental.shapes import check_depth

can_nest: dict[type[Model], bool] = {}
"""Whether objects of a class can hold their own class, for each class that was looked at."""


def check_nesting(value: Any, model: type[Model]) -> None:
    """Refuse a value that is too deep for encoders.

    Only classes whose objects can hold their own class need to be checked value by value.

    Raises:
        DecodeError: objects are nested too deeply.
    """
    found = can_nest.get(model)
    if found is None:
        found = can_nest[model] = _holds_itself(model, frozenset((model.PLAIN,)))
    if found:
        check_depth(value)


def _holds_itself(model: type[Model], above: frozenset[type[Model]]) -> bool:
    nested = [model_of(spec) for spec in model.ATTRIBUTES if spec.model is not None]
    return any(each in above or _holds_itself(each, above | {each}) for each in nested)
