"""One connection to a server of NATS: the one file that knows nats-py.

A connection of nats-py is used once; `nats_client` makes the next one. Its own way of connecting
again cannot be cancelled, forgets what it had not sent and tells nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Listener

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import atomic, run_job
from bahamut.pubsub.errors import (
    NoRespondersError,
    NotConnectedError,
    PubSubError,
    TooLargeError,
)
from bahamut.pubsub.nats_options import NATSConfig
from bahamut.pubsub.options import BOUND
from bahamut.pubsub.subscription import Subscription

log = get_logger(__name__)

ATTEMPT_TIMEOUT = 5.0
CLOSE_TIMEOUT = 1.0
PING_INTERVAL = 20

Deliver = Callable[["Link", Subscription, str, bytes], Awaitable[None]]
"""Gets a message for a subscription: the subject of its reply, empty for none, and its data."""


class CredentialsError(NotConnectedError):
    """The server does not accept the credentials; asking again would not help."""


@contextlib.contextmanager
def _cancellable() -> Iterator[None]:
    """End with the cancellation that something inside has lost, if it has.

    nats-py waits by `asyncio.wait_for`, which until Python 3.11 forgets a cancellation that comes
    together with the end of what it waits for.
    """
    try:
        yield
    finally:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise what nats-py raises as errors of ours."""
    try:
        yield
    except nats.errors.MaxPayloadError as error:
        raise TooLargeError(str(error)) from None
    except nats.errors.BadSubjectError as error:  # says nothing about the connection
        raise PubSubError(str(error)) from None
    except nats.errors.NoRespondersError as error:
        raise NoRespondersError(str(error)) from None
    except nats.errors.Error as error:
        is_refusal = "authorization" in str(error).lower()
        raise (CredentialsError if is_refusal else NotConnectedError)(str(error)) from error
    except NotConnectedError:
        raise
    except OSError as error:
        raise NotConnectedError(str(error) or type(error).__name__) from error


