"""One function per rule: each returns an `Error` for a value it refuses, else None.

The wording is the original's and part of the interface: clients match it. That bounds which
include themselves say "less than" and those which do not "less or equal than" is the original's
slip, kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bahamut._kit.gotime import to_seconds
from bahamut.elemental.errors import Error
from bahamut.elemental.patterns import is_match

VALIDATION_ERROR = "Validation Error"
_EXPONENT_FROM = 6


def validation_error(attribute: str, description: str) -> Error:
    """Return a validation error about *attribute*: 422."""
    data = {"attribute": attribute} if attribute else None
    return Error(VALIDATION_ERROR, description, "elemental", 422, data)


MAX_SHOWN = 16 * 1024
"""Characters of a value that errors show."""


def too_many_errors(maximum: int) -> Error:
    """Return the error that stands for those beyond the first *maximum*."""
    return validation_error("", f"Validation stopped after {maximum} errors")


def _shown(value: Any) -> str:
    text = format_value(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _is_required(attribute: str) -> Error:
    return validation_error(attribute, f"Attribute '{attribute}' is required")


def validate_required_string(attribute: str, value: str) -> Error | None:
    """Refuse an empty text (Go: ValidateRequiredString)."""
    return _is_required(attribute) if value == "" else None


def validate_required_int(attribute: str, value: int) -> Error | None:
    """Refuse zero (Go: ValidateRequiredInt)."""
    return _is_required(attribute) if value == 0 else None


def validate_required_float(attribute: str, value: float) -> Error | None:
    """Refuse zero (Go: ValidateRequiredFloat)."""
    return _is_required(attribute) if value == 0 else None


def validate_required_time(attribute: str, value: datetime | None) -> Error | None:
    """Refuse the zero time (Go: ValidateRequiredTime)."""
    return _is_required(attribute) if value is None else None


def validate_required_external(attribute: str, value: Any) -> Error | None:
    """Refuse what is empty or zero (Go: ValidateRequiredExternal)."""
    return _is_required(attribute) if is_zero(value) else None


def _bound(attribute: str, value: float, words: str, limit: float, unit: str = "") -> Error:
    shown = format_number(value)
    text = (
        f"Data '{shown}' of attribute '{attribute}' should be {words} {format_number(limit)}{unit}"
    )
    return validation_error(attribute, text)


def validate_maximum_int(
    attribute: str, value: int, maximum: int, *, exclusive: bool = False
) -> Error | None:
    """Refuse more than *maximum* (Go: ValidateMaximumInt)."""
    if exclusive:
        return _bound(attribute, value, "less or equal than", maximum) if value >= maximum else None
    return _bound(attribute, value, "less than", maximum) if value > maximum else None


def validate_minimum_int(
    attribute: str, value: int, minimum: int, *, exclusive: bool = False
) -> Error | None:
    """Refuse less than *minimum* (Go: ValidateMinimumInt)."""
    if exclusive:
        too_small = value <= minimum
        return _bound(attribute, value, "greater or equal than", minimum) if too_small else None
    return _bound(attribute, value, "greater than", minimum) if value < minimum else None


def validate_maximum_float(
    attribute: str, value: float, maximum: float, *, exclusive: bool = False
) -> Error | None:
    """Refuse more than *maximum* (Go: ValidateMaximumFloat)."""
    value, maximum = float(value), float(maximum)
    if exclusive:
        return _bound(attribute, value, "less or equal than", maximum) if value >= maximum else None
    return _bound(attribute, value, "less than", maximum) if value > maximum else None


def validate_minimum_float(
    attribute: str, value: float, minimum: float, *, exclusive: bool = False
) -> Error | None:
    """Refuse less than *minimum* (Go: ValidateMinimumFloat)."""
    value, minimum = float(value), float(minimum)
    if exclusive:
        too_small = value <= minimum
        return _bound(attribute, value, "greater or equal than", minimum) if too_small else None
    return _bound(attribute, value, "greater than", minimum) if value < minimum else None


def validate_maximum_length(
    attribute: str, value: str, maximum: int, *, exclusive: bool = False
) -> Error | None:
    """Refuse more than *maximum* code points (Go: ValidateMaximumLength)."""
    too_long = len(value) >= maximum if exclusive else len(value) > maximum
    words = "less or equal than" if exclusive else "less than"
    return _length(attribute, value, words, maximum) if too_long else None


def validate_minimum_length(
    attribute: str, value: str, minimum: int, *, exclusive: bool = False
) -> Error | None:
    """Refuse fewer than *minimum* code points (Go: ValidateMinimumLength)."""
    too_short = len(value) <= minimum if exclusive else len(value) < minimum
    words = "greater or equal than" if exclusive else "greater than"
    return _length(attribute, value, words, minimum) if too_short else None


def _length(attribute: str, value: str, words: str, limit: int) -> Error:
    shown = _shown(value)
    text = f"Data '{shown}' of attribute '{attribute}' should be {words} {limit} chars long"
    return validation_error(attribute, text)


def validate_pattern(
    attribute: str, value: str, pattern: str, message: str, *, required: bool = False
) -> Error | None:
    """Refuse a text in which *pattern* is not found (Go: ValidatePattern).

    Args:
        attribute: name of the attribute.
        value: the text.
        pattern: regular expression of RE2.
        message: what the error says after the attribute.
        required: whether an empty text is looked at too.
    """
    if (not value and not required) or is_match(pattern, value):
        return None
    return validation_error(
        attribute, f"Data '{_shown(value)}' of attribute '{attribute}' {message}"
    )


def validate_string_in_list(
    attribute: str, value: str, choices: Sequence[str], *, autogenerated: bool = False
) -> Error | None:
    """Refuse what is none of *choices* (Go: ValidateStringInList).

    An empty text passes when the attribute is *autogenerated*.
    """
    if value in choices or (autogenerated and value == ""):
        return None
    return _not_in_list(attribute, value, choices)


def validate_int_in_list(attribute: str, value: int, choices: Sequence[int]) -> Error | None:
    """Refuse what is none of *choices* (Go: ValidateIntInList)."""
    return None if value in choices else _not_in_list(attribute, value, choices)


def validate_float_in_list(attribute: str, value: float, choices: Sequence[float]) -> Error | None:
    """Refuse what is none of *choices* (Go: ValidateFloatInList)."""
    if value in choices:
        return None
    return _not_in_list(attribute, float(value), [float(choice) for choice in choices])


def _not_in_list(attribute: str, value: Any, choices: Iterable[Any]) -> Error:
    listed = " ".join(format_value(choice) for choice in choices)
    shown = _shown(value)
    text = f"Data '{shown}' of attribute '{attribute}' is not in list '[{listed}]'"
    return validation_error(attribute, text)


def validate_string_in_map(
    attribute: str, value: str, choices: Mapping[str, Any], *, autogenerated: bool = False
) -> Error | None:
    """Refuse what is no key of *choices* (Go: ValidateStringInMap)."""
    if value in choices or (autogenerated and value == ""):
        return None
    return _not_in_map(attribute, value, choices)


def validate_int_in_map(attribute: str, value: int, choices: Mapping[int, Any]) -> Error | None:
    """Refuse what is no key of *choices* (Go: ValidateIntInMap)."""
    return None if value in choices else _not_in_map(attribute, value, choices)


def validate_float_in_map(
    attribute: str, value: float, choices: Mapping[float, Any]
) -> Error | None:
    """Refuse what is no key of *choices* (Go: ValidateFloatInMap)."""
    if value in choices:
        return None
    return _not_in_map(attribute, float(value), {float(k): v for k, v in choices.items()})


_GO_TYPES = {bool: "bool", int: "int", float: "float64", str: "string"}
_VERBS = {str: "s", int: "d", float: "g"}


def _not_in_map(attribute: str, value: Any, choices: Mapping[Any, Any]) -> Error:
    kind = type(value)
    listed = " ".join(f"{format_value(k)}:{_as(kind, choices[k])}" for k in sorted(choices))
    shown = _shown(value)
    text = f"Data '{shown}' of attribute '{attribute}' is not in map 'map[{listed}]'"
    return validation_error(attribute, text)


def _as(kind: type, value: Any) -> str:
    """Return a value as Go prints it with the verb of another kind; clients match even that."""
    if value is None:
        return "<nil>"
    if type(value) is kind:
        return format_value(value)
    return f"%!{_VERBS[kind]}({_GO_TYPES.get(type(value), 'any')}={format_value(value)})"


def format_value(value: Any) -> str:
    """Return a text, a boolean or a number as Go prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_number(value) if isinstance(value, int | float) else str(value)


