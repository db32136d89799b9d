"""What the tables share: rows, the objects they speak of, and the tally of how they compare.

A row is equal to ours, or differs by a decision that a rule recognises in the row's own content, or
has failed. The rows come from the folder named by BAHAMUT_GOLDEN; the specification sets that they
speak of always from the tests' own copy.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bahamut import regolithe
from bahamut._kit.gotime import parse_rfc3339
from bahamut.elemental import Error, Errors, Model, Registry
from bahamut.elemental.encoding import encode
from bahamut.regolithe.spec import FunctionMapping, TypeMapping
from tests.golden import replay

OWN = Path(__file__).parents[2] / "golden" / "data"
GOLDEN = Path(os.environ.get("BAHAMUT_GOLDEN") or OWN)
SETS = {
    "workshop": OWN / "specs",
    "library": OWN / "regolithe" / "sets" / "library",
    "zoo": OWN / "regolithe" / "sets" / "zoo",
}
JSON, MSGPACK = "application/json", "application/msgpack"

Rule = Callable[[dict[str, Any], Any], str | None]
"""Gets a row and what ours makes of it; returns the decision that explains the difference."""


_FRACTION = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d*?)0+([+-]\d\d:\d\d)$")


def meaning(data: bytes, kind: str) -> Any:
    """Return what bytes say; zeros that end a fraction of a second say nothing (X36)."""
    return _shortened(replay.meaning(data, kind))


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return _FRACTION.sub(r"\1\2", value)
    if isinstance(value, list | tuple):
        return type(value)(_shortened(item) for item in value)
    return "NaN" if value != value else value


def readable(data: bytes | None, encoding: str) -> Any:
    """Return what bytes mean, or the bytes when they mean nothing."""
    try:
        return meaning(data or b"", MSGPACK if encoding == MSGPACK else JSON)
    except (ValueError, IndexError, RecursionError):
        return data


def inner_read(form: Any) -> Any:
    """Return a form in which the entity's bytes are what they mean, for X36."""
    if not isinstance(form, tuple) or form[0] != "map":
        return form
    pairs = [(k, readable(v, MSGPACK) if isinstance(v, bytes) else v) for k, v in form[1]]
    return ("map", pairs)


def rows(name: str) -> Iterator[dict[str, Any]]:
    with (GOLDEN / name).open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


class Tally:
    """Counts how the rows of a file compare."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.equal = 0
        self.decided: Counter[str] = Counter()
        self.failed: list[str] = []

    def add(self, row: dict[str, Any], ours: Any, theirs: Any, *rules: Rule) -> None:
        if ours == theirs:
            self.equal += 1
            return
        for rule in rules:
            decision = rule(row, ours)
            if decision is not None:
                self.decided[decision] += 1
                return
        shown = json.dumps(row, ensure_ascii=False)[:400]
        self.failed.append(
            f"{row['case']}: ours {ours!r:.300}, theirs {theirs!r:.300}\n    {shown}"
        )

    @property
    def total(self) -> int:
        """Rows that were added."""
        return self.equal + sum(self.decided.values()) + len(self.failed)

    def close(self) -> None:
        by_decision = ", ".join(f"{n} by {d}" for d, n in sorted(self.decided.items()))
        print(f"{self.name}: {self.equal} of {self.total} equal; {by_decision or 'no difference'}")
        assert not self.failed, f"{len(self.failed)} rows of {self.name}:\n" + "\n".join(
            self.failed[:12]
        )


class Blob(bytes):
    """Go's []byte: base64 in JSON, binary data in MessagePack."""

    @classmethod
    def from_wire(cls, value: Any) -> Blob:
        return cls(value if isinstance(value, bytes) else base64.b64decode(value, validate=True))

    def copy(self) -> Blob:
        return self


PYTHON_TYPES = {
    "blob": TypeMapping(name="Blob", import_=__name__),
    "string_map": TypeMapping(type="dict[str, str]", init="{}"),
    "tree": TypeMapping(type="dict[str, Any]"),
}
PYTHON_VALIDATIONS = {"$nospace": FunctionMapping(name="no_space", import_="tests.golden.checks")}


@functools.cache
def registry(name: str) -> Registry:
    """Return the registry of a set, with the mappings of mode python that some lack."""
    given = regolithe.load(SETS[name])
    for mappings, ours in (given.types, PYTHON_TYPES), (given.validations, PYTHON_VALIDATIONS):
        for key, modes in (mappings or {}).items():
            if key in ours:
                modes.setdefault("python", ours[key])
    return regolithe.build_registry(given)


def all_models() -> tuple[type[Model], ...]:
    """Return every class with attributes of every set."""
    return tuple(
        model
        for name in SETS
        for model in (*registry(name).models(), *registry(name).detached.values())
        if model.ATTRIBUTES
    )


def model_of(kind: str) -> type[Model]:
    """Return the class of `task`, `library.book`…"""
    name, _, rest_name = kind.rpartition(".")
    found = registry(name or "workshop")
    for key, model in found.detached.items():
        if key.lower() == rest_name.lower():
            return model
    return found.model(rest_name)


def text_of(value: Any) -> Any:
    """Return bytes for `{"base64": …}`, anything else as it is."""
    if isinstance(value, dict) and set(value) == {"base64"}:
        return base64.b64decode(value["base64"])
    return value


def data_of(value: Any) -> bytes:
    found = text_of(value)
    return found if isinstance(found, bytes) else found.encode("utf-8", "surrogatepass")


def golden_object(given: dict[str, Any], *, sparse: bool = False) -> Model:
    """Return the object that a row describes.

    Raises:
        DecodeError: its JSON is what ours refuses.
    """
    model = model_of(given["type"])
    made = model.SPARSE() if sparse else model()
    if given.get("json"):
        type(made).update_from_wire(made, json.loads(given["json"]))
    for name, value in given.get("hidden", {}).items():
        made.__dict__[made.WIRE_NAMES[name]] = value
    return made


def shown(made: Model) -> dict[str, Any]:
    """Return the form in which rows show an object, comparable."""
    hidden = {
        spec.name: made.__dict__[spec.wire]
        for spec in made.ATTRIBUTES
        if not spec.exposed and made.__dict__.get(spec.wire)
    }
    return {"json": meaning(encode(JSON, made), JSON), "hidden": hidden}


def as_shown(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "json": meaning(json.dumps(given["json"]).encode(), JSON),
        "hidden": given.get("hidden", {}),
    }


def wire_errors(error: Error | Errors | None) -> list[dict[str, Any]] | None:
    """Return errors as rows list them."""
    if error is None:
        return None
    listed = error if isinstance(error, Errors) else Errors(error)
    return [each.to_json() for each in listed]


def typed(value: Any) -> Any:  # noqa: C901, PLR0911 - one return for each kind
    """Return the value of `{"int": 1}`, `{"list": […]}`…"""
    if not isinstance(value, dict):
        return value
    if "pointer" in value:
        return typed(value["pointer"])
    if "time" in value:
        return parse_rfc3339(value["time"])
    for key in (
        "string",
        "int",
        "int8",
        "int16",
        "int32",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    ):
        if key in value:
            found = text_of(value[key])
            is_bytes = isinstance(found, bytes)
            return found.decode("utf-8", "surrogateescape") if is_bytes else found
    if "float" in value or "float32" in value:
        return float(value.get("float") or value["float32"])
    if "list" in value:
        return [typed(item) for item in value["list"]]
    if "map" in value:
        return {key: typed(item) for key, item in value["map"].items()}
    if "duration" in value:
        return value["duration"]
    if "bytes" in value:
        return base64.b64decode(value["bytes"])
    return None
