"""The small files of a set: ``regolithe.ini``, ``_api.info`` and the three mappings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bahamut.regolithe.ini import parse_ini
from bahamut.regolithe.lint import check_parameters
from bahamut.regolithe.reader import MAX_SIZE, Reader
from bahamut.regolithe.spec import (
    APIInfo,
    Finding,
    FunctionMapping,
    Parameters,
    Place,
    SpecificationError,
    TypeMapping,
)

_REQUIRED_KEYS = {"regolithe": ("product_name",), "transformer": ("name", "version")}


def read_config(path: Path) -> dict[str, dict[str, str]]:
    """Read ``regolithe.ini``.

    Raises:
        SpecificationError: it cannot be read, or lacks a required key.
    """
    config = parse_ini(_ini_text(path), path.name)
    for section, keys in _REQUIRED_KEYS.items():
        if section not in config:
            raise _ini_error(path, f'section "{section}" does not exist')
        for key in keys:
            if key not in config[section]:
                text = f'error when getting key of section "{section}": key "{key}" not exists'
                raise _ini_error(path, text)
    return config


def _ini_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
            if len(data) > MAX_SIZE:
                raise _ini_error(path, f"{path.name} is larger than {MAX_SIZE} bytes")
            return data.decode()
    except OSError as error:
        raise _ini_error(path, f"{path.name} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise _ini_error(path, f"{path.name} is not UTF-8") from None


def _ini_error(path: Path, message: str) -> SpecificationError:
    return SpecificationError([Finding(message, "ini", Place(path.name))])


def read_api(path: Path) -> APIInfo:
    """Read ``_api.info``; zero and empty count as missing.

    Raises:
        SpecificationError: it is wrong.
    """
    reader = Reader(path)
    info: APIInfo = reader.structure(reader.root(), APIInfo, "")
    reader.check()
    _raise(
        _schema(path.name, "(root)", f"{name} is required", info.at(name))
        for name in ("prefix", "root", "version")
        if not getattr(info, name)
    )
    return info


def read_types(path: Path) -> dict[str, dict[str, TypeMapping]]:
    """Read ``_type.mapping``; a mapping says a type or, for Python, the name of a class.

    Raises:
        SpecificationError: it is wrong.
    """
    found: dict[str, dict[str, TypeMapping]] = _read_modes(path, TypeMapping)
    _raise(_missing(path.name, found, "type", "name"))
    return found


def read_validations(path: Path) -> dict[str, dict[str, FunctionMapping]]:
    """Read ``_validation.mapping``.

    Raises:
        SpecificationError: it is wrong.
    """
    found: dict[str, dict[str, FunctionMapping]] = _read_modes(path, FunctionMapping)
    _raise(_missing(path.name, found, "name"))
    return found


def read_parameters(path: Path) -> dict[str, Parameters]:
    """Read ``_parameter.mapping``.

    Raises:
        SpecificationError: it is wrong.
    """
    reader = Reader(path)
    found: dict[str, Parameters] = reader.read(reader.root(), dict[str, Parameters], "")
    reader.check()
    _raise(null_findings(reader, path.name))
    _raise(f for parameters in found.values() for f in check_parameters(path.name, parameters))
    return found


def null_findings(reader: Reader, name: str) -> list[Finding]:
    """Return a finding for each entry that is null and must not be.

    Args:
        reader: that met them.
        name: of the file, as messages have it.
    """
    return [
        _schema(name, path, f"Invalid type. Expected: {expected}, given: null", place)
        for path, expected, place in reader.nulls
    ]


def _read_modes(path: Path, kind: Any) -> Any:
    """Read a mapping by name, by mode, of structures."""
    reader = Reader(path)
    found = reader.read(reader.root(), dict[str, dict[str, kind]], "")
    reader.check()
    _raise(null_findings(reader, path.name))
    return found


def _missing(
    file: str, mappings: Mapping[str, Mapping[str, Any]], *names: str
) -> Iterator[Finding]:
    for name, modes in mappings.items():
        for mode, mapping in modes.items():
            if not any(getattr(mapping, each) for each in names):
                text = f"{names[0]} is required"
                yield _schema(file, f"{name}.{mode}", text, mapping.place)


def _schema(file: str, path: str, message: str, place: Place) -> Finding:
    return Finding(f"{file}: schema error: {path}: {message}", "schema", place)


def _raise(findings: Iterable[Finding]) -> None:
    found = list(findings)
    if found:
        raise SpecificationError(found)
