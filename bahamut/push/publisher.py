"""`Publisher`: events into publications, without what clients must not see."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from bahamut._kit.calls import decided
from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, failure, log_failure
from bahamut._kit.turns import breathe, here, in_worker
from bahamut.config import Config
from bahamut.elemental.encoding import MSGPACK
from bahamut.elemental.event import Event
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.pieces import is_slow
from bahamut.elemental.secrecy import without_secrets
from bahamut.interfaces import PushPublishHandler
from bahamut.pubsub import Publication, TooLargeError
from bahamut.push.losses import INVALID, UNPUBLISHED, Losses
from bahamut.push.outgoing import Models, is_large_event, scrubbed

log = get_logger(__name__)

PAUSES = (0.0, 0.05, 0.25)
"""Seconds before each attempt to publish; then the event is lost."""


class Publisher:
    """Publishes events, each for itself (decision X20).

    Args:
        config: read here, once.
        models: the classes that events can be about.
    """

    def __init__(self, config: Config, models: Models) -> None:
        assert config.push.client is not None  # noqa: S101 - made only where there is one
        self._client = config.push.client
        self._topic = config.push.topic
        self._has_hierarchies = config.push.has_hierarchies
        self._handler = config.push.publish_handler
        self._models = models
        self._losses = Losses(config.health.metrics)

    @property
    def lost(self) -> int:
        """Events that could not be published."""
        return self._losses.counts.total()

    async def push(self, *events: Event) -> None:
        """Publish events in their order; what cannot be is logged and counted (Go: Push)."""
        since = perf_counter()
        for event in events:
            await self._push(event, self._models.of(event))
            since = await breathe(since)

    async def push_object(self, kind: str, obj: Model) -> None:
        """Publish that something has just happened to an object."""
        try:
            make = in_worker if is_slow(obj) else here
            event = await make(_event, kind, obj)
        except Exception as error:  # noqa: BLE001 - logged; the operation itself went well
            text = "A %s event of %s is lost"
            self._losses.drop(INVALID, text, kind, obj.identity, exc_info=error)
            return
        # Just encoded from an object without secrets; a handler may change the event.
        await self._push(event, None, is_clean=self._handler is None)

    async def _push(
        self, event: Event, model: type[Model] | None, *, is_clean: bool = False
    ) -> None:
        """Publish one event.

        Args:
            event: what happened.
            model: class of its object, None if there is nothing in it to hide.
            is_clean: whether its object needs no check.
        """
        try:
            if self._handler is None or await _is_published(event, self._handler):
                if not is_clean:
                    clean = in_worker if is_large_event(event) else here
                    event = await clean(scrubbed, event, model)
                await self._publish(event)
        except DecodeError as error:
            self._losses.drop(INVALID, "%s is lost: %s", event, error)
        except FAILURES as error:
            self._losses.drop(UNPUBLISHED, "%s is lost", event, exc_info=failure(error))

    async def _publish(self, event: Event) -> None:
        topic = self._topic
        if self._has_hierarchies:
            topic = f"{topic}.{event.identity}.{event.type}"
        publication = Publication(topic, event.to_bytes(MSGPACK), encoding=MSGPACK)
        for attempt, pause in enumerate(PAUSES, 1):
            if pause:
                await asyncio.sleep(pause)
            try:
                await self._client.publish(publication)
            except (TooLargeError, ValueError):
                raise  # it would fail again
            except Exception as error:
                if attempt == len(PAUSES):
                    raise
                log.warning("%s: publishing failed, once more: %s", event, error)
            else:
                return


def _event(kind: str, obj: Model) -> Event:
    return Event.new(kind, without_secrets(obj), timestamp=datetime.now(UTC))


async def _is_published(event: Event, handler: PushPublishHandler) -> bool:
    try:
        return decided(await handler.should_publish(event), handler.should_publish)
    except FAILURES as error:
        log_failure(log, error, "The publish handler failed: %s is not published", event)
        return False
