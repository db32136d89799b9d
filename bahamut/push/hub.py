"""`Hub`: takes publications in their order and hands each event to the sessions that asked for it.

One task consumes, so what was published first arrives first (decision X17). Up to `TURN`
publications that wait are taken together, and what one session gets of them is one write: most of
what an event costs is the kernel's part of that. So a hub that has just dispatched lets the loop go
round twice; one that is idle takes what comes at once. Sessions are found by what they asked for:
one that does not care costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Any, Self

from bahamut._kit.calls import decided
from bahamut._kit.tasks import FAILURES, cancel_and_wait, failure, within
from bahamut._kit.turns import in_worker
from bahamut.config import Config
from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import JSON
from bahamut.elemental.event import Event
from bahamut.elemental.model import DecodeError
from bahamut.push.losses import FAILED, OVERFLOW, UNREADABLE, Losses
from bahamut.push.outgoing import (
    LARGE_EVENT,
    Models,
    Outgoing,
    Parcel,
    interesting_to,
    is_large_event,
)
from bahamut.push.session import PushSession

TURN = 16
"""Publications that are dispatched together."""
SLICE = 100_000
"""Units of work in filters after which other tasks run: about 5 ms."""
VALUES_PER_BODY = 4
"""Values of an event for each that a body may hold: what is stored can be larger than a body."""
HANDLER_WITHIN = 30.0
"""Seconds for which the dispatch handler may think about one publication."""
GOING_AWAY = 1001
_Key = tuple[str, str]
"""Identity and type of events, or no type for all of them."""
_EVERYTHING: _Key = ("", "")


class Hub:
    """The sessions of one server, and the task that dispatches to them.

    Args:
        config: read here, once.
        models: the classes that events can be about.
    """

    name = "push"

    def __init__(self, config: Config, models: Models) -> None:
        assert config.push.client is not None  # noqa: S101 - made only where there is one
        self._client = config.push.client
        self._topic = config.push.topic + (".>" if config.push.has_hierarchies else "")
        self._handler = config.push.dispatch_handler
        self._related = getattr(self._handler, "related_event_identities", None)
        self._summarize = getattr(self._handler, "summarize_event", None)
        self._metrics = config.health.metrics
        self._count_missed = getattr(self._metrics, "count_missed_events", None)
        self.models = models
        self.sessions: dict[PushSession, tuple[_Key, ...]] = {}
        """In the order in which they came, with the keys under which they are found."""
        self.losses = Losses(self._metrics)
        self._max_items = VALUES_PER_BODY * config.rest.max_body_items
        self._index: dict[_Key, dict[PushSession, None]] = {}
        self._pauses = 0
        """How often other tasks have run while an event was matched."""
        self._task: asyncio.Task[None] | None = None
        self._is_subscribed = asyncio.Event()
        self.is_leaving = False
        """Whether sessions have been told to go; then nobody may come."""

    # --- a service ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._is_subscribed.clear()
        self.is_leaving = False
        self._task = asyncio.create_task(self._consume(), name="push hub")
        subscribed = asyncio.ensure_future(self._is_subscribed.wait())
        try:
            await asyncio.wait((self._task, subscribed), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await cancel_and_wait(self._task)
            raise
        finally:
            subscribed.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close_sessions()
        if self._task is not None:
            await cancel_and_wait(self._task)
            self._task = None

    async def wait_failed(self) -> None:
        """Return or raise if dispatching ends by itself."""
        assert self._task is not None  # noqa: S101 - entered
        await asyncio.shield(self._task)

    async def close_sessions(self) -> None:
        """Say goodbye to every session: 1001. Whoever comes after that is turned away."""
        self.is_leaving = True
        closing = [session.close(GOING_AWAY) for session in self.sessions]
        await asyncio.gather(*closing, return_exceptions=True)

    # --- sessions ----------------------------------------------------------------------------

    def register(self, session: PushSession) -> None:
        """Let a session have events: all, until it asks for some."""
        session.count_missed = self._count_missed
        session.losses = self.losses
        self._file(session)
        if self._metrics is not None:
            self._metrics.register_ws_connection()

    def unregister(self, session: PushSession) -> None:
        """Forget a session."""
        if session not in self.sessions:
            return
        self._unfile(session)
        del self.sessions[session]
        if self._metrics is not None:
            self._metrics.unregister_ws_connection()

    def refile(self, session: PushSession) -> None:
        """Find a session by what it asks for now."""
        if session in self.sessions:
            self._unfile(session)
            self._file(session)

    def _file(self, session: PushSession) -> None:
        keys: tuple[_Key, ...] = (_EVERYTHING,)
        if session.is_in_error:
            keys = ()
        elif session.push_config is not None and session.push_config.identities:
            wanted = session.push_config.identities.items()
            named = ((name, kind) for name, kinds in wanted for kind in kinds or ("",))
            keys = tuple(dict.fromkeys(named))
        self.sessions[session] = keys
        for key in keys:
            self._index.setdefault(key, {})[session] = None

    def _unfile(self, session: PushSession) -> None:
        for key in self.sessions[session]:
            filed = self._index[key]
            del filed[session]
            if not filed:
                del self._index[key]

    # --- dispatching -------------------------------------------------------------------------

    async def _consume(self) -> None:
        subscription = self._client.subscribe(self._topic)
        subscription.on_unreadable = lambda: self.losses.count(UNREADABLE)
        overflowed = 0
        async with subscription:
            self._is_subscribed.set()
            while publications := await subscription.take(TURN):
                parcels: dict[PushSession, Parcel] = {}
                for publication in publications:
                    await self._dispatch(publication, parcels)
                for session, parcel in parcels.items():
                    self._offer(session, parcel)
                if subscription.dropped != overflowed:
                    self.losses.count(OVERFLOW, subscription.dropped - overflowed)
                    overflowed = subscription.dropped
                await asyncio.sleep(0)  # let readers and requests have their turn
                if subscription.waiting < TURN:
                    await asyncio.sleep(0)  # more may be joined

    async def _dispatch(self, publication: Any, parcels: dict[PushSession, Parcel]) -> None:
        """Add a publication to the parcels of the sessions that get it; it may be anything."""
        try:
            given = await self._read(publication.encoding or JSON, publication.data or b"")
            if not self.sessions:
                return
            if self._handler is None:
                await self._add(given, parcels)
                return
            # One publication that a user's handler never ends with is not the last.
            await within(HANDLER_WITHIN, self._ask(given, parcels))
        except DecodeError as error:  # also of a handler that decodes the object
            self.losses.drop(UNREADABLE, "A publication is dropped: %s", error)
        except FAILURES as error:
            text = "A publication cannot be dispatched"
            self.losses.drop(FAILED, text, exc_info=failure(error))

    async def _read(self, encoding: str, data: bytes) -> Outgoing:
        """Return the event in a publication; the worker thread decodes and encodes a large one.

        Raises:
            DecodeError: there is no valid event, or it holds too many values.
        """
        if len(data) > LARGE_EVENT:
            event = await in_worker(self._event, encoding, data)
        else:
            event = self._event(encoding, data)
        if not is_large_event(event):
            return Outgoing(event, self.models.of(event), self.losses)
        encodings = {session.writes for session in self.sessions}
        decodes = any(session.filters for session in self.sessions)
        outgoing = await in_worker(self._prepared, event, encodings, decodes=decodes)
        outgoing.report()
        return outgoing

    def _event(self, encoding: str, data: bytes) -> Event:
        event = Event.from_bytes(encoding, self._counted(encoding, data))
        self._counted(event.encoding, event.data)
        return event

    def _counted(self, encoding: str, data: bytes) -> bytes:
        if holds_more(encoding, data, self._max_items):
            raise DecodeError(f"an event of more than {self._max_items} values")
        return data

    def _prepared(self, event: Event, encodings: set[str], *, decodes: bool) -> Outgoing:
        outgoing = Outgoing(event, self.models.of(event), self.losses)
        outgoing.prepare(encodings, decodes=decodes)
        return outgoing

    def _offer(self, session: PushSession, parcel: Parcel) -> None:
        try:
            session.offer(parcel)
        except Exception as error:  # noqa: BLE001 - logged with its trace
            text = "Session %s: events are dropped"
            self.losses.drop(FAILED, text, session.identifier, exc_info=error)

    async def _ask(self, given: Outgoing, parcels: dict[PushSession, Parcel]) -> None:
        if self._summarize is not None:
            given.summary = await self._summarize(given.event)
        await self._add(given, parcels)

    async def _add(self, given: Outgoing, parcels: dict[PushSession, Parcel]) -> None:
        """Add an event to the parcels of those whose configuration and handler let it pass."""
        event, alone = given.event, Parcel(given)
        is_granted = self._handler.should_dispatch if self._handler is not None else None
        keys, pauses = self._keys(event), self._pauses
        for session in self._interested(keys):
            try:
                if self._pauses != pauses and not self._asks(session, keys):
                    continue
                if session.filters and not await self._passes(session, given, keys):
                    continue
                if is_granted is not None and (
                    session not in self.sessions  # it has ended while others were asked about
                    or not decided(await is_granted(session, event, given.summary), is_granted)
                ):
                    continue
            except FAILURES as error:
                text = "Session %s: filter or dispatch handler failed"
                self.losses.warn(text, session.identifier, exc_info=failure(error))
                continue
            before = parcels.get(session)
            parcels[session] = alone if before is None else before.and_then(given)

    async def _passes(self, session: PushSession, given: Outgoing, keys: tuple[_Key, ...]) -> bool:
        """Tell whether an event matches the filter of a session.

        Other tasks run after each slice of work. Then a session may have ended or asked for
        something else: what it asks for now decides.
        """
        while True:
            wanted = session.filters.get(given.event.identity)
            found = wanted is None or given.matches(wanted)
            if given.spent < SLICE:
                break
            given.spent = 0
            self._pauses += 1
            await asyncio.sleep(0)
            if not self._asks(session, keys):
                return False
        if found is None:
            session.miss(given.event)
        return bool(found)

    def _asks(self, session: PushSession, keys: tuple[_Key, ...]) -> bool:
        return any(key in keys for key in self.sessions.get(session, ()))

    def _keys(self, event: Event) -> tuple[_Key, ...]:
        """Return the keys under which sessions ask for such events."""
        related = self._related(event.identity) if self._related is not None else ()
        return (_EVERYTHING, *interesting_to(event, related or ()))

    def _interested(self, keys: tuple[_Key, ...]) -> Iterable[PushSession]:
        """Return who asked for such events, as it is now: handlers may take their time."""
        found = [self._index[key] for key in keys if key in self._index]
        return tuple(found[0]) if len(found) == 1 else dict.fromkeys(chain.from_iterable(found))
