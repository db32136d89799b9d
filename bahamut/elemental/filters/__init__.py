"""Filters: conditions on objects, as a tree, as text, and applied."""

from bahamut.elemental.filters.cost import FilterCostError
from bahamut.elemental.filters.filter import (
    Comparator,
    Comparison,
    Duration,
    Filter,
    FilterComposer,
    FilterError,
    Group,
    filter_composer,
)
from bahamut.elemental.filters.matcher import MatcherError, PreparedFilter, compile_filter, matches
from bahamut.elemental.filters.parser import parse

__all__ = [
    "Comparator",
    "Comparison",
    "Duration",
    "Filter",
    "FilterComposer",
    "FilterCostError",
    "FilterError",
    "Group",
    "MatcherError",
    "PreparedFilter",
    "compile_filter",
    "filter_composer",
    "matches",
    "parse",
]
