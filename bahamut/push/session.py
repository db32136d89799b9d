"""`PushSession`: one client of the websocket, what it asked for, and what waits to reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from uuid import uuid4

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import cancel_and_wait
from bahamut.config import PushSettings
from bahamut.context import parse_claims
from bahamut.elemental.encoding import JSON
from bahamut.elemental.event import Event
from bahamut.elemental.filters import PreparedFilter
from bahamut.elemental.model import DecodeError
from bahamut.elemental.push_config import PushConfig, PushLimitError
from bahamut.elemental.raw_request import RawRequest
from bahamut.push.losses import INVALID, Losses
from bahamut.push.outgoing import Models, Outgoing, Parcel, scrubbed
from bahamut.web.websocket import CLOSE_WITHIN, Frame, Socket

log = get_logger(__name__)

TRY_AGAIN_LATER = 1013
MAX_PARAMETERS = 1000
"""Parameters of a session."""


class Waiting(NamedTuple):
    """A frame that waits for a client to read, and what it is about."""

    frame: Frame
    key: tuple[str, str] | None
    """Identity and identifier, where they are known."""


class Session:
    """What is known of a client (Go: Session)."""

    __slots__ = (
        "_claims",
        "_claims_map",
        "client_ip",
        "context",
        "headers",
        "identifier",
        "metadata",
        "parameters",
        "push_config",
        "reads",
        "tls_connection_state",
        "writes",
    )

    def __init__(self, raw: RawRequest, client_ip: str, *, reads: str, writes: str) -> None:
        self.identifier = str(uuid4())
        """A random UUID."""
        self.parameters: dict[str, list[str]] = parse_qs(raw.query, keep_blank_values=True)
        """Of the handshake, overwritten by those of push configurations."""
        self.headers = raw.headers
        """Of the handshake."""
        self.client_ip = client_ip
        self.tls_connection_state = raw.tls
        self.reads, self.writes = reads, writes
        """Encodings of what it sends and of what it gets."""
        self.metadata: Any = None
        """For users."""
        self.context: Any = None
        """What the session lives in: the server's `RunContext`."""
        self.push_config: PushConfig | None = None
        """What it asked for; None as long as it did not."""
        self._claims: tuple[str, ...] = ()
        self._claims_map: dict[str, str] = {}

    def parameter(self, name: str) -> str:
        """Return the first value of a parameter, empty without one."""
        return next(iter(self.parameters.get(name, ())), "")

    def header(self, name: str) -> str:
        """Return the first value of a header of the handshake, empty without one."""
        value: str = self.headers.get(name, "")
        return value

    def cookie(self, name: str) -> str:
        """Return a cookie of the handshake.

        Raises:
            LookupError: there is none of that name.
        """
        found: SimpleCookie = SimpleCookie()
        for pair in self.header("Cookie").split(";"):
            if pair.partition("=")[0].strip() == name:
                with suppress(CookieError):  # clients may send any name
                    found.load(pair)
        if name not in found:
            raise LookupError(f"http: named cookie not present: {name}")
        return found[name].value

    @property
    def token(self) -> str:
        """The parameter ``token``."""
        return self.parameter("token")

    @property
    def claims(self) -> list[str]:
        """The claims of the client, ``key=value``; a copy. Assigning None forgets them.

        Raises:
            ValueError: assigned a malformed claim.
        """
        return list(self._claims)

    @claims.setter
    def claims(self, claims: Iterable[str] | None) -> None:
        self._claims = tuple(claims or ())
        self._claims_map = parse_claims(self._claims)

    @property
    def claims_map(self) -> dict[str, str]:
        """The claims as a mapping; a copy."""
        return dict(self._claims_map)


