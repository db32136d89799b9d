"""What may be asked for when something is published or subscribed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from bahamut.pubsub.publication import Publication, ResponseMode
from bahamut.pubsub.topics import check_group

BOUND = 24_000
"""Publications that wait for one subscriber; beyond, the newest is dropped (decision X22)."""
BEHIND = 16
"""Publications that may wait before a publisher in the same process lets subscribers run."""


@dataclass(frozen=True, slots=True)
class PublishConfig:
    """How one publication is sent."""

    response_mode: ResponseMode = ResponseMode.NONE
    timeout: float = 10.0
    """Seconds to wait for an answer."""
    responses: asyncio.Queue[Publication] | None = None
    """Gets the response too."""

    def asking(self, mode: ResponseMode, seconds: float) -> PublishConfig:
        """Return the same, but waiting for an answer.

        Raises:
            ValueError: an answer is waited for already, or there is no time to wait.
        """
        if self.response_mode is not ResponseMode.NONE:
            already = f"request mode has already been set to {self.response_mode}"
            raise ValueError(f"illegal option: {already}")
        return replace(self, response_mode=mode, timeout=_seconds(seconds))


@dataclass(frozen=True, slots=True)
class SubscribeConfig:
    """How one subscription receives."""

    queue: str = ""
    """Its queue group."""
    reply_timeout: float = 60.0
    """Seconds in which a publication can be replied to."""


PubSubOptPublish = Callable[[PublishConfig], PublishConfig]
"""An option of `publish` (Go: PubSubOptPublish)."""
PubSubOptSubscribe = Callable[[SubscribeConfig], SubscribeConfig]
"""An option of `subscribe` (Go: PubSubOptSubscribe)."""


def nats_opt_publish_require_ack(*, timeout: float = 10.0) -> PubSubOptPublish:
    """Wait until a subscriber's client has received it (Go: NATSOptPublishRequireAck).

    Args:
        timeout: seconds to wait; `publish` raises TimeoutError then.

    Raises:
        ValueError: there is no time to wait; or, of `publish`, an answer is waited for already.
    """
    _seconds(timeout)
    return lambda c: c.asking(ResponseMode.ACK, timeout)


def nats_opt_respond_to_channel(
    queue: asyncio.Queue[Publication] | None = None, *, timeout: float = 10.0
) -> PubSubOptPublish:
    """Wait for a subscriber's response; `publish` returns it (Go: NATSOptRespondToChannel).

    Args:
        queue: gets the response too, within the same time.
        timeout: seconds to wait; `publish` raises TimeoutError then.

    Raises:
        ValueError: there is no time to wait; or, of `publish`, an answer is waited for already.
    """
    _seconds(timeout)
    return lambda c: replace(c.asking(ResponseMode.PUBLICATION, timeout), responses=queue)


def nats_opt_subscribe_queue(group: str) -> PubSubOptSubscribe:
    """Share what comes with the other subscriptions of *group* (Go: NATSOptSubscribeQueue).

    Raises:
        ValueError: *group* cannot be the name of a queue group.
    """
    check_group(group)
    return lambda c: replace(c, queue=group)


def nats_opt_subscribe_reply_timeout(seconds: float) -> PubSubOptSubscribe:
    """Allow *seconds* to reply to a publication; 60 without this option.

    Go: NATSOptSubscribeReplyTimeout.

    Raises:
        ValueError: *seconds* are none.
    """
    _seconds(seconds)
    return lambda c: replace(c, reply_timeout=seconds)


def _seconds(given: float) -> float:
    if not given > 0:
        raise ValueError("illegal argument: a time to wait must be longer than 0 seconds")
    return given
