"""A folder of specifications into a linked, checked `SpecificationSet`."""

from __future__ import annotations

import configparser
import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bahamut.regolithe import lint
from bahamut.regolithe.reader import Reader
from bahamut.regolithe.spec import (
    NO_INHERIT,
    Action,
    APIInfo,
    Attribute,
    Finding,
    FunctionMapping,
    Parameters,
    Place,
    Specification,
    SpecificationError,
    SpecificationSet,
    TypeMapping,
)

_VERSION = re.compile(r"v[0-9]+")
_DECODE = "unable to decode spec yaml: "


def load(folder: str | Path) -> SpecificationSet:
    """Load a specification set (Go: spec.LoadSpecificationSet).

    Args:
        folder: holds ``regolithe.ini``, ``_api.info``, the mappings, ``*.spec`` and ``*.abs``.

    Raises:
        SpecificationError: something is wrong; it says what and where.
    """
    path = Path(folder)
    given = SpecificationSet(folder=str(folder))
    given.config = _read_config(path)
    given.api = _read_api(path / "_api.info")
    given.types = _read_types(path / "_type.mapping")
    given.validations = _read_validations(path / "_validation.mapping")
    given.parameters = _read_parameters(path / "_parameter.mapping")
    abstracts = {s.name: s for s in _read_specifications(path, ".abs")}
    specifications = {s.name: s for s in _read_specifications(path, ".spec")}
    for spec in specifications.values():
        _check_spec(spec)
        _extend(spec, abstracts)
        _link(spec, specifications)
        _map_parameters(spec, given, has_mapping=(path / "_parameter.mapping").exists())
    given.specifications = dict(sorted(specifications.items()))
    findings = [finding for spec in specifications.values() for finding in lint.check(spec)]
    if not findings:
        findings = list(lint.check_set(given))
    given.warnings += [finding for finding in findings if finding.is_warning]
    errors = [finding for finding in findings if not finding.is_warning]
    if errors:
        raise SpecificationError(_distinct(errors))
    return given


def _distinct(findings: list[Finding]) -> list[Finding]:
    return list({finding.message: finding for finding in findings}.values())


def _fail(message: str, rule: str, place: Place) -> SpecificationError:
    return SpecificationError([Finding(message, rule, place)])


# --- small files -------------------------------------------------------------------------------


def _read_config(folder: Path) -> Mapping[str, Mapping[str, str]]:
    path = folder / "regolithe.ini"
    place = Place(path.name)
    if not path.is_file():
        text = f"unable to find regolithe.ini in folder '{folder}'"
        raise _fail(text, "folder", place)
    parser = configparser.RawConfigParser(strict=False, default_section="\0")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(path.read_text(encoding="utf-8-sig"), path.name)
    except (configparser.Error, UnicodeDecodeError) as error:
        line = getattr(error, "lineno", 0) or 0
        text = " ".join(str(error).split())
        raise _fail(text, "ini", Place(path.name, line, 1 if line else 0)) from None
    config = {name: dict(parser.items(name)) for name in parser.sections()}
    for section, keys in {
        "regolithe": ["product_name"],
        "transformer": ["name", "version"],
    }.items():
        if section not in config:
            raise _fail(f'section "{section}" does not exist', "ini", place)
        for key in keys:
            if key not in config[section]:
                text = f'error when getting key of section "{section}": key "{key}" not exists'
                raise _fail(text, "ini", place)
    return config


def _read_api(path: Path) -> APIInfo:
    if not path.exists():
        text = f"unable to find _api.info in folder '{path.parent}'"
        raise _fail(text, "folder", Place(path.name))
    reader = Reader(path)
    root = reader.root()
    info: APIInfo = reader.structure(root, APIInfo, "_api.info")
    findings = [
        Finding(
            f"_api.info: schema error: (root): {name} is required", "schema", reader.place(root)
        )
        for name in ("prefix", "root", "version")
        if not getattr(info, name)
    ]
    if findings:
        raise SpecificationError(findings)
    return info


def _modes(path: Path, kind: Any) -> dict[str, Any]:
    """Read a mapping: by name, by mode, a structure."""
    if not path.exists():
        return {}
    reader = Reader(path)
    found: dict[str, Any] = {}
    for name, node in reader.pairs(reader.root(), path.name).items():
        if node.tag.endswith(":null"):
            text = f"{path.name}: schema error: {name}: Invalid type. Expected: object, given: null"
            raise _fail(text, "schema", reader.place(node))
        what = f"'{name}' of {path.name}"
        found[name] = {
            mode: reader.structure(inner, kind, f"mode '{mode}' of {what}")
            for mode, inner in reader.pairs(node, what).items()
        }
    return found


def _read_types(path: Path) -> Mapping[str, Mapping[str, TypeMapping]]:
    mappings = _modes(path, TypeMapping)
    for name, modes in mappings.items():
        for mode, mapping in modes.items():
            if not mapping.type and not mapping.name:
                text = f"{path.name}: schema error: {name}.{mode}: type is required"
                raise _fail(text, "schema", Place(path.name))
    return mappings


def _read_validations(path: Path) -> Mapping[str, Mapping[str, FunctionMapping]]:
    mappings = _modes(path, FunctionMapping)
    for name, modes in mappings.items():
        for mode, mapping in modes.items():
            if not mapping.name:
                text = f"{path.name}: schema error: {name}.{mode}: name is required"
                raise _fail(text, "schema", Place(path.name))
    return mappings


