"""The access log: one line for each request, also for those that are refused early."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bahamut._kit.logs import MAX_TEXT, get_logger, shortened
from bahamut.elemental.query import masked
from bahamut.elemental.raw_request import RawRequest
from bahamut.web.adapter import raw_request

log = get_logger("bahamut.access")

CLIENT_GONE = 499
"""The status of a request whose client did not wait; nothing is sent."""
_LOGGED = web.RequestKey("bahamut.logged", bool)


class AccessLog:
    """Writes the access log, at level INFO.

    Args:
        secrets: query parameters, in lower case, whose values are masked (decision X69).
    """

    def __init__(self, secrets: frozenset[str]) -> None:
        self._secrets = secrets

    def begin(self) -> float:
        """Return when a request began, 0.0 if nobody reads the log."""
        return time.perf_counter() if log.isEnabledFor(logging.INFO) else 0.0

    def write(self, raw: RawRequest, path: str, status: int, begin: float) -> None:
        """Log a request.

        Args:
            raw: the request.
            path: as it was sent; that of *raw* may have lost a prefix.
            status: of the answer.
            begin: when the request began; nothing is logged for 0.0.
        """
        if not begin:
            return
        # No more of it is logged, and to look for secrets takes time.
        query = masked(shortened(raw.query, MAX_TEXT), self._secrets)
        target = f"{path}?{query}" if query else path
        seconds = time.perf_counter() - begin
        facts = {"status": status, "seconds": seconds, "client": raw.remote}
        log.info("%s %s %d", raw.method, target, status, extra=facts)

    def write_handshake(self, request: web.Request, status: int) -> None:
        """Log the handshake of a websocket when it is answered, not when the session ends."""
        request[_LOGGED] = True
        raw = raw_request(request)
        self.write(raw, raw.path, status, self.begin())

    def middleware(self, own: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
        """Return a middleware that logs what an application answers.

        Args:
            own: a handler that logs its requests itself.
        """

        @web.middleware
        async def logged(request: web.Request, handler: Any) -> web.StreamResponse:
            begin = self.begin()
            if not begin or request.match_info.handler == own:
                answer: web.StreamResponse = await handler(request)
                return answer
            status = 500
            try:
                answer = await handler(request)
                status = getattr(answer, "status", 500)
            except web.HTTPException as error:
                status = error.status
                raise
            finally:
                if _LOGGED not in request:
                    raw = raw_request(request)
                    status = CLIENT_GONE if request.transport is None else status
                    self.write(raw, raw.path, status, begin)
            return answer

        return logged
