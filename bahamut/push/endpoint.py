"""`Endpoint`: the way of a websocket, from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from bahamut import respond
from bahamut._kit.logs import get_logger
from bahamut.auth.chain import check_session
from bahamut.config import Config
from bahamut.elemental.encoding import JSON
from bahamut.elemental.errors import Error
from bahamut.elemental.event import Event
from bahamut.elemental.filters import FilterError
from bahamut.elemental.model import DecodeError
from bahamut.elemental.negotiation import encodings_from_headers
from bahamut.elemental.push_config import PushConfig
from bahamut.elemental.query import parse_query
from bahamut.elemental.raw_request import RawRequest, client_ip
from bahamut.elemental.request import RequestSettings
from bahamut.errors import ForbiddenError, UnauthorizedError
from bahamut.push.heartbeat import Heartbeat
from bahamut.push.hub import GOING_AWAY, Hub
from bahamut.push.outgoing import Outgoing, Parcel
from bahamut.push.session import PushSession
from bahamut.supervisor import RunContext
from bahamut.web.access import CLIENT_GONE, AccessLog
from bahamut.web.adapter import raw_request
from bahamut.web.cors import cors_headers
from bahamut.web.internals import plain_answer
from bahamut.web.websocket import Socket

log = get_logger(__name__)

NORMAL, PROTOCOL_ERROR, UNSUPPORTED_DATA = 1000, 1002, 1003
INVALID_TEXT, INTERNAL_ERROR = 1007, 1011
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
        self._hub = hub
        self._heartbeat = Heartbeat()
        self._push = config.push
        self._cors = config.security.cors
        self._authenticators = config.security.session_authenticators
        self._fail_closed = config.security.fail_closed
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
        except Exception as error:  # noqa: BLE001 - the border
            refusal = self._refusal(raw_request(request), error)
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
            Error: it may not: 400, 401, 403, 415 or 503.
        """
        if self._hub.is_leaving:
            raise Error("Service Unavailable", "The server is going away", "bahamut", 503)
        reads, writes = encodings_from_headers(raw.headers)
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
        try:
            await check_session(self._authenticators, session, fail_closed=self._fail_closed)
        except Error:
            raise
        except Exception as error:
            raise UnauthorizedError(str(error)) from error
        await self._check_init(session)
        return session

    def _check_origin(self, raw: RawRequest) -> None:
        """Refuse browsers that show somebody else's page (decision X14)."""
        origin = raw.headers.get("Origin", "")
        if not origin or self._push.allow_any_origin:
            return
        with contextlib.suppress(ValueError):  # it is no URL
            if urlsplit(origin).netloc.lower() == raw.headers.get("Host", "").lower():
                return
        policy = self._cors.policy_for_request(raw) if self._cors is not None else None
        if policy is None or not policy.allows(origin):
            raise ForbiddenError("The origin of the page is not allowed to open a push session")

    async def _check_init(self, session: PushSession) -> None:
        if self._handler is None:
            return
        try:
            is_welcome = await self._handler.on_push_session_init(session)
        except Exception as error:
            raise ForbiddenError(str(error)) from error
        if not is_welcome:
            raise ForbiddenError("You are not authorized to initiate a push session")

    def _refusal(self, raw: RawRequest, error: Exception) -> web.StreamResponse:
        if not isinstance(error, Error):
            log.error("A handshake cannot be answered", exc_info=error)
        answer = respond.failure(respond.failure_of(error))
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
        except Exception:
            log.exception("Session %s: %s failed", session.identifier, what)
            return False
        return True

    async def _read(self, session: PushSession, socket: Socket) -> None:
        """Take what the client sends, until there is no more."""
        while True:
            kind, data, reason = await socket.receive()
            if kind is WSMsgType.PING:
                await socket.pong(data)
            elif kind is WSMsgType.PONG:
                socket.heard = asyncio.get_running_loop().time()
            elif kind in (WSMsgType.TEXT, WSMsgType.BINARY):
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
            config = PushConfig.from_bytes(session.reads, data)
            session.adopt(config)
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

    async def _complain(self, session: PushSession, socket: Socket, error: Error) -> bool:
        """Tell a client what was wrong, if it asked to be told; else end the session."""
        if "enableErrors" not in session.parameters:
            await socket.close(UNSUPPORTED_DATA)
            return False
        session.is_in_error = True
        self._hub.refile(session)
        event = Event.new_error(error, timestamp=datetime.now(UTC), encoding=session.writes)
        session.offer(Parcel(Outgoing(event, None)))
        return True


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
