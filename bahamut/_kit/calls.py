"""What users implement: whether it can be called as we call it, what it returns, its name."""

from __future__ import annotations

import inspect
import types
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


def is_coroutine_function(function: object) -> bool:
    """Tell whether calling *function* is known to return an awaitable.

    Partial functions, objects with a coroutine ``__call__``, classes whose instances are awaitable,
    and wrappers made with `functools.wraps` are seen through.
    """
    while isinstance(function, partial):
        function = function.func
    if isinstance(function, type):
        return hasattr(function, "__await__")
    if not callable(function):
        return False
    seen: list[object] = [function]
    try:
        seen.append(inspect.unwrap(function))
    except ValueError:  # it wraps itself
        return False
    if not inspect.isroutine(function):
        seen.append(type(function).__call__)
    return any(inspect.iscoroutinefunction(one) for one in seen)


def may_return_awaitable(function: object) -> bool:
    """Tell whether calling *function* may return an awaitable, as far as can be known.

    A lambda, a wrapper around a coroutine function, and what is no Python function may.
    """
    if is_coroutine_function(function):
        return True
    plain = _plain(function)
    if not isinstance(plain, types.FunctionType):
        return callable(function) and not isinstance(function, type)
    if plain.__name__ == "<lambda>":
        return True
    return any(is_coroutine_function(held) for held in _held(plain))


def is_generator(function: object) -> bool:
    """Tell whether calling *function* runs none of it, because it is a generator function."""
    plain = _plain(function)
    if inspect.isasyncgenfunction(plain):
        return True
    if not inspect.isgeneratorfunction(plain):
        return False
    return not plain.__code__.co_flags & inspect.CO_ITERABLE_COROUTINE  # of types.coroutine


def accepts(function: object, count: int) -> bool:
    """Tell whether *function* can be called with *count* arguments; True if that is unknown."""
    if not callable(function):
        return False
    try:  # what a wrapper takes decides, not what it wraps
        signature = inspect.signature(function, follow_wrapped=False)
    except (ValueError, TypeError):
        return True
    try:
        signature.bind(*(None,) * count)
    except TypeError:
        return False
    return True


def _plain(function: object) -> object:
    """Return the function behind partial functions, bound methods and callable objects."""
    while isinstance(function, partial):
        function = function.func
    is_object = not inspect.isroutine(function) and not isinstance(function, type)
    if is_object and callable(function):
        function = type(function).__call__
    return getattr(function, "__func__", function)


def _held(function: types.FunctionType) -> list[object]:
    """Return what a closure holds."""
    held = []
    for cell in function.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # empty as yet
            continue
    return held
