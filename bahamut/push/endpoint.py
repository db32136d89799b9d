"""`Endpoint`: the way of a websocket, from its handshake to its end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from time import perf_counter

from aiohttp import WSMsgType, web

from bahamut import respond
from bahamut._kit.bucket import Bucket
from bahamut._kit.calls import decided
from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, failure, log_failure
from bahamut._kit.turns import breathe, in_worker
from bahamut.auth.chain import check_session
from bahamut.config import Config, RateLimit
from bahamut.cors import split_origin
from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import JSON
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.event import Event
from bahamut.elemental.filters import FilterCostError, FilterError, PreparedFilter
from bahamut.elemental.model import DecodeError
from bahamut.elemental.negotiation import encodings_from_headers
from bahamut.elemental.push_config import PushConfig, PushLimitError
from bahamut.elemental.query import parse_query
from bahamut.elemental.raw_request import RawRequest, client_ip, client_scheme
from bahamut.elemental.request import RequestSettings
from bahamut.errors import BadRequestError, ForbiddenError, RateLimitError
from bahamut.push.heartbeat import Heartbeat
from bahamut.push.hub import GOING_AWAY, Hub
from bahamut.push.outgoing import Outgoing, Parcel
from bahamut.push.session import MAX_PARAMETERS, PushSession
from bahamut.supervisor import RunContext
from bahamut.web.access import CLIENT_GONE, AccessLog
from bahamut.web.adapter import raw_request
from bahamut.web.cors import cors_headers
from bahamut.web.internals import plain_answer
from bahamut.web.websocket import Socket

log = get_logger(__name__)

NORMAL, PROTOCOL_ERROR, UNSUPPORTED_DATA = 1000, 1002, 1003
INVALID_TEXT, POLICY_VIOLATION, INTERNAL_ERROR = 1007, 1008, 1011
LARGE_MESSAGE = 512
"""Bytes beyond which a message is decoded in the worker thread."""
_MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)
_LIMITED = (*_MESSAGES, WSMsgType.PING)
PATIENCE = 30.0
"""Seconds that handlers have when a session starts or stops."""


class Endpoint:
    """Serves the websocket.

    Args:
        config: read here, once.
        hub: has the sessions.
    """

    def __init__(self, config: Config, hub: Hub) -> None:
        self.context: RunContext | None = None
        """What sessions live in."""
        self.bucket: Bucket | None = None
        """The global rate limit: every handshake takes a token of it."""
        self._max_items = config.rest.max_body_items
        # A handler may relate events to identities that no model has.
        relates = hasattr(config.push.dispatch_handler, "related_event_identities")
        self._known = frozenset() if relates else hub.models.names
        self._hub = hub
        self._heartbeat = Heartbeat()
        self._push = config.push
        self._cors = config.security.cors
        self._authenticators = config.security.session_authenticators
        self._fail_closed = config.security.fail_closed
        self._exposes = config.errors.expose_internal
        self._handler = config.push.dispatch_handler
        self._secrets = config.security.secret_parameters
        self._access = AccessLog(self._secrets)
        self._settings = RequestSettings(trusted_proxies=config.rest.trusted_proxies)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a handshake, then serve the session until it ends."""
        socket = Socket(self._push.max_message)
        try:  # the plain request has no name here: what has one lives as long as the session
            session = await self._admitted(raw_request(request))
            socket.check(request)
        except FAILURES as error:
            refusal = self._refusal(raw_request(request), failure(error))
            self._access.write_handshake(request, refusal.status)
            return refusal
        try:
            response = await socket.open(request)
        except ConnectionError:
            log.debug("A client left during its handshake")
            self._access.write_handshake(request, CLIENT_GONE)
            return web.Response()  # nobody reads it
        self._access.write_handshake(request, response.status)
        await self._serve(session, socket)
        return response

    # --- the handshake -----------------------------------------------------------------------

    async def _admitted(self, raw: RawRequest) -> PushSession:
        """Return the session of a client that may have one.

        Raises:
            Error: it may not: 400, 401, 403, 415, 429 or 503, or what a guard raised.
            Exception: a guard failed.
        """
        if self._hub.is_leaving:
            raise Error("Service Unavailable", "The server is going away", "bahamut", 503)
        wait = self.bucket.take() if self.bucket is not None else 0.0
        if wait:
            raise RateLimitError(wait)
        reads, writes = encodings_from_headers(raw.headers)
        if raw.query.count("&") >= MAX_PARAMETERS:
            raise BadRequestError(f"There must not be more than {MAX_PARAMETERS} parameters")
        parse_query(raw.query, self._secrets)  # sessions read it leniently (decision X58)
        session = PushSession(
            raw,
            client_ip(raw, self._settings.trusted_proxies),
            self._push,
            self._hub.models,
            reads=reads,
            writes=writes,
        )
        session.context = self.context
        self._check_origin(raw)
        await check_session(self._authenticators, session, fail_closed=self._fail_closed)
        await self._check_init(session)
        return session

    def _check_origin(self, raw: RawRequest) -> None:
        """Refuse pages of another site, unless the CORS policy names it (decisions X14, X64)."""
        origin = raw.headers.get("Origin")
        if origin is None or self._push.allow_any_origin or self._is_ours(raw, origin):
            return
        policy = self._cors.policy_for_request(raw) if self._cors is not None else None
        if policy is None or not policy.names(origin):
            raise ForbiddenError("The origin of the page is not allowed to open a push session")

    def _is_ours(self, raw: RawRequest, origin: str) -> bool:
        """Tell whether this host served the page, by either scheme if ours cannot be known."""
        scheme = client_scheme(raw, self._settings.trusted_proxies)
        host = raw.headers.get("Host", "")
        ours = [split_origin(f"{s}://{host}") for s in ([scheme] if scheme else ["http", "https"])]
        page = split_origin(origin)
        return page is not None and page in ours

    async def _check_init(self, session: PushSession) -> None:
        if self._handler is None:
            return
        answer = await self._handler.on_push_session_init(session)
        if not decided(answer, self._handler.on_push_session_init):
            raise ForbiddenError("You are not authorized to initiate a push session")

    def _refusal(self, raw: RawRequest, error: Exception) -> web.StreamResponse:
        if not isinstance(error, Error | Errors):
            log.error("A handshake failed", exc_info=error)
        answer = respond.failure(respond.failure_of(error, expose=self._exposes))
        headers = list(answer.headers)
        if self._cors is not None:
            headers += cors_headers(self._cors, raw)
        return plain_answer(answer.status, headers, answer.body)

    # --- the session -------------------------------------------------------------------------

    async def _serve(self, session: PushSession, socket: Socket) -> None:
        session.attach(socket)
        if self._hub.is_leaving:
            await session.close(GOING_AWAY)
            return
        self._heartbeat.add(socket)
        try:
            self._hub.register(session)
            if await self._tell(session, "on_push_session_start"):
                await self._read(session, socket)
            else:
                await socket.close(INTERNAL_ERROR)
        except ConnectionError:
            log.debug("Session %s has lost its connection", session.identifier)
        finally:
            self._heartbeat.remove(socket)
            self._hub.unregister(session)
            try:
                await session.end()
            finally:
                await self._tell(session, "on_push_session_stop")

    async def _tell(self, session: PushSession, what: str) -> bool:
        """Tell the dispatch handler about a session, and whether that went well."""
        if self._handler is None:
            return True
        try:
            async with asyncio.timeout(PATIENCE):
                await getattr(self._handler, what)(session)
        except FAILURES as error:
            log_failure(log, error, "Session %s: %s failed", session.identifier, what)
            return False
        return True

    async def _read(self, session: PushSession, socket: Socket) -> None:
        """Take what the client sends, until there is no more or it sends too much."""
        rate = self._push.message_rate
        buckets: tuple[Bucket, Bucket] | None = None  # idle sessions do without
        since = perf_counter()
        while True:
            kind, data, reason = await socket.receive()
            since = await breathe(since)  # what has come already is received without waiting
            if rate is not None and kind in _LIMITED:
                buckets = buckets or _buckets(rate)
                if buckets[kind in _MESSAGES].take():
                    await socket.close(POLICY_VIOLATION, "too many messages")
                    return
            if kind is WSMsgType.PING:
                await socket.pong(data)
            elif kind is WSMsgType.PONG:
                socket.heard = asyncio.get_running_loop().time()
            elif kind in _MESSAGES:
                if not await self._take(session, socket, kind, bytes(data)):
                    return
            elif kind is WSMsgType.CLOSE:
                await socket.close(_answered(data), reason or "")
                return
            else:  # closed, closing, or an error that aiohttp has answered with its code
                return

    async def _take(
        self, session: PushSession, socket: Socket, kind: WSMsgType, data: bytes
    ) -> bool:
        """Let a session ask for something else; tell whether it goes on."""
        if kind is WSMsgType.TEXT and session.reads == JSON and not _is_text(data):
            await socket.close(INVALID_TEXT)
            return False
        try:
            if len(data) > LARGE_MESSAGE:
                config, filters = await in_worker(self._config, session.reads, data)
            else:
                config, filters = self._config(session.reads, data)
            session.adopt(config, filters)
        except (PushLimitError, FilterCostError) as error:
            wrong = Error("Bad request", f"too much is asked for: {error}", "bahamut")
            return await self._complain(session, socket, wrong, POLICY_VIOLATION)
        except DecodeError as error:
            text = f"could not decode message into *elemental.PushConfig: {error}"
            return await self._complain(session, socket, Error("Bad request", text, "bahamut"))
        except FilterError as error:
            text, what = f"unable to parse identity filters: {error}", {"pushconfig": "filters"}
            wrong = Error("Bad request", text, "bahamut", 0, what)
            return await self._complain(session, socket, wrong)
        session.is_in_error = False
        self._hub.refile(session)
        return True

    def _config(self, encoding: str, data: bytes) -> tuple[PushConfig, dict[str, PreparedFilter]]:
        """Return the configuration in a message, and its filters ready to be applied.

        Raises:
            DecodeError: it holds none.
            FilterError: a filter is not valid.
            PushLimitError: it asks for too much.
        """
        if holds_more(encoding, data, self._max_items):
            raise PushLimitError(f"a message must not hold more than {self._max_items} values")
        config = PushConfig.from_bytes(encoding, data)
        config.check_filter_text()
        config.parse_identity_filters()
        config.keep_known(self._known)
        config.check_bounds()
        return config, self._hub.models.prepared(config)

    async def _complain(
        self, session: PushSession, socket: Socket, error: Error, code: int = UNSUPPORTED_DATA
    ) -> bool:
        """Tell a client what was wrong, if it asked to be told; else end the session."""
        if "enableErrors" not in session.parameters:
            reason = error.description if code == POLICY_VIOLATION else ""
            await socket.close(code, reason)
            return False
        session.is_in_error = True
        self._hub.refile(session)
        event = Event.new_error(error, timestamp=datetime.now(UTC), encoding=session.writes)
        session.offer(Parcel(Outgoing(event, None)))
        return True


def _buckets(rate: RateLimit) -> tuple[Bucket, Bucket]:
    """Return the buckets of a session: that of its pings, and that of its messages."""
    return Bucket(rate.limit, rate.burst), Bucket(rate.limit, rate.burst)


def _answered(code: int) -> int:
    """Return the close code that answers a client's (decision X42)."""
    if code == 1006 or code > 4999:  # aiohttp takes what nobody may send (RFC 6455, 7.4)
        return PROTOCOL_ERROR
    return code or NORMAL  # without a code there is none to say again


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