def format_number(value: float) -> str:
    """Return a number as Go's ``%d`` and ``%g`` print it."""
    if isinstance(value, int):
        return str(value)
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    shortest = repr(abs(value))
    sign = "-" if str(value).startswith("-") else ""
    mantissa, _, exponent = shortest.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0").rstrip("0") or "0"
    leading = len(whole) - 1 if whole != "0" else -1 - (len(fraction) - len(fraction.lstrip("0")))
    power = 0 if value == 0 else leading + int(exponent or 0)
    if power < -4 or power >= _EXPONENT_FROM:
        rest = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{rest}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{sign}{abs(value):.{max(len(digits) - 1 - power, 0)}f}"


def is_zero(value: Any) -> bool:
    """Tell whether *value* says nothing: None, empty, zero or false (Go: IsZero)."""
    if value is None:
        return True
    if isinstance(value, str | bytes | list | tuple | dict | bool | int | float):
        return not value
    values = getattr(value, "ATTRIBUTES", None)
    if values is not None:
        return all(is_zero(item) for item in value.__dict__.values())
    return False


def equal(one: Any, other: Any) -> bool:
    """Tell whether two attribute values are the same; times are, to the second.

    Go: areFieldValuesEqual.
    """
    if is_zero(one) and is_zero(other):
        return True
    if isinstance(one, datetime) and isinstance(other, datetime):
        return to_seconds(one)[0] == to_seconds(other)[0]
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(v, other[k]) for k, v in one.items())
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return bool(one == other)
