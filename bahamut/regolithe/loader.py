"""A folder of specifications into a linked, checked `SpecificationSet`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from bahamut._kit.logs import get_logger
from bahamut.regolithe import lint, mappings
from bahamut.regolithe.reader import Reader
from bahamut.regolithe.references import check_set
from bahamut.regolithe.schema import VERSION, check_schema, find_unsupported
from bahamut.regolithe.spec import (
    MODEL_VERBS,
    NO_INHERIT,
    NOWHERE,
    RELATION_VERBS,
    Abstract,
    Action,
    Attribute,
    Finding,
    ModelSection,
    Parameters,
    Place,
    Relation,
    Sections,
    Specification,
    SpecificationError,
    SpecificationSet,
)

log = get_logger(__name__)

_DECODE = "unable to decode spec yaml: "
_MAPPING = "unable to build attributes mapping: "
_SMALL: Mapping[str, tuple[str, Callable[[Path], Any]]] = {
    "regolithe.ini": ("config", mappings.read_config),
    "_api.info": ("api", mappings.read_api),
    "_type.mapping": ("types", mappings.read_types),
    "_validation.mapping": ("validations", mappings.read_validations),
    "_parameter.mapping": ("parameters", mappings.read_parameters),
}
_Holder = TypeVar("_Holder", ModelSection, Relation)


def load(folder: str | os.PathLike[str]) -> SpecificationSet:
    """Load a specification set (Go: spec.LoadSpecificationSet).

    Nothing that the mappings name is imported, and ``sys.path`` stays as it is.

    Args:
        folder: holds ``regolithe.ini``, ``_api.info``, the mappings, ``*.spec`` and ``*.abs``.

    Raises:
        SpecificationError: something is wrong; it says what and where.
    """
    path = Path(folder)
    small, specifications, abstracts, warnings = _read_folder(path)
    for name in ("regolithe.ini", "_api.info"):
        if _SMALL[name][0] not in small:
            _fail(f"unable to find {name} in folder '{path}'", "folder", Place(name))
    linked = {
        name: _linked(specifications[name], specifications, abstracts, small.get("parameters"))
        for name in sorted(specifications)
    }
    found = SpecificationSet(folder=path, specifications=linked, **small)
    findings = [finding for spec in linked.values() for finding in _check(spec)]
    if not findings:
        findings = list(check_set(found))
    if any(not finding.is_warning for finding in findings):
        raise SpecificationError([f for f in findings if not f.is_warning])
    for finding in findings:
        if finding.rule == "no-python-mapping":
            log.warning(finding.message)
    return replace(found, warnings=(*warnings, *findings))


def _check(spec: Specification) -> list[Finding]:
    unsupported = find_unsupported(spec)
    return [unsupported] if unsupported else [*check_schema(spec), *lint.check(spec)]


def _fail(message: str, rule: str, place: Place) -> NoReturn:
    raise SpecificationError([Finding(message, rule, place)])


# --- files ---------------------------------------------------------------------------------------


def _read_folder(
    folder: Path,
) -> tuple[dict[str, Any], dict[str, Specification], dict[str, Abstract], list[Finding]]:
    small: dict[str, Any] = {}
    specifications: dict[str, Specification] = {}
    abstracts: dict[str, Abstract] = {}
    warnings: list[Finding] = []
    try:
        paths = sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name))
    except OSError as error:
        _fail(f"unable to read folder '{folder}': {error.strerror}", "folder", NOWHERE)
    for path in paths:
        if path.name in _SMALL:
            name, read = _SMALL[path.name]
            small[name] = read(path)
        elif path.suffix == ".abs":
            abstract = _read_abstract(path, warnings)
            abstracts[abstract.name] = abstract
        elif path.suffix == ".spec":
            spec = _read_specification(path, warnings)
            specifications[spec.name] = spec
    return small, specifications, abstracts, warnings


def _read_sections(path: Path, warnings: list[Finding]) -> tuple[str, Sections]:
    """Return the name that a file stands for, and what it holds."""
    name = path.name[: -len(path.suffix)].removeprefix("+")
    reader = Reader(path, _DECODE)
    sections: Sections = reader.structure(reader.root(), Sections, "")
    reader.check()
    findings = mappings.null_findings(reader, f"{name}{path.suffix}")
    for version in sections.attributes:
        if not VERSION.fullmatch(version):
            text = f"attributes: Additional property {version} is not allowed"
            place = sections.at("attributes")
            findings.append(Finding(f"{name}{path.suffix}: schema error: {text}", "schema", place))
    if findings:
        raise SpecificationError(findings)
    _check_attributes(name, sections)
    _check_relations(sections)
    if sections.model is not None and sections.model.rest_name != name:
        text = (
            f"{path.name}: declared rest_name '{sections.model.rest_name}' must be identical to "
            "filename without extension"
        )
        _fail(text, "file-name", sections.model.at("rest_name"))
    warnings += reader.warnings
    return name, sections


def _read_specification(path: Path, warnings: list[Finding]) -> Specification:
    name, sections = _read_sections(path, warnings)
    if sections.model is None:
        text = f"{name}.spec: schema error: (root): model is required"
        _fail(text, "schema", sections.place)
    return Specification(
        name=name,
        model=sections.model,
        default_order=sections.default_order,
        indexes=sections.indexes,
        attributes=sections.attributes,
        relations=sections.relations,
        place=sections.place,
        places=sections.places,
    )


def _read_abstract(path: Path, warnings: list[Finding]) -> Abstract:
    name, sections = _read_sections(path, warnings)
    if sections.relations:
        text = f"{name}.abs: the relations of an abstract have no effect"
        place = sections.at("relations")
        warnings.append(Finding(text, "idle-relation", place, is_warning=True))
    return Abstract(
        name=name,
        default_order=sections.default_order,
        indexes=sections.indexes,
        attributes=sections.attributes,
        place=sections.place,
        places=sections.places,
    )


def _check_attributes(name: str, sections: Sections) -> None:
    """Refuse two attributes of one name in one version, and two identifiers."""
    what = f"specification {name}" if sections.model is not None else "one abstract"
    identifier: Attribute | None = None
    for attributes in sections.attributes.values():
        known: set[str] = set()
        for attribute in attributes:
            if attribute.name in known and attribute.name:
                text = f"{_MAPPING}{what} has more than one attribute named {attribute.name}"
                _fail(text, "duplicate-attribute", attribute.at("name"))
            known.add(attribute.name)
            if attribute.identifier and identifier is not None:
                _fail_identifiers(_MAPPING, name, identifier, attribute)
            identifier = attribute if attribute.identifier else identifier


def _fail_identifiers(prefix: str, name: str, one: Attribute, other: Attribute) -> NoReturn:
    text = (
        f"{prefix}Specification {name} has more than one identifier attributes: At least "
        f"{one.name} and {other.name}"
    )
    _fail(text, "several-identifiers", other.at("identifier"))


def _check_relations(sections: Sections) -> None:
    known: set[str] = set()
    for relation in sections.relations:
        if relation.rest_name in known:
            text = (
                "unable to build relations mapping: Specification has more than one child relation "
                f"pointing to {relation.rest_name}"
            )
            _fail(text, "duplicate-relation", relation.at("rest_name"))
        known.add(relation.rest_name)


# --- links ---------------------------------------------------------------------------------------


def _linked(
    spec: Specification,
    specifications: Mapping[str, Specification],
    abstracts: Mapping[str, Abstract],
    shared: Mapping[str, Parameters] | None,
) -> Specification:
    spec = _extended(spec, abstracts)
    for relation in spec.relations:
        if relation.rest_name not in specifications:
            text = f"unable to find related spec '{relation.rest_name}' for spec '{spec.name}'"
            _fail(text, "unknown-relation", relation.at("rest_name"))
    return replace(
        spec,
        model=_with_parameters(spec.model, MODEL_VERBS, shared),
        relations=tuple(_with_parameters(r, RELATION_VERBS, shared) for r in spec.relations),
    )


def _extended(spec: Specification, abstracts: Mapping[str, Abstract]) -> Specification:
    """Return the specification with what its abstracts have and it does not."""
    keeps_order = spec.default_order[:1] != (NO_INHERIT,)
    own_order = spec.default_order if keeps_order else spec.default_order[1:]
    keeps_indexes = spec.indexes != ((NO_INHERIT,),)
    indexes = list(spec.indexes) if keeps_indexes else []
    order: list[str] = []
    attributes = dict(spec.attributes)
    for name in spec.model.extends:
        base = abstracts.get(name)
        if base is None:
            text = f"unable to find base spec '{name}' for spec '{spec.name}'"
            _fail(text, "unknown-base", spec.model.at("extends"))
        if keeps_order:
            order += base.default_order
        if keeps_indexes and not spec.model.detached:
            indexes += base.indexes
        for version, inherited in base.attributes.items():
            own = attributes.get(version, ())
            names = {attribute.name for attribute in own}
            attributes[version] = own + tuple(a for a in inherited if a.name not in names)
    identifiers = [a for version in attributes.values() for a in version if a.identifier]
    if len(identifiers) > 1:
        _fail_identifiers("", spec.name, *identifiers[:2])
    return replace(
        spec,
        default_order=(*order, *own_order),
        indexes=tuple(indexes),
        attributes=attributes,
    )


def _with_parameters(
    holder: _Holder, verbs: tuple[str, ...], shared: Mapping[str, Parameters] | None
) -> _Holder:
    """Return what holds actions with the shared parameters that they ask for."""
    changes: dict[str, Any] = {}
    for verb in verbs:
        action = getattr(holder, verb)
        if action is not None and action.global_parameters:
            changes[verb] = _expanded(action, shared)
    return replace(holder, **changes) if changes else holder


def _expanded(action: Action, shared: Mapping[str, Parameters] | None) -> Action:
    own = action.parameters or Parameters(place=action.place)
    entries, required = own.entries, own.required
    for key in action.global_parameters:
        found = (shared or {}).get(key)
        if found is None:
            where = ": there is no _parameter.mapping" if shared is None else ""
            text = f"unable to find global parameter key '{key}'{where}"
            _fail(text, "unknown-global-parameter", action.at("global_parameters"))
        entries += found.entries
        required += found.required
    return replace(action, parameters=replace(own, entries=entries, required=required))
