"""Filters rewritten so that applying them costs less."""

from __future__ import annotations

from bahamut.elemental.filters.filter import Comparator, Comparison, Filter, Group

_ALTERNATIVES = (Comparator.EQUAL, Comparator.IN, Comparator.CONTAINS)


def merged(condition: Filter) -> Filter:
    """Return an equivalent filter that tests each attribute of an ``or`` group once.

    ``a == 1 or a == 2 or b == 3`` becomes ``a in [1, 2] or b == 3``: a look-up in a set takes the
    place of one comparison per value.
    """
    if all(isinstance(slot, Comparison) for slot in condition.slots):
        return condition
    slots = [_merged_group(slot) if isinstance(slot, Group) else slot for slot in condition.slots]
    return Filter(tuple(slots), condition.depth)


def _merged_group(group: Group) -> Group:
    members = [merged(member) for member in group.members]
    if group.word != "or":
        return Group(group.word, tuple(members))
    by_key: dict[str, list[Comparison]] = {}
    parts: list[Filter | list[Comparison]] = []  # in the order of the filter
    for member in members:
        only = member.slots[0] if len(member.slots) == 1 else None
        if not isinstance(only, Comparison) or not _is_alternative(only):
            parts.append(member)
        elif only.key in by_key:
            by_key[only.key].append(only)
        else:
            parts.append(by_key.setdefault(only.key, [only]))
    joined = [Filter((_joined(part),)) if isinstance(part, list) else part for part in parts]
    return Group("or", tuple(joined))


def _is_alternative(slot: Comparison) -> bool:
    """Tell whether a comparison holds if the attribute is, or contains, one of its values."""
    is_flat = not any(isinstance(value, tuple) for value in slot.values)
    return slot.comparator in _ALTERNATIVES and is_flat


def _joined(same: list[Comparison]) -> Comparison:
    if len(same) == 1:
        return same[0]
    values = tuple(value for slot in same for value in slot.values)
    return Comparison(same[0].key, Comparator.IN, values)
