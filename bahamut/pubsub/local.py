"""Publish and subscribe within one process, by the rules of NATS."""

from __future__ import annotations

import asyncio
import itertools

from bahamut.pubsub.base import LATE, Client, PubSubClient, Waiter, prepared
from bahamut.pubsub.errors import NoRespondersError, NotConnectedError
from bahamut.pubsub.options import PubSubOptPublish
from bahamut.pubsub.publication import Publication, ResponseMode
from bahamut.pubsub.subscription import Subscription
from bahamut.pubsub.topics import matches
from bahamut.supervisor import RunContext


class LocalPubSubClient(Client):
    """Hands publications to the subscriptions of the same client (Go: NewLocalPubSubClient).

    Every subscription has a queue of its own, so a slow one keeps nobody else waiting. Publishing
    works as soon as the client is made, until it is disconnected.
    """

    def __init__(self) -> None:
        super().__init__()
        self._closed = False
        self._turns: dict[str, int] = {}
        self._replies = itertools.count(1)

    def connect(self, ctx: RunContext | None = None, *, timeout: float | None = None) -> Waiter:
        """Open the client, again if it was disconnected."""

        async def open_() -> None:
            self._closed = False

        return Waiter(asyncio.ensure_future(open_()))

    async def disconnect(self) -> None:
        """End every subscription; what waits in one can still be read."""
        self._closed = True
        await self._end_all()

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - the original's argument
        """Raise NotConnectedError once it is disconnected."""
        if self._closed:
            raise NotConnectedError("connection closed")

    async def publish(
        self, publication: Publication, *options: PubSubOptPublish
    ) -> Publication | None:
        """Publish; see `PubSubClient.publish`."""
        if self._closed:
            raise NotConnectedError("connection closed")
        config = prepared(publication, options)
        recipients = self._recipients(publication.topic)
        if config.response_mode is ResponseMode.NONE:
            for subscription in recipients:
                subscription.offer(publication.duplicate())
            # A publisher that never waits would leave its subscribers no time to read; what is
            # published together they may take together.
            if any(subscription.is_behind for subscription in recipients):
                await asyncio.sleep(0)
            return None
        if not recipients:
            raise NoRespondersError("no responders available for request")
        answer: asyncio.Future[Publication | None] = asyncio.get_running_loop().create_future()
        for subscription in recipients:
            self._ask(subscription, publication.duplicate(), answer)
        try:
            async with asyncio.timeout(config.timeout):
                response = await answer
                if response is not None and config.responses is not None:
                    await config.responses.put(response)
        except TimeoutError:
            raise TimeoutError(LATE) from None
        return response

    def _ask(
        self,
        subscription: Subscription,
        publication: Publication,
        answer: asyncio.Future[Publication | None],
    ) -> None:
        """Hand over a publication whose publisher waits; the first answer counts."""

        async def respond(response: Publication) -> None:
            if not answer.done():
                answer.set_result(response)

        is_ack = publication.response_mode is ResponseMode.ACK
        if not is_ack and not subscription.is_full:
            subscription.expect_reply(publication, respond, f"_INBOX.{next(self._replies)}")
        if subscription.offer(publication) and is_ack and not answer.done():
            answer.set_result(None)

    def _recipients(self, topic: str) -> list[Subscription]:
        """Return who wants *topic*: all on their own, and one of each queue group in turn."""
        found: list[Subscription] = []
        groups: dict[str, list[Subscription]] = {}
        for subscription in self._subscriptions:
            if matches(subscription.topic, topic):
                group = subscription.config.queue
                (groups.setdefault(group, []) if group else found).append(subscription)
        for group, members in groups.items():
            turn = self._turns[group] = self._turns.get(group, -1) + 1
            found.append(members[turn % len(members)])
        return found

    async def _close(self, subscription: Subscription) -> None:
        await super()._close(subscription)
        group = subscription.config.queue
        if all(each.config.queue != group for each in self._subscriptions):
            self._turns.pop(group, None)


def new_local_pubsub_client() -> PubSubClient:
    """Return a client whose publications stay in this process (Go: NewLocalPubSubClient)."""
    return LocalPubSubClient()
