"""`Subscription`: what one subscriber has received and not read yet, bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Self

from bahamut._kit.logs import LimitedLog, get_logger
from bahamut.pubsub.errors import OverflowedError
from bahamut.pubsub.options import BEHIND, BOUND, SubscribeConfig
from bahamut.pubsub.publication import Publication, ReplySlot

log = get_logger(__name__)

MAX_ERRORS = 100


class Subscription:
    """Publications on a topic, in their order: a context manager and an iterator.

    Entering it subscribes, leaving it ends it; both work before the client connects. Of `BOUND`
    publications that wait, the newest is dropped and counted.

    Args:
        topic: what it listens to; ``*`` and ``>`` are wildcards.
        config: how.
        opening: what the client does when it is entered.
        closing: what the client does when it ends.
    """

    def __init__(
        self,
        topic: str,
        config: SubscribeConfig,
        opening: Callable[[Subscription], Awaitable[None]],
        closing: Callable[[Subscription], Awaitable[None]],
    ) -> None:
        self.topic = topic
        self.config = config
        self.dropped = 0
        """Publications lost because too many waited."""
        self.errors: deque[Exception] = deque(maxlen=MAX_ERRORS)
        """What went wrong; the newest `MAX_ERRORS` of it."""
        self.on_error: Callable[[Exception], None] | None = None
        """Called with each error as it happens."""
        self.unreadable = 0
        """Messages that were no publication."""
        self.on_unreadable: Callable[[], None] | None = None
        """Called for each of them."""
        self._log = LimitedLog(log, f"Subscription to '{topic}'")
        self._unanswered: deque[tuple[float, ReplySlot]] = deque()
        """Publications that may still be replied to, and until when by the clock of the loop."""
        self._expiry: asyncio.TimerHandle | None = None
        self._opening = opening
        self._closing = closing
        self._waiting: deque[Publication] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._overflowing = False

    # --- the subscriber's side ---------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self._opening(self)
        except BaseException:
            await self.close()  # nobody else would
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening; a second call changes nothing. What waits can still be read."""
        if not self._ended:
            self.end()
            await self._closing(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Publication:
        taken = await self.take(1)
        if not taken:
            raise StopAsyncIteration
        return taken[0]

    async def take(self, limit: int) -> list[Publication]:
        """Wait for a publication and return up to *limit* that are there, in order.

        The list is empty when the subscription has ended and all has been read.
        """
        while not self._waiting:
            if self._ended:
                return []
            self._news.clear()
            await self._news.wait()
        count = min(max(limit, 1), len(self._waiting))
        return [self._waiting.popleft() for _ in range(count)]

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    # --- the client's side -------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How many publications wait."""
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether the next publication would be dropped."""
        return len(self._waiting) >= BOUND

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that the publisher should let the subscriber run."""
        return len(self._waiting) >= BEHIND

    def offer(self, publication: Publication) -> bool:
        """Add a publication; return whether there was room."""
        if self._ended:
            return False
        if self.is_full:
            self.drop(1)
            return False
        self._overflowing = False
        self._waiting.append(publication)
        self._news.set()
        return True

    def drop(self, count: int) -> None:
        """Count publications that there was no room for; the first of a row is an error."""
        self.dropped += count
        if not self._overflowing:
            self._overflowing = True
            self.report(
                OverflowedError(
                    f"subscription to '{self.topic}' is too slow: {BOUND} publications wait"
                )
            )

    def report(self, error: Exception) -> None:
        """Note that something went wrong; at most one error a second is logged."""
        self._log.write("Subscription to '%s': %s", self.topic, error)
        self.errors.append(error)
        if self.on_error is not None:
            self.on_error(error)

    def refuse(self, error: Exception) -> None:
        """Count a message that is no publication: anybody may send one, so it is no error here."""
        self.unreadable += 1
        self._log.write("Message for '%s' dropped: %s", self.topic, error)
        if self.on_unreadable is not None:
            self.on_unreadable()

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True
        self._news.set()

    def expect_reply(
        self,
        publication: Publication,
        send: Callable[[Publication], Awaitable[None]],
        subject: str,
    ) -> None:
        """Let *publication* be replied to, for as long as is configured.

        Of more than `BOUND` that wait for a reply, the oldest expires early.
        """
        slot = publication.reply_slot = ReplySlot(send, subject)
        loop, waiting = asyncio.get_running_loop(), self._unanswered
        while waiting and (waiting[0][1].replied or len(waiting) >= BOUND):
            self._expire(waiting.popleft()[1])
        waiting.append((loop.time() + self.config.reply_timeout, slot))
        if self._expiry is None:
            self._expiry = loop.call_at(waiting[0][0], self._expire_due, loop)

    def _expire_due(self, loop: asyncio.AbstractEventLoop) -> None:
        """Expire what has waited long enough; all wait equally long, so the oldest comes first."""
        self._expiry, waiting = None, self._unanswered
        while waiting and (waiting[0][1].replied or waiting[0][0] <= loop.time()):
            self._expire(waiting.popleft()[1])
        if waiting:
            self._expiry = loop.call_at(waiting[0][0], self._expire_due, loop)

    def _expire(self, slot: ReplySlot) -> None:
        if not slot.replied:
            slot.expired = True
            text = "timed out waiting for response to send to subscriber on NATS subject"
            self.report(TimeoutError(f"{text}: {slot.subject}"))

    async def feed(self, publications: asyncio.Queue[Any]) -> None:
        """Move what comes to a queue until all is over; while that is full, it waits here."""
        async for publication in self:
            try:
                await publications.put(publication)
            except asyncio.CancelledError:
                self._waiting.appendleft(publication)
                raise
