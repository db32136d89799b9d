"""What every client of publish and subscribe is, and what they share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Generator
from typing import Any, Protocol, runtime_checkable

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import cancel_and_wait
from bahamut.pubsub.errors import NotConnectedError
from bahamut.pubsub.options import (
    PublishConfig,
    PubSubOptPublish,
    PubSubOptSubscribe,
    SubscribeConfig,
)
from bahamut.pubsub.publication import Publication
from bahamut.pubsub.subscription import Subscription
from bahamut.pubsub.topics import check_pattern, check_topic
from bahamut.supervisor import RunContext

log = get_logger(__name__)

LATE = "context deadline exceeded"
"""What a TimeoutError of `publish` says, in the original's words."""

FEED_PATIENCE = 1.0
"""Seconds that a full queue has at the stop to be read."""

_PLAINLY = PublishConfig()

Unsubscribe = Callable[[], "asyncio.Future[None]"]
"""Ends a subscription. It may be awaited, and called again."""


class Waiter:
    """An attempt to connect that has begun (Go: Waiter).

    Awaiting it waits until the client is connected and raises what keeps it from it; cancelling
    who awaits it cancels the attempt.
    """

    def __init__(self, attempt: asyncio.Task[None]) -> None:
        self._attempt = attempt

    def __await__(self) -> Generator[Any, None, None]:
        return self._join().__await__()

    async def _join(self) -> None:
        try:
            await self._attempt
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if waiting is not None and waiting.cancelling():
                raise
            # The attempt was ended, by `disconnect` for instance; not who waits for it.
            raise NotConnectedError("the attempt to connect was given up") from None

    async def wait(self, timeout: float) -> bool:  # noqa: ASYNC109 - the original's argument
        """Tell whether the client is connected within *timeout* seconds (Go: Waiter.Wait).

        If it is not, the attempt is over.
        """
        await asyncio.wait((self._attempt,), timeout=timeout)
        if not self._attempt.done():
            await cancel_and_wait(self._attempt)
        return not self._attempt.cancelled() and self._attempt.exception() is None


@runtime_checkable
class PubSubClient(Protocol):
    """Publishes, and lets listen (Go: PubSubClient)."""

    @property
    def dropped(self) -> int:
        """Publications that were lost here, of all subscriptions and on their way out."""
        ...

    def connect(self, ctx: RunContext | None = None, *, timeout: float | None = None) -> Waiter:
        """Begin to connect; awaiting the result waits until it is done.

        Args:
            ctx: ends the attempt when it is cancelled.
            timeout: seconds after which the attempt ends.

        Raises:
            NotConnectedError: of the waiter: the attempt has ended in vain.
        """
        ...

    async def disconnect(self) -> None:
        """Send what is to be sent and end every subscription; a second call changes nothing."""
        ...

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - the original's argument
        """Raise unless there is a working connection.

        Raises:
            NotConnectedError: there is none.
            TimeoutError: it does not answer within *timeout* seconds.
        """
        ...

    async def publish(
        self, publication: Publication, *options: PubSubOptPublish
    ) -> Publication | None:
        """Publish; return the response if one was asked for.

        Raises:
            ValueError: its topic cannot be published on, or options contradict each other.
            NotConnectedError: there is no connection.
            NoRespondersError: an answer was asked for and nobody listens.
            TimeoutError: it did not come in time.
            PubSubError: it could not be sent, or what came is no answer.
        """
        ...

    def subscribe(self, topic: str, *options: PubSubOptSubscribe) -> Subscription:
        """Return a subscription, to be entered.

        Raises:
            ValueError: *topic* cannot be subscribed to.
        """
        ...

    async def subscribe_queue(
        self,
        publications: asyncio.Queue[Publication],
        errors: asyncio.Queue[Exception],
        topic: str,
        *options: PubSubOptSubscribe,
    ) -> Unsubscribe:
        """Subscribe as the original does: what comes is put in queues.

        Args:
            publications: gets the publications; while it is full, they wait in the subscription.
            errors: gets its errors, also that the topic cannot be subscribed to; one for which
                there is no room is only logged.
            topic: what to listen to.
            options: how.

        Returns:
            What ends it.
        """
        ...


