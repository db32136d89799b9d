"""What mappings of mode ``python`` name: types of values, classes, functions (decision X37)."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

from bahamut.elemental.shapes import decoder_of, parse_annotation
from bahamut.regolithe.references import MODE
from bahamut.regolithe.spec import (
    Attribute,
    Finding,
    FunctionMapping,
    ModelSection,
    Place,
    SpecificationSet,
    TypeMapping,
)


class Imports:
    """Imports what the mappings of a set name, and collects what cannot be.

    Args:
        given: the set.
    """

    def __init__(self, given: SpecificationSet) -> None:
        self.given = given
        self.findings: list[Finding] = []

    def functions(
        self, holder: Attribute | ModelSection, what: str
    ) -> tuple[Callable[..., None], ...]:
        """Return the validation functions of an attribute or a model.

        Args:
            holder: the attribute or model.
            what: it is called in messages.
        """
        found: list[Callable[..., None]] = []
        mappings = self.given.validations
        if mappings is None:
            return ()
        for name in holder.validations:
            modes = mappings.get(name)
            if modes is None:
                text = (
                    f"unable to apply validation mapping '{name}' to {what}: no function '{name}' "
                    f"found in type mapping mode {MODE}"
                )
                self._wrong(text, "unknown-validation", holder.at("validations"))
                continue
            function = self._imported(modes.get(MODE))
            if function is not None:
                found.append(function)
        return tuple(found)

    def external(self, attribute: Attribute, *, has_init: bool) -> dict[str, Any]:
        """Return how the values of an external type are checked, and the first of them.

        Args:
            attribute: of that type.
            has_init: whether the mapping's first value is wanted.
        """
        if self.given.types is None:
            return {}
        modes = self.given.types.get(attribute.subtype)
        if modes is None:
            what = f"'{attribute.subtype}' to attribute '{attribute.name}'"
            text = f"unable to apply type mapping {what}"
            self._wrong(text, "unknown-type", attribute.at("subtype"))
            return {}
        mapping = modes.get(MODE)
        if mapping is None:
            return {}
        found, decode = self._decoder(mapping)
        if decode is None:
            return found
        try:
            if mapping.init and has_init:
                found |= {"default": decode(json.loads(mapping.init)), "has_default": False}
            elif attribute.default_value is not None:
                found["default"] = decode(attribute.default_value)
        except (ValueError, TypeError, RecursionError) as error:
            text = f"first value of type '{attribute.subtype}': {error}"
            self._wrong(text, "bad-default", mapping.at("init"))
        return found

    def _decoder(self, mapping: TypeMapping) -> tuple[dict[str, Any], Callable[[Any], Any] | None]:
        """Return what checks the values: fields of an attribute, and a function."""
        if mapping.name:
            codec = self._imported(mapping)
            if codec is None:
                return {}, None
            for needed in ("from_wire",) if _is_encodable(codec) else ("from_wire", "to_wire"):
                if not callable(getattr(codec, needed, None)):
                    text = f"{mapping.import_}.{mapping.name} has no {needed}"
                    self._wrong(text, "bad-import", mapping.at("name"))
            return {"codec": codec}, getattr(codec, "from_wire", None)
        try:
            decode = decoder_of(parse_annotation(mapping.type))
        except (ValueError, TypeError) as error:
            self._wrong(str(error), "bad-annotation", mapping.at("type"))
            return {}, None
        return {"annotation": mapping.type}, lambda value: decode(value, "")

    def _imported(self, mapping: FunctionMapping | TypeMapping | None) -> Any:
        """Return what a mapping names; None if it does not say where that is, or it is not."""
        if mapping is None or not mapping.import_:
            return None
        try:
            found: Any = importlib.import_module(mapping.import_)
            for part in mapping.name.split("."):
                found = getattr(found, part)
        except (ImportError, AttributeError, ValueError, TypeError) as error:
            text = f"cannot import {mapping.name} from {mapping.import_}: {error}"
            self._wrong(text, "bad-import", mapping.at("import"))
            return None
        if not callable(found):
            text = f"{mapping.import_}.{mapping.name} is no function and no class"
            self._wrong(text, "bad-import", mapping.at("name"))
            return None
        return found

    def _wrong(self, message: str, rule: str, place: Place) -> None:
        finding = Finding(message, rule, place)
        if finding not in self.findings:
            self.findings.append(finding)


def _is_encodable(codec: Any) -> bool:
    """Tell whether the encoders know the values of a class as they are."""
    return isinstance(codec, type) and issubclass(codec, str | bytes | int | float | dict | list)
