"""How large work shares the event loop: a worker thread for most of it, slices for the rest."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from functools import partial
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from bahamut._kit.workers import Workers

P = ParamSpec("P")
T = TypeVar("T")

_EMPTY: dict[str, Any] = {}
_SCALARS = frozenset((bool, int, float, type(None), datetime))
SLICE = 0.01
"""Seconds of uninterrupted work after which other tasks get a turn."""


def is_overdue(since: float) -> bool:
    """Return whether a slice of work that began at *since* (`time.perf_counter`) is over."""
    return perf_counter() - since > SLICE


async def breathe(since: float) -> float:
    """Let other tasks run if the slice is over, and return when the current slice began."""
    if perf_counter() - since <= SLICE:
        return since
    await asyncio.sleep(0)
    return perf_counter()


_WORKER = Workers("bahamut large", maximum=1, waiting=sys.maxsize)
"""One thread: the work holds the GIL, and every further thread makes the loop wait longer for it.
What waits belongs to an open request, to a session or to the hub, each of which waits for one call
at a time. The thread is a daemon: users' marshallers and validators run in it, too, and one that
does not return must not hold up the end of the process."""


async def here(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function* and return its result: what `in_worker` does, for small work."""
    return function(*args, **kwargs)


async def in_worker(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call *function* in the worker thread for large work and return its result.

    Calls run one at a time. A call whose caller is cancelled does not start.

    Raises:
        Exception: whatever *function* raises.
    """
    return await _WORKER.run(partial(function, *args, **kwargs))


def is_large(value: Any, limit: int) -> bool:
    """Return whether *value* weighs more than *limit*; the walk ends as soon as it does.

    Every value weighs 1, and texts and bytes another 1 for each 64 characters. What an object
    weighs is what its ``__dict__`` holds.
    """
    weight, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        kind = each.__class__
        if kind is dict:
            weight += sum(map(len, each)) >> 6 if len(each) <= limit else limit
            parts = each.values()
        elif kind is list or kind is tuple:
            parts = each
        elif kind is str or kind is bytes:
            weight += len(each) >> 6
            parts = ()
        else:
            parts = getattr(each, "__dict__", _EMPTY).values()
        weight += 1 + len(parts)
        if weight > limit:
            return True
        for part in parts:  # most are scalars: they are not put into the list
            kind = part.__class__
            if kind is str:
                weight += len(part) >> 6
            elif kind not in _SCALARS:
                waiting.append(part)
    return weight > limit