class Client:
    """What clients share: options, checks, and the set of their subscriptions."""

    def __init__(self) -> None:
        self._subscriptions: dict[Subscription, None] = {}
        self._feeds: dict[asyncio.Task[None], Subscription] = {}
        self._endings: set[asyncio.Task[None]] = set()
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Publications that were lost here, of all subscriptions and on their way out."""
        return self._dropped + sum(each.dropped for each in self._subscriptions)

    def subscribe(self, topic: str, *options: PubSubOptSubscribe) -> Subscription:
        """Return a subscription, to be entered.

        Raises:
            ValueError: *topic* cannot be subscribed to.
        """
        check_pattern(topic)
        config = functools.reduce(lambda made, option: option(made), options, SubscribeConfig())
        return Subscription(topic, config, self._open, self._close)

    async def subscribe_queue(
        self,
        publications: asyncio.Queue[Publication],
        errors: asyncio.Queue[Exception],
        topic: str,
        *options: PubSubOptSubscribe,
    ) -> Unsubscribe:
        """Subscribe as the original does; see `PubSubClient.subscribe_queue`."""

        def report(error: Exception) -> None:
            if not errors.full():  # all errors are logged
                errors.put_nowait(error)

        loop = asyncio.get_running_loop()
        try:
            subscription = self.subscribe(topic, *options)
        except ValueError as error:
            log.error("Subscription to '%s': %s", topic, error)  # noqa: TRY400 - it says it all
            report(error)
            return functools.partial(_done, loop)
        subscription.on_error = report
        await subscription.__aenter__()  # until it is unsubscribed
        feeding = asyncio.create_task(subscription.feed(publications))
        self._feeds[feeding] = subscription

        async def end() -> None:
            self._feeds.pop(feeding, None)
            await subscription.close()
            await cancel_and_wait(feeding)

        ending: list[asyncio.Task[None]] = []

        def unsubscribe() -> asyncio.Future[None]:
            if not ending:
                ending.append(loop.create_task(end()))
                self._endings.add(ending[0])
                ending[0].add_done_callback(self._endings.discard)
            return asyncio.shield(ending[0])

        return unsubscribe

    # --- for the clients ---------------------------------------------------------------------

    async def _open(self, subscription: Subscription) -> None:
        if subscription.ended:
            raise NotConnectedError("the subscription has ended")
        self._subscriptions[subscription] = None

    async def _close(self, subscription: Subscription) -> None:
        if self._subscriptions.pop(subscription, False) is None:
            self._dropped += subscription.dropped

    async def _end_all(self) -> None:
        """End all subscriptions; what they hold can be read still, or goes to their queues."""
        for subscription in list(self._subscriptions):
            subscription.end()
            self._dropped += subscription.dropped
        self._subscriptions.clear()
        await asyncio.gather(*self._endings)
        feeds, self._feeds = self._feeds, {}
        if feeds:
            await asyncio.wait(feeds, timeout=FEED_PATIENCE)
            await cancel_and_wait(*feeds)
        for subscription in feeds.values():
            if subscription.waiting:
                self._dropped += subscription.waiting
                log.error("%d publications were not read at the stop", subscription.waiting)


def prepared(
    publication: Publication | None, options: tuple[PubSubOptPublish, ...]
) -> PublishConfig:
    """Return how *publication* is to be sent, which it then says itself.

    Raises:
        ValueError: there is none, its topic cannot be published on, or options contradict.
    """
    if publication is None:
        raise ValueError("publication cannot be nil")
    config = _PLAINLY
    for option in options:
        config = option(config)
    publication.response_mode = config.response_mode
    check_topic(publication.topic)
    return config


def _done(loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
    future: asyncio.Future[None] = loop.create_future()
    future.set_result(None)
    return future
