"""Publish and subscribe over NATS.

What is published stays in an outbox until the server has answered a ping behind it. What was not
confirmed when a connection was lost is sent again over the next: it may arrive twice, and nothing
is lost unheard. After a reconnection it waits a moment, until other clients have reconnected too.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import random

from bahamut._kit.logs import LimitedLog, get_logger, printable
from bahamut._kit.tasks import cancel_and_wait, run_job
from bahamut.elemental.shapes import DecodeError
from bahamut.pubsub.base import LATE, Client, Waiter, prepared
from bahamut.pubsub.errors import NotConnectedError, PubSubError, TooLargeError
from bahamut.pubsub.nats import CredentialsError, Link
from bahamut.pubsub.nats_options import NATSConfig
from bahamut.pubsub.options import BOUND, PublishConfig, PubSubOptPublish
from bahamut.pubsub.outbox import Outbox
from bahamut.pubsub.publication import Publication, ResponseMode
from bahamut.pubsub.subscription import Subscription
from bahamut.supervisor import RunContext

log = get_logger(__name__)

ACK = b"ack"
BATCH, BATCH_BYTES = 512, 4 << 20
"""Publications, and bytes of them, sent before the server must confirm them."""
OUTBOX_BYTES = 64 << 20
MAX_SHOWN = 1000
"""Bytes of a wrong acknowledgement that are shown."""
FIRST_RETRY = 0.05
PATIENCE = 10.0
"""Seconds that a publisher waits for room in the outbox, and the stop until it is empty."""


class State(enum.Enum):
    """How a client is connected; the texts are those of `ping`."""

    NEW = "not connected"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    CLOSED = "connection closed"


class NATSPubSubClient(Client):
    """Publishes to and subscribes at a server of NATS (Go: NewNATSPubSubClient).

    Args:
        url: of the server, or of several, with commas between them.
        config: how to connect.
    """

    def __init__(self, url: str, config: NATSConfig) -> None:
        super().__init__()
        self._url = url
        self._config = config
        self._is_closed = False
        self._link: Link | None = None
        self._outbox = Outbox(BOUND, OUTBOX_BYTES)
        self._attempt: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Lock()
        self._last_error: Exception | None = None
        self._held_until = 0.0
        """When what waits may be sent, by the clock of the loop."""
        self._is_leaving = asyncio.Event()
        self._log = LimitedLog(log, "NATS", logging.WARNING)

    # --- connecting --------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """How the client is connected."""
        if self._is_closed:
            return State.CLOSED
        if self._keeping is not None:
            return State.CONNECTED if self._link is not None else State.RECONNECTING
        is_trying = self._attempt is not None and not self._attempt.done()
        return State.CONNECTING if is_trying else State.NEW

    def connect(self, ctx: RunContext | None = None, *, timeout: float | None = None) -> Waiter:
        """Begin to connect; see `PubSubClient.connect`. Wrong credentials fail at once."""
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._connect(ctx, timeout))
            self._attempt.add_done_callback(_hear)
        return Waiter(self._attempt)

    async def _connect(self, ctx: RunContext | None, limit: float | None) -> None:
        async with self._stopping:
            if self._keeping is not None:
                return
            self._is_closed = False
            self._is_leaving.clear()
            self._held_until = 0.0
        try:
            async with asyncio.timeout(limit):
                is_given_up = await run_job((ctx or RunContext()).done(), self._establish)
        except TimeoutError:
            is_given_up = True
        except BaseException:
            await self._drop_link()
            raise
        if is_given_up:
            await self._drop_link()
            text = f"unable to connect to nats on time. last error: {self._last_error}"
            raise NotConnectedError(text)
        self._keeping = asyncio.create_task(self._keep())

    async def _establish(self) -> None:
        """Try until there is a connection with all subscriptions.

        Raises:
            CredentialsError: the server does not know us, at the first connection.
        """
        wait, longest = FIRST_RETRY, self._config.retry_interval
        if self._keeping is not None and self._config.reconnect_grace:
            # Other clients hold their publications back for as long as the grace.
            longest = min(longest, self._config.reconnect_grace / 2)
        while True:
            link = Link(self._report)
            try:
                await link.open(self._url, self._config)
                for subscription in list(self._subscriptions):
                    await link.attach(subscription, self._deliver)
                await link.flush()
            except NotConnectedError as error:
                self._last_error = error
                await link.close()
                if isinstance(error, CredentialsError) and self._keeping is None:
                    raise
                log.warning("Unable to connect to nats cluster. Retrying: %s", error)
            except BaseException:
                await link.close()
                raise
            else:
                self._link = link
                return
            wait = min(2 * wait, longest)
            await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - no secret

    async def _keep(self) -> None:
        """Send what is to be sent, over one connection after the other."""
        while True:
            try:
                if self._link is None:
                    await self._establish()
                    now = asyncio.get_running_loop().time()
                    self._held_until = now + self._config.reconnect_grace
                elif await run_job(self._link.lost.wait(), self._send):
                    raise NotConnectedError("nats: connection closed")  # noqa: TRY301
            except Exception as error:  # noqa: BLE001 - whatever it is, another one is made
                if self._keeping is None:
                    return
                self._last_error = error
                log.warning("The connection to nats is lost: %s", error)
                await self._drop_link()
                await asyncio.sleep(FIRST_RETRY)

    async def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def disconnect(self) -> None:
        """Send what is to be sent, end every subscription and hang up; wait at most 10 seconds.

        What cannot be sent in that time is counted and logged.
        """
        async with self._stopping:
            self._is_closed = True
            self._is_leaving.set()
            try:
                if self._attempt is not None and not self._attempt.done():
                    await cancel_and_wait(self._attempt)
                if self._keeping is not None:
                    await self._drain()
            finally:
                await self._hang_up()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._outbox.drained()
                if self._link is not None:
                    await self._link.drain()
        except TimeoutError:
            log.error("NATS: not everything was sent before the stop")  # noqa: TRY400

    async def _hang_up(self) -> None:
        keeping, self._keeping = self._keeping, None
        await self._drop_link()  # first, for nats-py does not let go of a sender it keeps waiting
        if keeping is not None:
            await cancel_and_wait(keeping)
            await self._drop_link()
        self._lose(self._outbox.abandon())
        await self._end_all()

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - the original's argument
        """Raise unless the server answers; see `PubSubClient.ping`."""
        link = self._link
        if link is None or self.state is not State.CONNECTED:
            raise NotConnectedError(self.state.value)
        try:
            async with asyncio.timeout(timeout):
                await link.flush()
        except TimeoutError:
            raise TimeoutError("connection timeout") from None

    # --- publishing --------------------------------------------------------------------------

    async def publish(
        self, publication: Publication, *options: PubSubOptPublish
    ) -> Publication | None:
        """Publish; see `PubSubClient.publish`.

        While the connection is lost, and for `nats_opt_reconnect_grace` after it is back,
        publications wait in an outbox: 24 000 of them and 64 MiB. When it is full the publisher
        waits at most 10 seconds for room.
        """
        config = prepared(publication, options)
        self._check_open()
        data = self._envelope(publication)
        if config.response_mode is ResponseMode.NONE:
            await self._post(publication.topic, data)
            return None
        try:
            async with asyncio.timeout(config.timeout):
                return await self._ask(publication.topic, data, config)
        except TimeoutError:
            raise TimeoutError(LATE) from None

    def _check_open(self) -> None:
        if self._is_closed:
            raise NotConnectedError("nats: connection closed")
        if self._keeping is None:
            raise NotConnectedError("not connected to nats. messages dropped")

    def _envelope(self, publication: Publication) -> bytes:
        try:
            data = publication.to_envelope()
        except (ValueError, TypeError) as error:
            text = f"unable to encode publication. message dropped: {error}"
            raise PubSubError(text) from error
        if self._link is not None and len(data) > self._link.max_payload:
            raise TooLargeError("nats: maximum payload exceeded")
        return data

    async def _post(self, subject: str, data: bytes) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._outbox.put((subject, data))
        except TimeoutError:
            raise PubSubError("nats: outbound buffer limit exceeded") from None

    async def _ask(self, subject: str, data: bytes, config: PublishConfig) -> Publication | None:
        await self._outbox.drained()  # what was published before stays before
        if self._link is None:
            raise NotConnectedError(self.state.value)
        answer = await self._link.request(subject, data)
        if config.response_mode is ResponseMode.ACK:
            if answer != ACK:
                shown = answer[:MAX_SHOWN].decode("utf-8", "replace")
                raise PubSubError(f"invalid ack: {shown}")
            return None
        try:
            response = Publication.from_envelope(answer)
        except DecodeError as error:
            raise PubSubError(printable(str(error))) from None
        if config.responses is not None:
            await config.responses.put(response)
        return response

    async def _send(self) -> None:
        """Send what is in the outbox, and let go what the server has confirmed."""
        link = self._link
        await self._hold()
        while link is not None:
            letters = await self._outbox.head(BATCH, BATCH_BYTES)
            refused, why = 0, ""
            for subject, data in letters:
                try:
                    await link.publish(subject, data)
                except NotConnectedError:
                    raise
                except PubSubError as error:  # another server, another limit of size
                    refused, why = refused + 1, f": {error}"
            await link.flush()
            self._outbox.confirm(len(letters))
            self._lose(refused, why)

    @property
    def _is_held(self) -> bool:
        now = asyncio.get_running_loop().time()
        return now < self._held_until and not self._is_leaving.is_set()

    async def _hold(self) -> None:
        """Wait until other clients had time to reconnect, or until this one disconnects."""
        if self._is_held:
            if len(self._outbox):
                log.info("NATS: connected again, %d publications wait", len(self._outbox))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self._held_until):
                    await self._is_leaving.wait()

    def _lose(self, count: int, why: str = "") -> None:
        if count:
            self._report(PubSubError(f"{count} publications could not be sent{why}"), count)

    def _report(self, error: Exception, lost: int = 0) -> None:
        """Tell of an error that no caller hears, and count what was lost by it."""
        self._dropped += lost
        if isinstance(error, PubSubError):
            log.log(logging.ERROR if lost else logging.WARNING, "NATS: %s", error)
        else:  # of nats-py, perhaps one for each message
            self._log.write("NATS: %s", error)
        if self._config.error_handler is not None:
            try:
                self._config.error_handler(error)
            except Exception:
                log.exception("The error handler failed")

    # --- receiving ---------------------------------------------------------------------------

    async def _open(self, subscription: Subscription) -> None:
        await super()._open(subscription)
        if self._link is not None:
            # If the connection is lost just now, the next one attaches all.
            with contextlib.suppress(NotConnectedError):
                await self._link.attach(subscription, self._deliver)
                await self._link.flush()

    async def _close(self, subscription: Subscription) -> None:
        await super()._close(subscription)
        if self._link is not None:
            await self._link.detach(subscription)

    async def _deliver(
        self, link: Link, subscription: Subscription, reply: str, data: bytes
    ) -> None:
        try:
            publication = Publication.from_envelope(data, topic=subscription.topic)
        except DecodeError as error:
            self._dropped += 1
            subscription.refuse(error)
            return
        if reply and not subscription.is_full:
            if publication.response_mode is ResponseMode.PUBLICATION:
                subscription.expect_reply(publication, self._respond, reply)
            elif publication.response_mode is ResponseMode.ACK:
                try:
                    await link.publish(reply, ACK)
                except PubSubError as error:  # its publisher hears nothing; subscribers do
                    subscription.report(error)
        subscription.offer(publication)

    async def _respond(self, response: Publication) -> None:
        self._check_open()
        data = self._envelope(response)
        if self._link is not None and self._is_held:
            # Who asked is connected, and waits no longer than its own timeout.
            await self._link.publish(response.topic, data)
            return
        await self._post(response.topic, data)


def _hear(attempt: asyncio.Task[None]) -> None:
    """Log why an attempt failed, whether or not somebody waits for it."""
    if not attempt.cancelled() and attempt.exception() is not None:
        log.error("Unable to connect to nats: %s", attempt.exception())
