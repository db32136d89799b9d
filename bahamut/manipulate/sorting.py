"""Sorting objects by several attributes without holding the event loop.

Keys are made in slices, and each attribute is sorted by in one step of C. Long texts get numbers
first, because comparing texts with a long common beginning again and again would take too long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from bahamut._kit.gotime import to_seconds
from bahamut.elemental.model import Model
from bahamut.manipulate.errors import InvalidQueryError
from bahamut.manipulate.search import Work, values_of

M = TypeVar("M", bound=Model)

_KEYS = 2_000
_LONG = 256
_COMPARED = 50_000_000
"""Characters that one step of sorting compares at the most."""
_OTHERS = 1_024
"""Characters of the text form of lists and mappings by which they are sorted."""


async def ordered(found: list[M], model: type[Model], order: Sequence[str], work: Work) -> list[M]:
    """Sort by attributes; what is equal stays in order of the identifier.

    Unset values come first, then numbers, texts, times and others; lists and mappings by the first
    1024 characters of their text form.

    Args:
        found: objects of *model*.
        model: knows the attributes.
        order: their names, ``-`` in front for descending.
        work: what that may cost.

    Raises:
        InvalidQueryError: there is no such attribute.
        TooExpensiveError: it costs more than it may.
        QueryTimeoutError: the deadline has passed.
    """
    is_descending: dict[str, bool] = {}
    for name in order:
        wire = model.WIRE_NAMES.get(name.removeprefix("-"))
        if wire is None:
            raise InvalidQueryError(f"Unknown attribute '{name.removeprefix('-')}' to order by")
        is_descending.setdefault(wire, name.startswith("-"))  # a second time says nothing new
    if not is_descending:
        return found
    found = sorted(found, key=lambda obj: obj.identifier)
    for wire, reverse in reversed(is_descending.items()):
        keys = await _keys(await values_of(found, wire, work), work)
        places = sorted(range(len(found)), key=keys.__getitem__, reverse=reverse)
        found = [found[place] for place in places]
        work.spend(10 * len(found))
        await work.pause()
    return found


async def _keys(values: list[Any], work: Work) -> Sequence[Any]:
    """Return what values are compared by."""
    kinds = set(map(type, values))
    if str in kinds:
        longest = max([len(value) for value in values if isinstance(value, str)])
        if longest > _LONG:
            return await _keys_of_long_texts(values, work)
    if len(kinds) == 1 and kinds <= {str, int, float}:
        return values
    keys: list[tuple[Any, ...]] = []
    for start in range(0, len(values), _KEYS):
        for value in values[start : start + _KEYS]:
            key = _key(value)
            keys.append(key)
            if key[0] == _LAST:  # what has to be written to be compared
                work.spend(20 + len(key[1]))
                await work.pause_by_clock()
        work.spend(10 * min(_KEYS, len(values) - start))
        await work.pause()
    return keys


_LAST = 4


def _key(value: Any) -> tuple[Any, ...]:
    if value is None:
        return (0,)
    if isinstance(value, datetime):
        return (3, *to_seconds(value))
    if isinstance(value, int | float):
        return (1, value)
    if isinstance(value, str):
        return (2, str(value))
    return (_LAST, str(value)[:_OTHERS])


async def _keys_of_long_texts(values: list[Any], work: Work) -> Sequence[Any]:
    """Return the keys of values, with the rank of each text among the texts in its place."""
    places = [place for place, value in enumerate(values) if isinstance(value, str)]
    ranks = await _ranks([values[place] for place in places], work)
    others = await _keys([None if isinstance(v, str) else v for v in values], work)
    keys = [key if isinstance(key, tuple) else (1, key) for key in others]
    for place, rank in zip(places, ranks, strict=True):
        keys[place] = (2, rank)
    return keys


async def _ranks(texts: list[str], work: Work) -> list[int]:
    """Return numbers that are in the same order as the texts.

    Texts are sorted by their first characters, those that are equal so far by the next ones.
    """
    ranks = [0] * len(texts)
    rank = 0
    waiting: list[tuple[list[int], int]] = [(list(range(len(texts))), 0)]
    while waiting:
        members, start = waiting.pop()
        if start < 0 or len(members) == 1:
            for member in members:
                ranks[member] = rank
            rank += 1
            continue
        size = max(_LONG, _COMPARED // (len(members) * len(members).bit_length()))
        pieces = [(texts[member][start : start + size], member) for member in members]
        pieces.sort()
        runs = list(_runs(pieces))
        # A piece that ends before its size is the end of all texts that are equal so far.
        waiting += [(run, start + size if length == size else -1) for run, length in runs[::-1]]
        work.spend(len(members) * (10 + size // 100))
        await work.pause_by_clock()
    return ranks


def _runs(pieces: list[tuple[str, int]]) -> Iterator[tuple[list[int], int]]:
    """Yield the members whose pieces are equal, and the length of the piece."""
    run: list[int] = []
    before = ""
    for piece, member in pieces:
        if run and piece != before:
            yield run, len(before)
            run = []
        before = piece
        run.append(member)
    if run:
        yield run, len(before)
