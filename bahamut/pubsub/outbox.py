"""`Outbox`: what is on its way to a server, in order, until the server has it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

Letter = tuple[str, bytes]
"""A subject and what is sent there."""


class Outbox:
    """A bounded queue whose head stays until it is confirmed.

    Beyond the bound `put` waits.

    Args:
        bound: letters it holds.
        size: bytes it holds; a letter that is larger waits until it is alone.
    """

    def __init__(self, bound: int, size: int) -> None:
        self._bound = bound
        self._size = size
        self._held = 0
        self._letters: deque[Letter] = deque()
        self._put = 0
        self._gone = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._letters)

    async def put(self, letter: Letter) -> None:
        """Add a letter, waiting while there is no room."""
        await self._until(lambda: self._has_room(len(letter[1])))
        self._letters.append(letter)
        self._held += len(letter[1])
        self._put += 1
        self._tell()

    def _has_room(self, size: int) -> bool:
        fits = len(self._letters) < self._bound and self._held + size <= self._size
        return fits or not self._letters

    async def head(self, limit: int, size: int) -> list[Letter]:
        """Wait for a letter and return up to *limit*, of about *size* bytes; they stay."""
        await self._until(lambda: bool(self._letters))
        found: list[Letter] = []
        for letter in self._letters:
            found.append(letter)
            size -= len(letter[1])
            if len(found) == limit or size <= 0:
                break
        return found

    def confirm(self, count: int) -> None:
        """Let the first *count* letters go: the server has them."""
        for _ in range(count):
            self._held -= len(self._letters.popleft()[1])
        self._gone += count
        self._tell()

    async def drained(self) -> None:
        """Wait until all that is here now has gone."""
        goal = self._put
        await self._until(lambda: self._gone >= goal)

    def abandon(self) -> int:
        """Throw away all letters and return their number."""
        count = len(self._letters)
        self.confirm(count)
        return count

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()

    def _tell(self) -> None:
        """Wake all who wait; each looks for itself whether its time has come."""
        self._changed.set()
        self._changed = asyncio.Event()