class Link:
    """One connection, from its first byte to its last.

    Args:
        report: called with what goes wrong between calls.
    """

    def __init__(self, report: Callable[[Exception, int], None]) -> None:
        self.lost = asyncio.Event()
        self.close = atomic(self._close)
        """Hang up; who waits for it and is cancelled leaves it to go on."""
        self._connection = Connection()
        self._report = report
        self._listeners: dict[Subscription, Listener | None] = {}
        self._flushing: set[asyncio.Task[None]] = set()

    @property
    def max_payload(self) -> int:
        """Bytes of the largest message that the server takes."""
        return self._connection.max_payload

    async def open(self, url: str, config: NATSConfig) -> None:
        """Connect once; also when that fails, it must be closed.

        Raises:
            CredentialsError: they are wrong.
            NotConnectedError: the server cannot be reached, or not with TLS, or it refuses.
        """
        options: dict[str, Any] = {"name": config.client_id, "tls": config.tls}
        if config.username or config.password:
            options["user"] = self._after_tls(config, config.username)
            options["password"] = config.password
        with _translated(), _cancellable():
            async with asyncio.timeout(ATTEMPT_TIMEOUT):
                await self._connection.connect(
                    [each.strip() for each in url.split(",")],
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    ping_interval=PING_INTERVAL,
                    error_cb=self._erred,
                    closed_cb=self._closed,
                    **options,
                )
            self._check_tls(config)

    def _after_tls(self, config: NATSConfig, user: str) -> Callable[[], str]:
        """Return what nats-py calls for the user's name, once TLS is there or never will be."""

        def name() -> str:
            self._check_tls(config)
            return user

        return name

    def _check_tls(self, config: NATSConfig) -> None:
        # nats-py goes on in the clear with a server that does not ask for TLS, and has no public
        # word for what the server said.
        if config.tls is not None and not self._connection._server_info.get("tls_required"):
            raise nats.errors.SecureConnWantedError

    async def _close(self) -> None:
        self.lost.set()
        unread = sum(each.pending_msgs for each in self._listeners.values() if each is not None)
        if unread:
            self._report(PubSubError(f"{unread} received messages were not read"), unread)
        # After a failed handshake, or when the server does not read, nats-py waits for ever and
        # leaves the socket open; that has no public name.
        try:
            with contextlib.suppress(OSError, nats.errors.Error):
                async with asyncio.timeout(CLOSE_TIMEOUT):
                    await self._connection.close()
        finally:
            writer = getattr(self._connection._transport, "_io_writer", None)
            if writer is not None:
                writer.transport.abort()

    async def publish(self, subject: str, data: bytes) -> None:
        """Send a message, some time soon.

        Raises:
            TooLargeError: the server would not take it.
            NotConnectedError: the connection is lost.
            PubSubError: nothing can be published on *subject*.
        """
        with _translated():
            await self._connection.publish(subject, data)

    async def request(self, subject: str, data: bytes) -> bytes:
        """Return what is answered; the caller ends it when it is late.

        Raises:
            NoRespondersError: nobody listens.
            TooLargeError: the server would not take it.
            NotConnectedError: the connection was lost meanwhile.
        """
        answers: list[Msg] = []

        async def ask() -> None:
            forever = float("inf")
            answers.append(await self._connection.request(subject, data, timeout=forever))

        with _translated():
            if await run_job(self.lost.wait(), ask):
                raise nats.errors.ConnectionClosedError
        return answers[0].data

    async def attach(self, subscription: Subscription, deliver: Deliver) -> None:
        """Listen for a subscription.

        Raises:
            NotConnectedError: the connection is lost.
        """
        if subscription in self._listeners:
            return
        self._listeners[subscription] = None

        async def receive(message: Msg) -> None:
            await deliver(self, subscription, message.reply, message.data)

        with _translated():
            listener = await self._connection.subscribe(
                subscription.topic,
                subscription.config.queue,
                cb=receive,
                pending_msgs_limit=BOUND,
            )
        self._listeners[subscription] = listener
        if subscription.ended:
            await self.detach(subscription)

    async def detach(self, subscription: Subscription) -> None:
        """Stop listening for a subscription."""
        listener = self._listeners.pop(subscription, None)
        if listener is not None:
            with contextlib.suppress(OSError, nats.errors.Error):  # it is gone either way
                await listener.unsubscribe()

    async def drain(self) -> None:
        """Stop listening, once what the server has sent already is delivered."""
        listeners = [each for each in self._listeners.values() if each is not None]
        self._listeners.clear()

        async def drain() -> None:
            drains = (each.drain() for each in listeners)  # type: ignore[no-untyped-call]
            await asyncio.gather(*drains)

        with contextlib.suppress(OSError, nats.errors.Error):
            await run_job(self.lost.wait(), drain)

    async def flush(self) -> None:
        """Wait until the server has all that was sent so far.

        Raises:
            NotConnectedError: the connection was lost meanwhile.
        """
        # Never cancelled: nats-py stops reading when an answer comes that nobody waits for.
        flushing = asyncio.ensure_future(self._flush())
        self._flushing.add(flushing)
        flushing.add_done_callback(self._flushed)
        await asyncio.shield(flushing)

    def _flushed(self, flushing: asyncio.Task[None]) -> None:
        self._flushing.discard(flushing)
        if not flushing.cancelled():
            flushing.exception()  # who waits hears it; maybe nobody does any more

    async def _flush(self) -> None:
        try:
            with _translated():
                if await run_job(self.lost.wait(), self._round_trip):
                    raise nats.errors.ConnectionClosedError
        except NotConnectedError:
            await self.close()
            raise

    async def _round_trip(self) -> None:
        """Ping the server behind all that was sent."""
        await asyncio.sleep(0)  # lets nats-py write what it holds back
        while True:
            held_back = self._connection.pending_data_size
            await self._connection.flush()
            if not held_back:  # else the ping went first
                return

    async def _closed(self) -> None:
        self.lost.set()

    async def _erred(self, error: Exception) -> None:
        self._report(error, int(isinstance(error, nats.errors.SlowConsumerError)))