def _read_parameters(path: Path) -> Mapping[str, Parameters]:
    if not path.exists():
        return {}
    reader = Reader(path)
    found = {
        key: reader.structure(node, Parameters, f"'{key}' of {path.name}")
        for key, node in reader.pairs(reader.root(), path.name).items()
    }
    findings = [
        finding
        for parameters in found.values()
        for finding in lint.check_parameters(path.name, parameters)
    ]
    if findings:
        raise SpecificationError(_distinct(findings))
    return found


# --- specifications ----------------------------------------------------------------------------


def _read_specifications(folder: Path, suffix: str) -> list[Specification]:
    found: dict[str, Specification] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == suffix:
            spec = _read_specification(path)
            found[spec.name] = spec
    return list(found.values())


def _read_specification(path: Path) -> Specification:
    reader = Reader(path, _DECODE)
    root = reader.root()
    spec: Specification = reader.structure(root, Specification, path.name)
    spec.name = path.name[: -len(path.suffix)].removeprefix("+")
    spec.file = path.name
    for version, attributes in spec.attributes.items():
        if not _VERSION.fullmatch(version):
            raise reader.fail(f"attributes: invalid version '{version}'", root)
        del attributes
    rest_name = spec.model.rest_name if spec.model is not None else None
    if rest_name is not None and rest_name != spec.name:
        text = (
            f"{path.name}: declared rest_name '{rest_name}' must be identical to filename "
            "without extension"
        )
        raise _fail(text, "file-name", spec.place)
    return spec


def _check_spec(spec: Specification) -> None:
    """Refuse what makes linking impossible."""
    if spec.model is None:
        raise _fail(
            f"{spec.name}.spec: schema error: (root): model is required", "schema", spec.place
        )
    prefix = "unable to build attributes mapping: "
    for attributes in spec.attributes.values():
        names = [attribute.name for attribute in attributes]
        for attribute in attributes:
            if names.count(attribute.name) > 1:
                text = (
                    f"specification {spec.name} has more than one attribute named {attribute.name}"
                )
                raise _fail(prefix + text, "duplicate-attribute", attribute.place)
    _check_identifiers(spec, [a for v in spec.attributes.values() for a in v], prefix)
    targets = [relation.rest_name for relation in spec.relations]
    for relation in spec.relations:
        if targets.count(relation.rest_name) > 1:
            text = (
                "unable to build relations mapping: Specification has more than one child relation "
                f"pointing to {relation.rest_name}"
            )
            raise _fail(text, "duplicate-relation", relation.place)


def _check_identifiers(spec: Specification, attributes: list[Attribute], prefix: str = "") -> None:
    identifiers = [attribute for attribute in attributes if attribute.identifier]
    if len(identifiers) > 1:
        text = (
            f"{prefix}Specification {spec.name} has more than one identifier attributes: "
            f"At least {identifiers[0].name} and {identifiers[1].name}"
        )
        raise _fail(text, "several-identifiers", identifiers[1].place)


def _extend(spec: Specification, abstracts: Mapping[str, Specification]) -> None:
    """Give a specification what its abstracts have and it does not."""
    assert spec.model is not None  # noqa: S101 - checked before
    own_order = spec.default_order
    inherits_order = own_order[:1] != [NO_INHERIT]
    inherits_indexes = spec.indexes != [[NO_INHERIT]] and not spec.model.detached
    order: list[str] = []
    if spec.indexes == [[NO_INHERIT]]:
        spec.indexes = []
    for name in spec.model.extends:
        base = abstracts.get(name)
        if base is None:
            text = f"unable to find base spec '{name}' for spec '{spec.name}'"
            raise _fail(text, "unknown-base", spec.model.place)
        if inherits_order:
            order += base.default_order
        if inherits_indexes:
            spec.indexes += [list(index) for index in base.indexes]
        for version, attributes in base.attributes.items():
            mine = spec.attributes.setdefault(version, [])
            known = {attribute.name for attribute in mine}
            mine += [copy.deepcopy(a) for a in attributes if a.name not in known]
    spec.default_order = order + own_order if inherits_order else own_order[1:]
    _check_identifiers(spec, [a for v in spec.attributes.values() for a in v])


def _link(spec: Specification, specifications: Mapping[str, Specification]) -> None:
    for relation in spec.relations:
        if relation.rest_name not in specifications:
            text = f"unable to find related spec '{relation.rest_name}' for spec '{spec.name}'"
            raise _fail(text, "unknown-relation", relation.place)


def _map_parameters(spec: Specification, given: SpecificationSet, *, has_mapping: bool) -> None:
    """Append the shared parameters that actions ask for."""
    for _, action in lint._actions(spec):
        for key in action.global_parameters:
            shared = given.parameters.get(key)
            if shared is None:
                where = "" if has_mapping else ": there is no _parameter.mapping"
                text = f"unable to find global parameter key '{key}'{where}"
                raise _fail(text, "unknown-parameter", action.place)
            _append(action, shared)


def _append(action: Action, shared: Parameters) -> None:
    if action.parameters is None:
        action.parameters = Parameters(place=action.place)
    action.parameters.entries += copy.deepcopy(shared.entries)
    action.parameters.required += copy.deepcopy(shared.required)
