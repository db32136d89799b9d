"""What users implement: its name in errors and logs, and the check of what it returns."""

from __future__ import annotations

from functools import partial


def name_of(function: object) -> str:
    """Return the name of a function, a bound method or an object, for errors and logs."""
    while isinstance(function, partial):
        function = function.func
    name = getattr(function, "__qualname__", None)
    return name if isinstance(name, str) else type(function).__qualname__


def shown(value: object) -> str:
    """Return *value* if it is None or a boolean, else its type: other values may be secret."""
    if value is None or isinstance(value, bool):
        return repr(value)
    return f"a value of type {type(value).__qualname__}"


def decided(answer: object, function: object) -> bool:
    """Return what *function* decided.

    Raises:
        TypeError: it is neither True nor False; a true or false value of another type is a mistake.
    """
    if answer is True or answer is False:
        return answer
    raise TypeError(f"{name_of(function)} must return True or False, not {shown(answer)}")
