"""Typed query parameters: definitions, values, and combinations that are required."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType
from typing import Any

from bahamut._kit.gotime import parse_duration
from bahamut.elemental.dates import parse_date
from bahamut.elemental.errors import Error
from bahamut.elemental.query import SECRET

PARAMETER_TYPES = ("string", "integer", "float", "boolean", "enum", "time", "duration")

TRUE_WORDS = frozenset(("true", "yes", "on", "1"))
FALSE_WORDS = frozenset(("false", "no", "off", "0"))
_INTEGER = re.compile(r"[+-]?[0-9]+")
# No two neighbours of a pattern match the same text: what does not match fails in linear time.
_FLOAT = re.compile(
    r"[+-]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9_]+)?"
    r"|[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?|[nN][aA][nN])"
)
_HEX_FLOAT = re.compile(
    r"[+-]?0[xX](?:_?[0-9a-fA-F])*(?:\.(?:[0-9a-fA-F](?:_?[0-9a-fA-F])*)?)?[pP][+-]?[0-9]+"
)
_ZEROS: dict[str, Any] = {
    "string": "",
    "enum": "",
    "integer": 0,
    "float": 0.0,
    "boolean": False,
    "time": None,
    "duration": 0,
}
_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "enum": (str,),
    "integer": (int,),
    "float": (float,),
    "boolean": (bool,),
    "time": (datetime, NoneType),
    "duration": (int,),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """The values sent for one parameter, parsed (Go: elemental.Parameter).

    Each type has a pair of properties: the first value, else the default, else the zero value; and
    all values that were sent. Those of another type say nothing.

    They raise TypeError for a value that is not of the parameter's type, which only a parameter
    made by hand can hold.
    """

    type: str = ""
    values: list[Any] = field(default_factory=list)
    default: Any = None

    @property
    def value(self) -> Any:
        """The first value sent, else the default, else the zero value of the type."""
        if self.values:
            return self.values[0]
        return self.default if self.default is not None else _ZEROS.get(self.type)

    def _one(self, *types: str) -> Any:
        return _checked(self.value, self.type) if self.type in types else _ZEROS[types[0]]

    def _all(self, *types: str) -> list[Any]:
        if self.type not in types:
            return []
        return [_checked(value, self.type) for value in self.values]

    @property
    def string_value(self) -> str:
        """Of types string and enum."""
        return str(self._one("string", "enum"))

    @property
    def string_values(self) -> list[str]:
        """Of types string and enum."""
        return self._all("string", "enum")

    @property
    def int_value(self) -> int:
        """Of type integer."""
        return int(self._one("integer"))

    @property
    def int_values(self) -> list[int]:
        """Of type integer."""
        return self._all("integer")

    @property
    def float_value(self) -> float:
        """Of type float."""
        return float(self._one("float"))

    @property
    def float_values(self) -> list[float]:
        """Of type float."""
        return self._all("float")

    @property
    def bool_value(self) -> bool:
        """Of type boolean."""
        return bool(self._one("boolean"))

    @property
    def bool_values(self) -> list[bool]:
        """Of type boolean."""
        return self._all("boolean")

    @property
    def time_value(self) -> datetime | None:
        """Of type time; None for the zero time."""
        found: datetime | None = self._one("time")
        return found

    @property
    def time_values(self) -> list[datetime | None]:
        """Of type time."""
        return self._all("time")

    @property
    def duration_value(self) -> int:
        """Of type duration, in nanoseconds."""
        return int(self._one("duration"))

    @property
    def duration_values(self) -> list[int]:
        """Of type duration, in nanoseconds."""
        return self._all("duration")


def _checked(value: Any, type_: str) -> Any:
    kinds = _KINDS[type_]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"a parameter of type {type_} cannot hold {value!r}")
    return value


NOT_SENT = Parameter()


class Parameters(dict[str, Parameter]):
    """The declared parameters of a request, sent or not, by name (Go: elemental.Parameters)."""

    def get(self, name: str, default: Any = NOT_SENT) -> Parameter:
        """Return a parameter; one that was never declared says nothing."""
        found: Parameter = dict.get(self, name, default)
        return found

    def validate(self, requirement: ParametersRequirement) -> None:
        """Check that a required combination was sent (Go: Parameters.Validate).

        Raises:
            Error: it was not; defaults do not count.
        """
        for group in requirement.groups:
            if not any(all(self.get(n).values for n in names) for names in group):
                text = f"Missing Required parameters: `{requirement}`"
                raise Error("Bad Request", text, "elemental", 400)


@dataclass(frozen=True, slots=True)
class ParametersRequirement:
    """Which parameters must be sent together (Go: elemental.ParametersRequirement).

    Three levels: all of the groups, in each any of the alternatives, of each all of the names.
    """

    groups: tuple[tuple[tuple[str, ...], ...], ...] = ()

    @classmethod
    def of(cls, groups: Sequence[Sequence[Sequence[str]]]) -> ParametersRequirement:
        """Return the requirement that nested lists state."""
        return cls(tuple(tuple(tuple(names) for names in group) for group in groups))

    def __bool__(self) -> bool:
        return bool(self.groups)

    def __str__(self) -> str:
        several = len(self.groups) > 1
        texts = []
        for group in self.groups:
            names = [" and ".join(alternative) for alternative in group]
            text = " or ".join(f"({n})" for n in names) if len(group) > 1 else "".join(names)
            texts.append(f"({text})" if several else text)
        return " and ".join(texts)


NO_REQUIREMENT = ParametersRequirement()


@dataclass(frozen=True, slots=True)
class ParameterDefinition:
    """A parameter as a specification declares it (Go: elemental.ParameterDefinition)."""

    name: str
    type: str = "string"
    allowed_choices: tuple[str, ...] = ()
    default_value: str = ""
    """As text, parsed like what is sent."""
    multiple: bool = False
    """Whether it may be sent more than once."""

    def parse(self, values: Sequence[str] | None, *, is_secret: bool = False) -> Parameter:
        """Return the parameter that these texts make.

        Args:
            values: what was sent; nothing or None when it was not.
            is_secret: whether errors must not quote what was sent.

        Raises:
            Error: a text is not of the type, or several came and one is allowed.
            ValueError: the definition's own type is unknown.
        """
        if not values and not self.default_value:
            return Parameter(self.type)
        if values and len(values) > 1 and not self.multiple:
            raise _invalid(f"Parameter '{self.name}' must be sent only once")
        parsed = [self._parsed(value, is_secret=is_secret) for value in values or ()]
        if parsed or not self.default_value:
            return Parameter(self.type, parsed)
        return Parameter(self.type, [], self._parsed(self.default_value))

    def _parsed(self, text: str, *, is_secret: bool = False) -> Any:
        shown = SECRET if is_secret else text
        if self.type == "string":
            return text
        if self.type == "enum":
            if text not in self.allowed_choices:
                listed = ", ".join(self.allowed_choices)
                raise self._refusal(f"one of '{listed}'", shown)
            return text
        if self.type not in _PARSERS:
            raise ValueError(f"unknown parameter type: '{self.type}'")
        parse, expected = _PARSERS[self.type]
        try:
            return parse(text)
        except (ValueError, OverflowError):
            raise self._refusal(expected, shown) from None

    def _refusal(self, expected: str, text: str) -> Error:
        return _invalid(f"Parameter '{self.name}' must be {expected}, got '{text}'")


def _invalid(description: str) -> Error:
    return Error("Invalid Parameter", description, "elemental", 400)


def parse_integer(text: str) -> int:
    """Return the 64-bit integer of a text of digits.

    Raises:
        ValueError: it is none.
    """
    if not _INTEGER.fullmatch(text) or len(text) > 4000:
        raise ValueError("not an integer")
    value = int(text)
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError("not an integer of 64 bits")
    return value


def parse_float(text: str) -> float:
    """Return the number of a text as Go reads it.

    Raises:
        ValueError: it is none, or out of range.
    """
    if _HEX_FLOAT.fullmatch(text):
        return float.fromhex(text.replace("_", ""))
    if text[:1] in ("+", "-") and text[1:2] in ("n", "N"):
        raise ValueError("not a float")
    if not _FLOAT.fullmatch(text):
        raise ValueError("not a float")
    value = float(text)  # which refuses underscores that separate no digits
    if value in (float("inf"), float("-inf")) and text.lstrip("+-")[:1] not in "iI":
        raise ValueError("out of range")
    return value


def parse_boolean(text: str) -> bool:
    """Return the truth of a word: true yes on 1, false no off 0, in any case.

    Raises:
        ValueError: it is another word.
    """
    word = text.lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError("not a boolean")


def _declared_boolean(text: str) -> bool:
    return parse_boolean(text) if text else False


_PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "integer": (parse_integer, "an integer"),
    "float": (parse_float, "a float"),
    "boolean": (_declared_boolean, "a boolean"),
    "duration": (parse_duration, "a valid duration"),
    "time": (parse_date, "a valid date"),
}
