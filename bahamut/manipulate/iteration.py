"""`iterate`: pages as one stream."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

from bahamut.elemental.model import Model
from bahamut.manipulate.base import EVERYTHING, Manipulator, Query

M = TypeVar("M", bound=Model)

BLOCK = 1000


async def iterate(
    manipulator: Manipulator, model: type[M], query: Query = EVERYTHING, *, block: int = BLOCK
) -> AsyncIterator[M]:
    """Yield all objects that a query means, a block at a time (Go: manipulate.Iter).

    Args:
        manipulator: where they are kept.
        model: their class.
        query: which ones; its paging is replaced.
        block: how many are fetched at once.
    """
    after = ""
    while True:
        page = await manipulator.retrieve_many(
            model, replace(query, page=0, page_size=0, after=after, limit=block)
        )
        for item in page.items:
            yield item
        if not page.next:
            return
        after = page.next
