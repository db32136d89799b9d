"""The rules of a specification, one function each; the messages are the original's.

``schema`` rules say that something is missing or of the wrong kind, ``lint`` rules carry the number
that the documentation gives them, and the others (which the original lacks) a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from bahamut._kit.gotime import parse_duration
from bahamut.elemental.dates import parse_date
from bahamut.elemental.validators import compiled
from bahamut.regolithe.spec import (
    ATTRIBUTE_TYPES,
    PARAMETER_TYPES,
    Action,
    Attribute,
    Finding,
    ModelSection,
    Parameter,
    Parameters,
    Place,
    Relation,
    Specification,
    SpecificationSet,
)

_CHOICE = re.compile(r"[A-Z1-9][a-zA-Z0-9]*")
_NAMED = ("rest_name", "resource_name", "entity_name", "package", "group", "description")
_REFERENCES = ("ref", "refList", "refMap")


def _schema(spec: Specification, path: str, message: str, place: Place) -> Finding:
    return Finding(f"{spec.name}.spec: schema error: {path}: {message}", "schema", place)


def _lint(name: str, rule: int, message: str, place: Place) -> Finding:
    return Finding(f"{name}.spec: {message}", f"lint-{rule}", place)


def check(spec: Specification) -> Iterator[Finding]:
    """Yield what is wrong with one specification on its own."""
    yield from check_schema(spec)
    yield from check_model(spec)
    for attributes in spec.attributes.values():
        for attribute in attributes:
            yield from check_attribute(spec, attribute)
    for relation in spec.relations:
        for verb in ("get", "create", "update", "delete"):
            yield from check_action(spec, verb, relation.rest_name, getattr(relation, verb))


def check_schema(spec: Specification) -> Iterator[Finding]:
    """Yield what is missing, or of a kind that there is not."""
    if spec.model is not None:
        for name in _NAMED:
            if not getattr(spec.model, name):
                yield _schema(spec, "model", f"{name} is required", spec.model.place)
        for verb in ("get", "update", "delete"):
            yield from _action_schema(spec, f"model.{verb}", getattr(spec.model, verb))
    for version, attributes in spec.attributes.items():
        for index, attribute in enumerate(attributes):
            yield from _attribute_schema(spec, f"attributes.{version}.{index}", attribute)
    for index, relation in enumerate(spec.relations):
        path = f"relations.{index}"
        if not relation.rest_name:
            yield _schema(spec, path, "rest_name is required", relation.place)
        for verb in ("get", "create", "update", "delete"):
            yield from _action_schema(spec, f"{path}.{verb}", getattr(relation, verb))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _attribute_schema(spec: Specification, path: str, attribute: Attribute) -> Iterator[Finding]:
    for name in ("name", "description", "type"):
        if not getattr(attribute, name):
            yield _schema(spec, path, f"{name} is required", attribute.place)
    if attribute.type and attribute.type not in ATTRIBUTE_TYPES:
        where = f"{path}.type"
        text = f"{where} must be one of the following: {_listed(ATTRIBUTE_TYPES)}"
        yield _schema(spec, where, text, attribute.place)
    for index, choice in enumerate(attribute.allowed_choices):
        if not _CHOICE.fullmatch(choice):
            text = "Does not match pattern '^[A-Z1-9][a-zA-Z0-9]*$'"
            yield _schema(spec, f"{path}.allowed_choices.{index}", text, attribute.place)


def _action_schema(spec: Specification, path: str, action: Action | None) -> Iterator[Finding]:
    if action is None:
        return
    if not action.description:
        yield _schema(spec, path, "description is required", action.place)
    entries = action.parameters.entries if action.parameters else []
    for index, parameter in enumerate(entries):
        where = f"{path}.parameters.entries.{index}"
        for name in ("name", "description", "type"):
            if not getattr(parameter, name):
                yield _schema(spec, where, f"{name} is required", parameter.place)
        if parameter.type and parameter.type not in PARAMETER_TYPES:
            text = f"{where}.type must be one of the following: {_listed(PARAMETER_TYPES)}"
            yield _schema(spec, f"{where}.type", text, parameter.place)


def check_model(spec: Specification) -> Iterator[Finding]:
    """Rule 6, and the actions of the model."""
    model = spec.model
    if model is None:
        return
    if model.description and not model.description.endswith("."):
        yield _lint(spec.name, 6, "model description must end with a period", model.place)
    for verb in ("get", "update", "delete"):
        yield from check_action(spec, verb, model.rest_name, getattr(model, verb))


def check_attribute(spec: Specification, attribute: Attribute) -> Iterator[Finding]:
    """Rules 1 to 5."""
    name, place = attribute.name, attribute.place
    if attribute.required and attribute.default_value is None and attribute.example_value is None:
        text = f"'{name}' is required but has no default_value or example_value"
        yield _lint(spec.name, 1, text, place)
    if attribute.description and not attribute.description.endswith("."):
        text = f"description of attribute '{name}' must end with a period"
        yield _lint(spec.name, 2, text, place)
    if attribute.type == "enum" and not attribute.allowed_choices:
        text = f"enum attribute '{name}' must define allowed_choices"
        yield _lint(spec.name, 3, text, place)
    if attribute.allowed_chars and not attribute.allowed_chars_message:
        text = f"attribute '{name}' must define allowed_chars_message"
        yield _lint(spec.name, 4, text, place)
    if attribute.signed and (
        attribute.autogenerated
        or attribute.transient
        or attribute.read_only
        or not attribute.exposed
    ):
        text = (
            f"attribute '{name}' cannot be use for signature if it is autogenerated, transient, "
            "read only or not exposed"
        )
        yield _lint(spec.name, 5, text, place)


def check_action(
    spec: Specification, verb: str, target: str, action: Action | None
) -> Iterator[Finding]:
    """Rules 7 and 8, and the parameters."""
    if action is None:
        return
    head = f"relation '{verb}' to '{target}'"
    if not action.description:
        yield _lint(spec.name, 7, f"{head} must have a description", action.place)
    elif not action.description.endswith("."):
        yield _lint(spec.name, 8, f"{head} description must end with a period", action.place)
    if action.parameters is not None:
        yield from check_parameters(spec.name, action.parameters)


def check_parameters(name: str, parameters: Parameters) -> Iterator[Finding]:
    """Rules 9 to 13, those of one list of parameters."""
    for parameter in parameters.entries:
        yield from check_parameter(name, parameter)


def check_parameter(name: str, parameter: Parameter) -> Iterator[Finding]:
    """Rules 9 to 13."""
    called, place = parameter.name, parameter.place
    if not parameter.description.endswith("."):
        text = f"description of parameter '{called}' must end with a period"
        yield _lint(name, 9, text, place)
    if not parameter.type:
        yield _lint(name, 10, f"type of parameter '{called}' must be set", place)
    elif parameter.type not in PARAMETER_TYPES:
        text = (
            f"type of parameter '{called}' must be 'string', 'integer', 'float', 'boolean', "
            "'enum', 'time' or 'duration'"
        )
        yield _lint(name, 10, text, place)
    if parameter.type == "enum" and not parameter.allowed_choices:
        text = f"enum parameter '{called}' must define allowed_choices"
        yield _lint(name, 11, text, place)
    if parameter.type != "enum" and parameter.allowed_choices:
        text = f"parameter '{called}' is not an enum but defines allowed_choices"
        yield _lint(name, 11, text, place)
    has_none = parameter.default_value is None
    if parameter.type == "string" and has_none and parameter.example_value is None:
        text = f"parameter '{called}' must provide an example value as it doesn't have a default"
        yield _lint(name, 12, text, place)
    is_typed = _DEFAULTS.get(parameter.type)
    if not has_none and is_typed is not None and not is_typed(parameter.default_value):
        text = (
            f"parameter '{called}' is defined as an {parameter.type}, but the default value is not"
        )
        yield _lint(name, 13, text, place)


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and (parse_date(value) is not None or True)
    except (ValueError, OverflowError):
        return False


def _is_duration(value: Any) -> bool:
    try:
        return isinstance(value, str) and parse_duration(value) is not None
    except ValueError:
        return False


_DEFAULTS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "enum": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "boolean": lambda value: isinstance(value, bool),
    "duration": _is_duration,
    "time": _is_time,
}


# --- rules across files, which the original lacks ----------------------------------------------


def check_set(given: SpecificationSet) -> Iterator[Finding]:
    """Yield what is wrong between the specifications of a set."""
    for key in ("resource_name", "entity_name"):
        yield from _duplicates(given, key)
    yield from _roots(given)
    for spec in given.specifications.values():
        yield from _names(spec)
        for attribute in spec.attributes_of():
            yield from _attribute_values(spec, attribute)
            yield from _reference(given, spec, attribute)
        for place, action in _actions(spec):
            yield from _action_parameters(spec, place, action)
        for relation in spec.relations:
            yield from _idle(spec, relation)


def _named(spec: Specification, rule: str, message: str, place: Place, **options: Any) -> Finding:
    return Finding(f"{spec.name}.spec: {message}", rule, place, **options)


def _models(given: SpecificationSet) -> Iterator[tuple[Specification, ModelSection]]:
    for spec in given.specifications.values():
        if spec.model is not None:
            yield spec, spec.model


def _duplicates(given: SpecificationSet, key: str) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for spec, model in _models(given):
        if key == "resource_name" and model.detached:
            continue
        value = getattr(model, key)
        if value in owners:
            text = f"{key} '{value}' is that of {owners[value]}.spec already"
            yield _named(spec, "duplicate-name", text, model.place)
        owners[value] = spec.name
    if key == "resource_name":
        aliases: dict[str, str] = {}
        for spec, model in _models(given):
            for alias in dict.fromkeys(model.aliases):
                if alias in aliases:
                    text = f"alias '{alias}' is that of {aliases[alias]}.spec already"
                    yield _named(spec, "duplicate-alias", text, model.place)
                aliases[alias] = spec.name


def _roots(given: SpecificationSet) -> Iterator[Finding]:
    roots = [(spec, model) for spec, model in _models(given) if model.root]
    for spec, model in roots[1:]:
        text = f"{roots[0][0].name}.spec is the root already"
        yield _named(spec, "several-roots", text, model.place)
    if len(roots) == 1 and given.api.root and given.api.root != roots[0][0].name:
        text = f"_api.info says that the root is '{given.api.root}'"
        yield _named(roots[0][0], "root-name", text, roots[0][1].place, is_warning=True)


def _names(spec: Specification) -> Iterator[Finding]:
    known = {attribute.name for attribute in spec.attributes_of()}
    for name in spec.default_order:
        if name != ":no-inherit" and name.lstrip("-") not in known:
            text = f"default_order speaks of an unknown attribute '{name.lstrip('-')}'"
            yield _named(spec, "unknown-attribute", text, spec.place, is_warning=True)
    for index in spec.indexes:
        for name in index:
            if not name.startswith(":") and name not in known:
                text = f"an index speaks of an unknown attribute '{name}'"
                yield _named(spec, "unknown-attribute", text, spec.place, is_warning=True)
    wires: dict[str, str] = {}
    for attribute in spec.attributes_of():
        wire = attribute.exposed_name or attribute.name
        if wire in wires and attribute.exposed:
            text = f"attributes '{wires[wire]}' and '{attribute.name}' are both exposed as '{wire}'"
            yield _named(spec, "duplicate-attribute", text, attribute.place)
        wires[wire] = attribute.name


def _attribute_values(spec: Specification, attribute: Attribute) -> Iterator[Finding]:
    name, default = attribute.name, attribute.default_value
    if attribute.allowed_chars:
        try:
            compiled(attribute.allowed_chars)
        except ValueError as error:
            text = f"allowed_chars of attribute '{name}': {error}"
            yield _named(spec, "bad-pattern", text, attribute.place)
    choices = attribute.allowed_choices
    if attribute.type == "enum" and default is not None and choices and default not in choices:
        text = f"default_value '{default}' of attribute '{name}' is none of its allowed_choices"
        yield _named(spec, "bad-default", text, attribute.place)
    storage = attribute.extensions.get("bson_name")
    if storage is not None and not isinstance(storage, str):
        text = f"bson_name of attribute '{name}' must be a text"
        yield _named(spec, "bad-extension", text, attribute.place)


def _reference(
    given: SpecificationSet, spec: Specification, attribute: Attribute
) -> Iterator[Finding]:
    if attribute.type in _REFERENCES and attribute.subtype not in given.specifications:
        text = (
            f"attribute '{attribute.name}' refers to an unknown specification '{attribute.subtype}'"
        )
        yield _named(spec, "unknown-reference", text, attribute.place)


def _actions(spec: Specification) -> Iterator[tuple[Place, Action]]:
    holders: list[ModelSection | Relation] = [*spec.relations]
    if spec.model is not None:
        holders.append(spec.model)
    for holder in holders:
        for verb in ("get", "create", "update", "delete"):
            action = getattr(holder, verb, None)
            if action is not None:
                yield action.place, action


def _action_parameters(spec: Specification, place: Place, action: Action) -> Iterator[Finding]:
    if action.parameters is None:
        return
    names = [parameter.name for parameter in action.parameters.entries]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        text = f"parameter '{name}' is declared twice"
        yield _named(spec, "duplicate-parameter", text, place)
    for group in action.parameters.required:
        for alternative in group:
            for name in alternative:
                if name not in names:
                    text = f"an unknown parameter '{name}' is required"
                    yield _named(spec, "unknown-parameter", text, place)


def _idle(spec: Specification, relation: Relation) -> Iterator[Finding]:
    for verb in ("update", "delete"):
        if getattr(relation, verb) is not None:
            text = f"'{verb}' of the relation to '{relation.rest_name}' has no effect"
            yield _named(spec, "idle-relation", text, relation.place, is_warning=True)
