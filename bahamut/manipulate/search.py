"""Searching objects in memory: in slices between which other tasks run, and within a budget.

The budget is counted in units of work (`bahamut.elemental.filters.cost`), so whether a query is
answered depends on the query and the objects and never on how busy the machine is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from bahamut.elemental.filters import FilterCostError, PreparedFilter
from bahamut.elemental.model import Model
from bahamut.manipulate.errors import QueryTimeoutError, TooExpensiveError

M = TypeVar("M", bound=Model)

BUDGET = 300_000_000
"""Units that one call may cost. Patterns are charged for the worst case, so most calls take a
hundredth of the seconds that this could be."""
SLICE = 100_000
"""Units after which other tasks run: about 5 ms."""
PREPARING = 40
"""How much more it costs to prepare a comparison than to make it once."""
_SLICE_SECONDS = 0.005
_OBJECT = 4
_ATTRIBUTE = 10


class Work:
    """What one call may still cost, and when it lets other tasks run.

    Args:
        budget: units that the call may cost.
        deadline: moment of `time.monotonic` behind which the call fails; 0 for none.
        turns: shared by all calls of a storage, so that only one of them works in each round of
            the event loop.
    """

    __slots__ = ("_deadline", "_left", "_resumed", "_since", "_turns")

    def __init__(self, budget: int, deadline: float, turns: asyncio.Lock) -> None:
        self._left = budget
        self._deadline = deadline
        self._turns = turns
        self._since = 0
        self._resumed = time.perf_counter()

    def spend(self, units: int) -> None:
        """Take *units* from the budget.

        Raises:
            TooExpensiveError: there are not so many left.
        """
        self._left -= units
        self._since += units
        if self._left < 0:
            raise too_expensive()

    async def pause(self) -> None:
        """Let other tasks run if enough work has been done since they last could.

        Raises:
            QueryTimeoutError: the deadline has passed.
        """
        if self._since >= SLICE:
            await self._rest()

    async def pause_by_clock(self) -> None:
        """Do the same where nobody can say beforehand what the work costs.

        Raises:
            QueryTimeoutError: the deadline has passed.
        """
        if time.perf_counter() - self._resumed > _SLICE_SECONDS:
            await self._rest()

    async def _rest(self) -> None:
        async with self._turns:
            await asyncio.sleep(0)
        self._since = 0
        self._resumed = time.perf_counter()
        if self._deadline and time.monotonic() > self._deadline:
            raise QueryTimeoutError


def too_expensive() -> TooExpensiveError:
    """Return the error for a query that costs more than it may."""
    return TooExpensiveError("The query costs too much: ask for less, or with a simpler filter")


class Conditions(NamedTuple):
    """What must hold of the objects that a query means, apart from their parent."""

    within: Callable[[Model], bool] | None
    """Whether an object is in the namespace; None for anywhere."""
    filter: PreparedFilter | None

    def hold(self, obj: Model) -> bool:
        """Tell whether they hold of one object.

        Raises:
            TooExpensiveError: the filter costs too much.
        """
        if self.within is not None and not self.within(obj):
            return False
        try:
            return self.filter is None or self.filter.matches(obj)
        except FilterCostError as error:
            raise too_expensive() from error


async def select(objects: list[M], conditions: Conditions, work: Work) -> list[M]:
    """Return the objects of which conditions hold, in their order.

    Args:
        objects: a snapshot; what is stored, changed or removed meanwhile makes no difference.
        conditions: what must hold.
        work: what that may cost.

    Raises:
        TooExpensiveError: it costs more.
        QueryTimeoutError: the deadline has passed.
    """
    if conditions.within is not None:
        objects = await _kept(objects, _OBJECT, conditions.within, work)
    if conditions.filter is None:
        return objects
    found: list[M] = []
    remaining = iter(objects)
    while not _look(remaining, conditions.filter, work, found):
        await work.pause()
    return found


async def _kept(objects: list[M], cost: int, test: Callable[[Model], bool], work: Work) -> list[M]:
    found: list[M] = []
    size = SLICE // cost
    for start in range(0, len(objects), size):
        part = objects[start : start + size]
        found += filter(test, part)
        work.spend(cost * len(part))
        await work.pause()
    return found


def _look(remaining: Iterator[M], prepared: PreparedFilter, work: Work, found: list[M]) -> bool:
    """Look at some of the remaining objects; tell whether these were all."""
    meter, limit, cost = prepared.meter, prepared.limit, prepared.cost + _OBJECT
    kind: type | None = None
    test: Any = None
    spent = 0
    try:
        for obj in remaining:
            if obj.__class__ is not kind:
                kind = obj.__class__
                test, _ = prepared.test_for(kind)
            meter.left = limit
            if test(obj.__dict__):
                found.append(obj)
            spent += cost + limit - meter.left
            if spent >= SLICE:
                work.spend(spent)
                return False
    except FilterCostError as error:
        raise too_expensive() from error
    work.spend(spent)
    return True


async def values_of(objects: Iterable[Model], wire: str, work: Work) -> list[Any]:
    """Return the values of an attribute."""
    values = [obj.__dict__.get(wire) for obj in objects]
    work.spend(_ATTRIBUTE * len(values))
    await work.pause()
    return values