class PushSession(Session):
    """A session that events can be pushed to (Go: PushSession).

    What it gets is written to its socket at once. Only while the client does not read, frames wait
    in an outbox with a bound and a policy (`PushSettings.slow_policy`, decision X18), and a task
    sends them; it ends when the client has caught up.
    """

    __slots__ = (
        "_drainer",
        "_is_evicted",
        "_models",
        "_most",
        "_outbox",
        "_settings",
        "_socket",
        "conflated",
        "count_missed",
        "dropped",
        "filters",
        "is_in_error",
        "losses",
        "missed",
    )

    def __init__(
        self,
        raw: RawRequest,
        client_ip: str,
        settings: PushSettings,
        models: Models,
        *,
        reads: str = JSON,
        writes: str = JSON,
    ) -> None:
        super().__init__(raw, client_ip, reads=reads, writes=writes)
        self.is_in_error = False
        """Whether its last message was none; then the hub passes it by."""
        self.filters: dict[str, PreparedFilter] = {}
        """By identity name, ready to be applied."""
        self.dropped = 0
        """Events that it did not get because it reads too slowly."""
        self.conflated = 0
        """Events that a newer one took the place of while they waited."""
        self.missed = 0
        """Events to which applying its filter would have cost too much."""
        self.count_missed: Callable[[str, int], None] | None = None
        """Told why events are missed and how many: dropped, conflated or too expensive."""
        self.losses = Losses()
        self._settings = settings
        self._most = settings.max_message + len(raw.query)
        self._models = models
        self._outbox: list[Waiting] = []
        self._drainer: asyncio.Task[None] | None = None
        self._is_evicted = False
        self._socket: Socket | None = None

    def attach(self, socket: Socket) -> None:
        """Give the session its socket."""
        self._socket = socket

    def adopt(self, config: PushConfig, filters: dict[str, PreparedFilter] | None = None) -> None:
        """Subscribe to what *config* asks for, in place of what the session asked for before.

        Args:
            config: the configuration.
            filters: its filters, prepared; None to prepare them here.

        Raises:
            FilterError: a filter cannot be parsed, or its regular expressions are too large.
            PushLimitError: the parameters of all messages together exceed their bounds.
        """
        if len(config.parameters or ()) > 2 * MAX_PARAMETERS:  # before each of them is looked at
            raise PushLimitError("too many parameters")
        if filters is None:
            config.parse_identity_filters()
            filters = self._models.prepared(config)
        given = {name: list(values or ()) for name, values in (config.parameters or {}).items()}
        parameters = self.parameters | given
        # Message after message adds to them.
        count = len(parameters) + sum(map(len, parameters.values()))
        size = sum(len(name) + sum(map(len, parameters[name])) for name in parameters)
        if size > self._most or count > 2 * MAX_PARAMETERS:
            raise PushLimitError("too many parameters")
        self.parameters = parameters
        self.push_config = config
        self.filters = filters

    def miss(self, event: Event) -> None:
        """Count an event as missed because the session's filter costs too much to apply to it.

        Args:
            event: the one that it does not get.
        """
        self.missed += 1
        if self.count_missed is not None:
            self.count_missed("too expensive", 1)
        if self.missed == 1:
            log.warning(
                "Session %s: its filter is too expensive for %s; such events are missed and not "
                "logged again: claims %s",
                self.identifier,
                event,
                self.claims,
            )

    def direct_push(self, *events: Event) -> None:
        """Push events to this session alone (Go: DirectPush).

        What it did not ask for is left out; neither related identities nor the dispatch handler
        are asked.
        """
        for event in events:
            config = self.push_config
            if config is not None and config.is_filtered_out(event.identity, event.type):
                continue
            try:
                model = self._models.of(event)
                self.offer(Parcel(Outgoing(scrubbed(event, model), model, self.losses)))
            except DecodeError as error:
                text = "Session %s: an event is dropped: %s"
                self.losses.drop(INVALID, text, self.identifier, error)

    def offer(self, parcel: Parcel) -> None:
        """Send events: at once, or when the client reads again.

        What cannot be put into the session's encoding counts as dropped.
        """
        socket = self._socket
        if socket is None or socket.is_over or self._is_evicted:
            return
        data, unfit = parcel.packed(self.writes)
        if unfit:
            self._drop(unfit)
        if self._drainer is None and not self._outbox and socket.write_if_ready(data):
            return
        for event in parcel.events:
            frame = event.frame(self.writes)
            if frame is not None:
                self._keep(event, frame)
        if self._drainer is None and (self._outbox or self._is_evicted):
            name = f"drainer of session {self.identifier}"
            self._drainer = asyncio.create_task(self._drain(socket), name=name)

    def _keep(self, given: Outgoing, frame: Frame) -> None:
        """Let a frame wait, by the policy for clients that do not read."""
        settings, key = self._settings, None
        if self._is_evicted:
            self._drop(1)
            return
        if settings.slow_policy == "conflate":
            key = given.event.identity, _identifier(given)
            for index, waiting in enumerate(self._outbox):
                if key[1] and waiting.key == key:
                    del self._outbox[index]  # the newer one keeps its own turn (decision X17)
                    self._outbox.append(Waiting(frame, key))
                    self.conflated += 1
                    if self.count_missed is not None:
                        self.count_missed("conflated", 1)
                    return
        if len(self._outbox) < settings.slow_bound:
            self._outbox.append(Waiting(frame, key))
            return
        self._drop(1)
        log.warning(
            "Slow consumer. event dropped: session %s, claims %s", self.identifier, self.claims
        )
        if settings.slow_policy != "drop":
            self._drop(len(self._outbox))
            self._outbox.clear()
            self._is_evicted = True

    def _drop(self, count: int) -> None:
        self.dropped += count
        if self.count_missed is not None:
            self.count_missed("dropped", count)

    async def _drain(self, socket: Socket) -> None:
        """Send what waits, as the client reads; the deadline cuts off one that does not."""
        try:
            await socket.send([], self._settings.slow_deadline)
            while self._outbox and not socket.is_over:
                frames = [waiting.frame for waiting in self._outbox]
                self._outbox.clear()
                await socket.send(frames, self._settings.slow_deadline)
            if self._is_evicted:
                await socket.close(TRY_AGAIN_LATER)
        except ConnectionError as error:
            log.warning("Session %s is cut off: %s", self.identifier, error)
            socket.abort()
        finally:
            if not socket.is_over:
                self._drainer = None

    async def close(self, code: int) -> None:
        """Say goodbye to the client, and wait a moment for it to do so."""
        socket = self._socket
        if socket is None:
            return
        self._outbox.clear()
        if socket.is_over:  # whatever it still waits for takes too long
            socket.hang_up()
            return
        try:
            # A client that does not read will not read that either.
            async with asyncio.timeout(2 * CLOSE_WITHIN):
                await socket.close(code)
        except (TimeoutError, ConnectionError):
            socket.abort()

    async def end(self) -> None:
        """Forget what waits."""
        self._outbox.clear()
        drainer, self._drainer = self._drainer, None
        if drainer is None:
            return
        if self._is_evicted:  # the client may be about to answer
            await asyncio.wait((drainer,), timeout=CLOSE_WITHIN)
        await cancel_and_wait(drainer)


def _identifier(given: Outgoing) -> str:
    """Return the identifier of an event's object, empty if it says none."""
    try:
        found = given.object()
    except DecodeError:
        return ""
    if isinstance(found, Mapping):
        return str(found.get("ID") or "")
    return str(getattr(found, "identifier", "") or "")
