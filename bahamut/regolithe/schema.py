"""What the schema of a specification demands: keys that must be there, words that must be known.

The original checks a JSON Schema; these are its messages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from bahamut.regolithe.spec import (
    ATTRIBUTE_TYPES,
    MODEL_VERBS,
    PARAMETER_TYPES,
    RELATION_VERBS,
    Action,
    Attribute,
    Finding,
    Located,
    ModelSection,
    Parameter,
    Place,
    Relation,
    Specification,
)

VERSION = re.compile(r"v[0-9]{1,9}")
_CHOICE = re.compile(r"[A-Z1-9][a-zA-Z0-9]*")
_OF_MODELS = ("rest_name", "resource_name", "entity_name", "package", "group", "description")
Problem = tuple[str, str, Place]
"""Path, message and place."""


def check_schema(spec: Specification) -> Iterator[Finding]:
    """Yield what the schema of a specification finds."""
    for path, message, place in _problems(spec):
        text = f"{spec.name}.spec: schema error: {path}: {message}"
        yield Finding(text, "schema", place)


def _problems(spec: Specification) -> Iterator[Problem]:
    yield from _required("model", spec.model, _OF_MODELS)
    for verb in MODEL_VERBS:
        yield from _action(f"model.{verb}", getattr(spec.model, verb))
    for version, attributes in spec.attributes.items():
        for index, attribute in enumerate(attributes):
            yield from _attribute(f"attributes.{version}.{index}", attribute)
    for index, relation in enumerate(spec.relations):
        yield from _relation(f"relations.{index}", relation)


def _required(path: str, given: Located, names: tuple[str, ...]) -> Iterator[Problem]:
    for name in names:
        if not getattr(given, name):
            yield path, f"{name} is required", given.at(name)


def _known(path: str, given: Attribute | Parameter, known: tuple[str, ...]) -> Iterator[Problem]:
    if given.type and given.type not in known:
        where = f"{path}.type"
        words = ", ".join(f'"{word}"' for word in known)
        yield where, f"{where} must be one of the following: {words}", given.at("type")


def _attribute(path: str, attribute: Attribute) -> Iterator[Problem]:
    yield from _required(path, attribute, ("name", "description", "type"))
    yield from _known(path, attribute, ATTRIBUTE_TYPES)
    for index, choice in enumerate(attribute.allowed_choices):
        if not _CHOICE.fullmatch(choice):
            text = "Does not match pattern '^[A-Z1-9][a-zA-Z0-9]*$'"
            yield f"{path}.allowed_choices.{index}", text, attribute.at("allowed_choices")


def _relation(path: str, relation: Relation) -> Iterator[Problem]:
    yield from _required(path, relation, ("rest_name",))
    for verb in RELATION_VERBS:
        yield from _action(f"{path}.{verb}", getattr(relation, verb))


def _action(path: str, action: Action | None) -> Iterator[Problem]:
    if action is None:
        return
    yield from _required(path, action, ("description",))
    entries = action.parameters.entries if action.parameters else ()
    for index, parameter in enumerate(entries):
        where = f"{path}.parameters.entries.{index}"
        yield from _required(where, parameter, ("name", "description", "type"))
        yield from _known(where, parameter, PARAMETER_TYPES)


# --- values that the original cannot write as JSON -----------------------------------------------


def find_unsupported(spec: Specification) -> Finding | None:
    """Return the first value that has no JSON form; with one, nothing else is checked.

    Infinite numbers have none, nor have, to the original, mappings in extensions.
    """
    for place, value, is_extension in _free_values(spec):
        found = _not_json(value, is_extension=is_extension)
        if found:
            text = f"unable to validate specification: json: unsupported {found}"
            return Finding(text, "schema", place)
    return None


def _free_values(spec: Specification) -> Iterator[tuple[Place, Any, bool]]:
    holders: list[Attribute | Parameter] = [a for v in spec.attributes.values() for a in v]
    for action in spec.actions():
        holders += action.parameters.entries if action.parameters else ()
    for holder in holders:
        yield holder.at("default_value"), holder.default_value, False
        yield holder.at("example_value"), holder.example_value, False
    attributes = [holder for holder in holders if isinstance(holder, Attribute)]
    extended: list[Attribute | ModelSection] = [spec.model, *attributes]
    for each in extended:
        for value in each.extensions.values():
            yield each.at("extensions"), value, True


def _not_json(value: Any, *, is_extension: bool) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"value: {'NaN' if math.isnan(value) else '+Inf' if value > 0 else '-Inf'}"
    if isinstance(value, dict):
        if is_extension:
            return "type: map[interface {}]interface {}"
        value = list(value.values())
    if isinstance(value, list):
        found = (_not_json(item, is_extension=is_extension) for item in value)
        return next(filter(None, found), "")
    return ""
