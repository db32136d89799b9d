"""Rules of names that must fit together, across one specification and across the set.

The original lacks them (defects R9, R10, R13); some it meets when it generates code, others when
that code runs. What works there all the same is a warning here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from bahamut.elemental.patterns import compiled
from bahamut.regolithe.spec import (
    NO_INHERIT,
    REFERENCE_TYPES,
    Action,
    Attribute,
    Finding,
    ModelSection,
    Parameter,
    Place,
    Specification,
    SpecificationSet,
)
from bahamut.regolithe.values import first_value

MODE = "python"
"""The mode of mappings that is ours."""
_DIRECTIVES = (":", "$")
"""What starts a word in an index that is for the storage tool, and no attribute."""


def check_set(given: SpecificationSet) -> Iterator[Finding]:
    """Yield what does not fit together in a set."""
    for rule in SET_RULES:
        yield from rule(given)
    for spec in given.specifications.values():
        for of_spec in SPEC_RULES:
            yield from of_spec(spec, given)
        for attribute in spec.attributes_of():
            for of_attribute in ATTRIBUTE_RULES:
                yield from of_attribute(spec, attribute, given)
        for action in spec.actions():
            for of_action in ACTION_RULES:
                yield from of_action(spec, action)


def _error(spec: Specification, rule: str, message: str, place: Place) -> Finding:
    return Finding(f"{spec.name}.spec: {message}", rule, place)


def _warning(spec: Specification, rule: str, message: str, place: Place) -> Finding:
    return Finding(f"{spec.name}.spec: {message}", rule, place, is_warning=True)


# --- the set -------------------------------------------------------------------------------------


def names_are_unique(given: SpecificationSet) -> Iterator[Finding]:
    """No two specifications share a type name, nor two that are registered a URL segment."""
    for key in ("entity_name", "resource_name"):
        owners: dict[str, str] = {}
        for spec in given.specifications.values():
            if key == "resource_name" and spec.model.detached:
                continue
            name = getattr(spec.model, key)
            if name in owners:
                text = f"{key} '{name}' is that of {owners[name]}.spec already"
                yield _error(spec, "duplicate-name", text, spec.model.at(key))
            owners.setdefault(name, spec.name)


def aliases_are_unique(given: SpecificationSet) -> Iterator[Finding]:
    """No two specifications share an alias."""
    owners: dict[str, str] = {}
    for spec in given.specifications.values():
        for alias in dict.fromkeys(spec.model.aliases):
            if alias in owners:
                text = f"alias '{alias}' is that of {owners[alias]}.spec already"
                yield _error(spec, "duplicate-alias", text, spec.model.at("aliases"))
            owners.setdefault(alias, spec.name)


def root_is_one(given: SpecificationSet) -> Iterator[Finding]:
    """One specification is the root, and ``_api.info`` names it."""
    roots = [spec for spec in given.specifications.values() if spec.model.root]
    for spec in roots[1:]:
        text = f"{roots[0].name}.spec is the root already"
        yield _error(spec, "several-roots", text, spec.model.at("root"))
    place = given.api.at("root")
    if not roots:
        text = "no specification is the root: nothing can be listed or created at the top"
        yield Finding(f"_api.info: {text}", "no-root", place, is_warning=True)
    elif given.api.root not in {spec.name for spec in roots}:
        text = f"root '{given.api.root}' is not the root, {roots[0].name}.spec is"
        yield Finding(f"_api.info: {text}", "root-name", place, is_warning=True)


def references_end(given: SpecificationSet) -> Iterator[Finding]:
    """No new object needs another for ever."""
    attributes = {name: spec.attributes_of() for name, spec in given.specifications.items()}
    endless = endless_references(attributes)
    for name, spec in given.specifications.items():
        for attribute in attributes[name]:
            if (name, attribute.name) in endless:
                text = (
                    f"attribute '{attribute.name}' starts unset: a new object would hold another "
                    "for ever; say noInit"
                )
                yield _warning(spec, "endless-reference", text, attribute.at("subtype"))


def externals_are_mapped(given: SpecificationSet) -> Iterator[Finding]:
    """The types and validations that are used have a mapping of our mode (decision X37)."""
    for what, file, names, mappings, effect in (
        ("type", "_type.mapping", _subtypes(given), given.types, "any value is accepted"),
        (
            "validation",
            "_validation.mapping",
            _validations(given),
            given.validations,
            "nothing is checked",
        ),
    ):
        known: Mapping[str, Mapping[str, Any]] = mappings or {}
        for name, place in names.items():
            mapping = known.get(name, {}).get(MODE)
            text = ""
            if mapping is None:
                text = f"{what} '{name}' has no mapping of mode '{MODE}'"
            elif mapping.name and not mapping.import_:
                text = f"{what} '{name}': mode '{MODE}' does not say what to import"
            if text:
                message = f"{file}: {text}: {effect}"
                yield Finding(message, "no-python-mapping", place, is_warning=True)


def _subtypes(given: SpecificationSet) -> dict[str, Place]:
    return {
        attribute.subtype: attribute.at("subtype")
        for spec in given.specifications.values()
        for attribute in spec.attributes_of()
        if attribute.type == "external"
    }


def _validations(given: SpecificationSet) -> dict[str, Place]:
    found: dict[str, Place] = {}
    for spec in given.specifications.values():
        holders: list[Attribute | ModelSection] = [spec.model, *spec.attributes_of()]
        for holder in holders:
            for name in holder.validations:
                found.setdefault(name, holder.at("validations"))
    return found


SET_RULES: tuple[Callable[[SpecificationSet], Iterator[Finding]], ...] = (
    names_are_unique,
    aliases_are_unique,
    root_is_one,
    references_end,
    externals_are_mapped,
)


# --- one specification ---------------------------------------------------------------------------


def order_is_known(spec: Specification, _given: SpecificationSet) -> Iterator[Finding]:
    """The default order speaks of attributes that there are."""
    known = {attribute.name for attribute in spec.attributes_of()}
    for name in dict.fromkeys(spec.default_order):
        if name.removeprefix("-") not in known:
            text = f"default_order speaks of an unknown attribute '{name.removeprefix('-')}'"
            yield _warning(spec, "unknown-attribute", text, spec.at("default_order"))


def indexes_are_known(spec: Specification, _given: SpecificationSet) -> Iterator[Finding]:
    """The indexes speak of attributes that there are, and are not empty."""
    known = {attribute.name for attribute in spec.attributes_of()}
    place = spec.at("indexes")
    for index in spec.indexes:
        if not index:
            yield _warning(spec, "empty-index", "an index has no attributes", place)
        if NO_INHERIT in index:
            text = f"'{NO_INHERIT}' has an effect only alone in the only index"
            yield _warning(spec, "idle-directive", text, place)
        for name in index:
            if not name.startswith(_DIRECTIVES) and name not in known:
                text = f"an index speaks of an unknown attribute '{name}'"
                yield _warning(spec, "unknown-attribute", text, place)


def relations_have_effect(spec: Specification, given: SpecificationSet) -> Iterator[Finding]:
    """Of relations, only get and create become routes, and only to what is registered."""
    for relation in spec.relations:
        head = f"the relation to '{relation.rest_name}'"
        for verb in ("update", "delete"):
            if getattr(relation, verb) is not None:
                text = f"'{verb}' of {head} has no effect"
                yield _warning(spec, "idle-relation", text, relation.at(verb))
        if given.specifications[relation.rest_name].model.detached:
            text = f"{head} has no effect: {relation.rest_name}.spec is detached"
            yield _warning(spec, "idle-relation", text, relation.at("rest_name"))


SPEC_RULES: tuple[Callable[[Specification, SpecificationSet], Iterator[Finding]], ...] = (
    order_is_known,
    indexes_are_known,
    relations_have_effect,
)


# --- attributes ----------------------------------------------------------------------------------


def endless_references(attributes: Mapping[str, Sequence[Attribute]]) -> set[tuple[str, str]]:
    """Return the references by which a new object would hold another, and so on for ever.

    Args:
        attributes: of each specification, by its name.

    Returns:
        Names of specification and attribute.
    """
    first = {
        name: [a for a in given if a.type == "ref" and a.extensions.get("noInit") is not True]
        for name, given in attributes.items()
    }
    reached: dict[str, set[str]] = {}
    for name in first:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            targets = {a.subtype for a in first.get(waiting.pop(), ())} - found
            found |= targets
            waiting += targets
        reached[name] = found
    return {
        (name, attribute.name)
        for name, references in first.items()
        for attribute in references
        if name == attribute.subtype or name in reached.get(attribute.subtype, ())
    }


def reference_is_known(
    spec: Specification, attribute: Attribute, given: SpecificationSet
) -> Iterator[Finding]:
    """A reference points to a specification of the set."""
    if attribute.type in REFERENCE_TYPES and attribute.subtype not in given.specifications:
        text = (
            f"attribute '{attribute.name}' refers to an unknown specification '{attribute.subtype}'"
        )
        yield _error(spec, "unknown-reference", text, attribute.at("subtype"))


def pattern_is_valid(
    spec: Specification, attribute: Attribute, _given: SpecificationSet
) -> Iterator[Finding]:
    """A pattern can be compiled."""
    if attribute.allowed_chars:
        try:
            compiled(attribute.allowed_chars)
        except ValueError as error:
            text = f"allowed_chars of attribute '{attribute.name}': {error}"
            yield _error(spec, "bad-pattern", text, attribute.at("allowed_chars"))


def default_is_typed(
    spec: Specification, attribute: Attribute, _given: SpecificationSet
) -> Iterator[Finding]:
    """A default is of the type of its attribute, and among the choices of an enum."""
    head, default = f"default_value of attribute '{attribute.name}'", attribute.default_value
    text = ""
    try:
        first_value(attribute)
    except (ValueError, OverflowError) as error:
        text = f"{head}: {error}"
    choices = attribute.allowed_choices
    if not text and attribute.type == "enum" and default and default not in choices:
        text = f"{head}: '{default}' is none of its allowed_choices"
    if text:
        yield _error(spec, "bad-default", text, attribute.at("default_value"))


ATTRIBUTE_RULES: tuple[
    Callable[[Specification, Attribute, SpecificationSet], Iterator[Finding]], ...
] = (reference_is_known, pattern_is_valid, default_is_typed)


# --- actions -------------------------------------------------------------------------------------


def parameters_are_unique(spec: Specification, action: Action) -> Iterator[Finding]:
    """No parameter is declared twice; the same declaration once more does no harm."""
    known: dict[str, Parameter] = {}
    for parameter in _entries(action):
        other = known.setdefault(parameter.name, parameter)
        if other is not parameter:
            place = action.at("parameters")
            text = f"parameter '{parameter.name}' is declared twice"
            if other == parameter:
                yield _warning(spec, "duplicate-parameter", text, place)
            else:
                yield _error(spec, "duplicate-parameter", f"{text}, not alike", place)


def required_can_be_sent(spec: Specification, action: Action) -> Iterator[Finding]:
    """What is required is declared; one alternative that is suffices to make calls possible."""
    known = {parameter.name for parameter in _entries(action)}
    for group in action.parameters.required if action.parameters else ():
        is_possible = any(known.issuperset(names) for names in group) or not group
        report = _warning if is_possible else _error
        for name in dict.fromkeys(n for names in group for n in names if n not in known):
            text = f"an unknown parameter '{name}' is required"
            yield report(spec, "unknown-parameter", text, action.at("parameters"))


def parameter_default_is_choice(spec: Specification, action: Action) -> Iterator[Finding]:
    """The default of an enum is among its choices."""
    for parameter in _entries(action):
        default = parameter.default_value
        if parameter.type == "enum" and default and default not in parameter.allowed_choices:
            text = (
                f"default_value of parameter '{parameter.name}': '{default}' is none of its "
                "allowed_choices"
            )
            yield _error(spec, "bad-default", text, parameter.at("default_value"))


def _entries(action: Action) -> tuple[Parameter, ...]:
    return action.parameters.entries if action.parameters is not None else ()


ACTION_RULES: tuple[Callable[[Specification, Action], Iterator[Finding]], ...] = (
    parameters_are_unique,
    required_can_be_sent,
    parameter_default_is_choice,
)


# --- what stands in the way of model classes -----------------------------------------------------


def wire_names_are_unique(
    spec: Specification, attributes: Iterable[Attribute]
) -> Iterator[Finding]:
    """No two exposed attributes share a name on the wire."""
    owners: dict[str, str] = {}
    for attribute in attributes:
        if not attribute.exposed:
            continue
        wire = attribute.wire
        if wire in owners:
            text = (
                f"attributes '{owners[wire]}' and '{attribute.name}' are both exposed as '{wire}'"
            )
            yield _error(spec, "duplicate-exposed-name", text, attribute.at("exposed_name"))
        owners.setdefault(wire, attribute.name)


def storage_names_are_unique(
    spec: Specification, attributes: Iterable[Attribute]
) -> Iterator[Finding]:
    """No two attributes are given the same name in storage."""
    owners: set[str] = set()
    for attribute in attributes:
        name = attribute.extensions.get("bson_name")
        place = attribute.at("extensions")
        if name is None:
            continue
        if not isinstance(name, str):
            text = (
                "expected string for extension attribute 'bson_name', got "
                f"{_GO_TYPES.get(type(name), type(name).__name__)} instead"
            )
            yield _error(spec, "storage-name", text, place)
        elif name in owners:
            yield _error(spec, "storage-name", f"invalid bson name. '{name}' reused", place)
        else:
            owners.add(name)


_GO_TYPES = {float: "float64", list: "[]interface {}"}


BUILD_RULES: tuple[Callable[[Specification, Iterable[Attribute]], Iterator[Finding]], ...] = (
    wire_names_are_unique,
    storage_names_are_unique,
)
"""Checked when classes are made, of one version of the attributes; so does the original."""
