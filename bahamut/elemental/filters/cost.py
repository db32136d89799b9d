"""What filters may cost, counted in units of work and never in seconds.

The same filter applied to the same objects gets the same answer on every machine, however busy it
is. A unit is about 50 ns on a machine of today: one element of a list compared.
"""

from __future__ import annotations

from bahamut.elemental.filters.filter import FilterError

EVALUATION = 750_000
"""Units that a filter may cost for one object: about 50 ms at the most."""
COMPARISON = 4
"""Units of a comparison with a single value."""
MAX_VALUES = 10_000
"""Values in the text of a filter, those in lists of lists included."""
MAX_COMPARISONS = 4_000
"""Comparisons in the text of a filter."""

_SEARCH = 20
_SMALL_PROGRAM = 16


class FilterCostError(FilterError):
    """A filter costs more than it may: to read, to prepare or to apply."""


class Meter:
    """Counts down the work that an evaluation may still do."""

    __slots__ = ("left",)

    def __init__(self, units: int = EVALUATION) -> None:
        self.left = units

    def charge(self, units: int) -> None:
        """Take *units*; call it before the work is done.

        Raises:
            FilterCostError: there are not so many left.
        """
        self.left -= units
        if self.left < 0:
            raise FilterCostError("elemental: the filter is too expensive for such an object")


def search_cost(length: int, program: int) -> int:
    """Return the units of searching a text with a regular expression.

    The automaton of a small program always fits into memory, so RE2 reads each byte once. That of
    a larger one may not: then RE2 simulates all instructions at each byte, about 25 ns for each.

    Args:
        length: of the text, in bytes.
        program: the number of instructions of the expression.
    """
    if program <= _SMALL_PROGRAM:
        return _SEARCH + length // 4
    return _SEARCH + length * program * 2 // 5
