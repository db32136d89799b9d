"""`Publisher`: events into publications, without what clients must not see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import ParamSpec, TypeVar

from bahamut._kit.turns import breathe, in_worker, is_large
from bahamut.config import Config
from bahamut.elemental.encoding import MSGPACK
from bahamut.elemental.event import Event
from bahamut.elemental.model import Model
from bahamut.elemental.secrecy import without_secrets
from bahamut.interfaces import PushPublishHandler
from bahamut.pubsub import Publication
from bahamut.push.outgoing import Models, is_large_event, scrubbed

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

LARGE_OBJECT = 4096
"""Weight (`is_large`) beyond which an object is encoded in the worker thread."""
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
        self.lost = 0
        """Events that could not be published."""

    async def push(self, *events: Event) -> None:
        """Publish events in their order; what cannot be is logged and counted (Go: Push)."""
        since = perf_counter()
        for event in events:
            await self._push(event, self._models.of(event))
            since = await breathe(since)

    async def push_object(self, kind: str, obj: Model) -> None:
        """Publish that something has just happened to an object."""
        try:
            make = in_worker if is_large(obj, LARGE_OBJECT) else _here
            event = await make(_event, kind, obj)
        except ValueError:
            self.lost += 1
            log.exception("A %s event of %s is lost", kind, obj.identity)
            return
        await self._push(event, None)

    async def _push(self, event: Event, model: type[Model] | None) -> None:
        """Publish one event; that of a *model* may still hold secrets."""
        try:
            if self._handler is None or await _is_published(event, self._handler):
                clean = in_worker if is_large_event(event) else _here
                await self._publish(await clean(scrubbed, event, model))
        except Exception:
            self.lost += 1
            log.exception("%s is lost", event)

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
            except Exception as error:
                if attempt == len(PAUSES):
                    raise
                log.warning("%s: publishing failed, once more: %s", event, error)
            else:
                return


async def _here(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return function(*args, **kwargs)


def _event(kind: str, obj: Model) -> Event:
    return Event.new(kind, without_secrets(obj), timestamp=datetime.now(UTC))


async def _is_published(event: Event, handler: PushPublishHandler) -> bool:
    try:
        return bool(await handler.should_publish(event))
    except Exception:
        log.exception("The publish handler failed: %s is not published", event)
        return False
