"""`Hub`: takes publications in their order and hands each event to the sessions that asked for it.

One task consumes, so what was published first arrives first (decision X17). Up to `TURN`
publications that wait are taken together, and what one session gets of them is one write. Sessions
are found by what they asked for: one that does not care costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, Self

from bahamut._kit.tasks import cancel_and_wait
from bahamut.config import Config
from bahamut.elemental.encoding import JSON
from bahamut.elemental.event import Event
from bahamut.elemental.model import DecodeError
from bahamut.push.outgoing import Models, Outgoing, interesting_to
from bahamut.push.session import Joined, PushSession

log = logging.getLogger(__name__)

TURN = 16
"""Publications that are dispatched together."""
HANDLER_WITHIN = 30.0
"""Seconds for which the dispatch handler may think about one publication."""
GOING_AWAY = 1001
_EVERYTHING = ("", "")


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
        self.sessions: dict[PushSession, None] = {}
        """In the order in which they came."""
        self.unreadable = 0
        """Publications that held no event that anybody could read."""
        self._index: dict[tuple[str, str], dict[PushSession, None]] = {}
        self._keys: dict[PushSession, list[tuple[str, str]]] = {}
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
        self.sessions[session] = None
        session.count_missed = self._count_missed
        self._file(session)
        if self._metrics is not None:
            self._metrics.register_ws_connection()

    def unregister(self, session: PushSession) -> None:
        """Forget a session."""
        if session not in self.sessions:
            return
        del self.sessions[session]
        self._unfile(session)
        if self._metrics is not None:
            self._metrics.unregister_ws_connection()

    def refile(self, session: PushSession) -> None:
        """Find a session by what it asks for now."""
        if session in self.sessions:
            self._unfile(session)
            self._file(session)

    def _file(self, session: PushSession) -> None:
        keys = [_EVERYTHING]
        if session.is_in_error:
            keys = []
        elif session.push_config is not None and session.push_config.identities:
            wanted = session.push_config.identities.items()
            keys = [(name, kind) for name, kinds in wanted for kind in kinds or ("",)]
        self._keys[session] = keys
        for key in keys:
            self._index.setdefault(key, {})[session] = None

    def _unfile(self, session: PushSession) -> None:
        for key in self._keys.pop(session, ()):
            filed = self._index[key]
            filed.pop(session, None)
            if not filed:
                del self._index[key]

    # --- dispatching -------------------------------------------------------------------------

    async def _consume(self) -> None:
        async with self._client.subscribe(self._topic) as subscription:
            self._is_subscribed.set()
            while publications := await subscription.take(TURN):
                touched: dict[PushSession, list[Outgoing]] = {}
                for publication in publications:
                    try:
                        # One publication that a user's handler never ends with is not the last.
                        async with asyncio.timeout(HANDLER_WITHIN if self._handler else None):
                            await self._dispatch(publication, touched)
                    except Exception:
                        log.exception("A publication cannot be dispatched")
                _deliver(touched)
                await asyncio.sleep(0)  # let readers and requests have their turn

    async def _dispatch(self, publication: Any, touched: dict[PushSession, list[Outgoing]]) -> None:
        """Note for each session what it gets of a publication."""
        try:
            event = Event.from_bytes(publication.encoding or JSON, publication.data)
            given = Outgoing(event, self.models.of(event))
        except DecodeError as error:
            self.unreadable += 1
            log.error("A publication is dropped: %s", error)  # noqa: TRY400 - it says it all
            return
        if not self.sessions:
            return
        if self._summarize is not None:
            given.summary = await self._summarize(event)
        has_handler = self._handler is not None
        for session in self._interested(event):
            is_asked = has_handler or session.filters
            if not is_asked or await self._gets(session, given):
                touched.setdefault(session, []).append(given)

    def _interested(self, event: Event) -> Iterable[PushSession]:
        related = self._related(event.identity) if self._related is not None else ()
        found = dict(self._index.get(_EVERYTHING, {}))
        for key in interesting_to(event, related or ()):
            found.update(self._index.get(key, {}))
        return found

    async def _gets(self, session: PushSession, given: Outgoing) -> bool:
        """Tell whether a session that asked for such events gets this one."""
        try:
            wanted = session.filters.get(given.event.identity)
            if wanted is not None and not given.matches(*wanted):
                return False
            if self._handler is None:
                return True
            if session not in self.sessions:  # it has ended while others were asked about
                return False
            return bool(await self._handler.should_dispatch(session, given.event, given.summary))
        except Exception:
            log.exception("Session %s: filter or dispatch handler failed", session.identifier)
            return False


def _deliver(touched: dict[PushSession, list[Outgoing]]) -> None:
    joined: Joined = {}
    for session, given in touched.items():
        try:
            session.offer(given, joined)
        except Exception:
            log.exception("Session %s: events are dropped", session.identifier)
