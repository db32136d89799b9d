"""`RestDoor`: which paths there are, and the way of a request through the door and back.

Paths of the API have one, two or three segments, with ``/v/N`` in front or without. What has
another shape, or a method that its shape does not know, is refused here; everything else is the
pipeline's.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import HttpVersion10, web

from bahamut import respond
from bahamut.config import Config
from bahamut.cors import Headers
from bahamut.elemental.errors import Error
from bahamut.elemental.request import RawRequest, is_escaped
from bahamut.elemental.response import RawResponse
from bahamut.errors import NotAllowedError, NotFoundError
from bahamut.interfaces import CustomHandler
from bahamut.pipeline import Pipeline
from bahamut.rest.meta import JSON_HEADERS, RouteInfo, install_meta
from bahamut.web import compress
from bahamut.web.adapter import raw_request, read_body, split_target, write_by_hand
from bahamut.web.cors import cors_headers, decorate_all
from bahamut.web.internals import answer_for, plain_answer

log = logging.getLogger("bahamut.access")

ALL_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
OF_LISTS = ("GET", "HEAD", "POST")
OF_OBJECTS = ("DELETE", "GET", "PATCH", "PUT")
CONTINUE = "100-continue"
"""All that clients can expect."""
VARY_ENCODING = ("Vary", "Accept-Encoding")
_VERSION = re.compile("[+-]?[0-9]+")
CLIENT_GONE = 499
"""What the access log says of a client that did not wait; nothing is sent."""

Handle = Callable[[Any], Awaitable[web.StreamResponse]]


class RestDoor:
    """Between aiohttp and the pipeline.

    Args:
        config: the configuration.
        pipeline: serves the operations.
        routes: lists the routes of each version.
        custom_handlers: by path.
    """

    def __init__(
        self,
        config: Config,
        pipeline: Pipeline,
        routes: Callable[[], Mapping[int, list[RouteInfo]]],
        custom_handlers: Mapping[str, CustomHandler],
    ) -> None:
        self._config = config
        self._rest = config.rest
        self._pipeline = pipeline
        self._routes = routes
        self._custom_handlers = custom_handlers
        self._prefix = config.rest.api_prefix
        self._cors = config.security.cors
        self._foreign: set[str] = {config.push.served_endpoint} - {""}
        """Paths that somebody else serves."""

    def install(self, app: web.Application) -> None:
        """Add everything to *app*: root, meta routes, custom routes, and the API behind them."""
        root = self._rest.root_handler
        if root is not None:
            for method in ALL_METHODS:
                app.router.add_route(method, "/", root)
        else:
            app.router.add_route("GET", "/", _empty)
        self._foreign.update(["/", *install_meta(app, self._config.meta, self._routes)])
        for path, handler in self._custom_handlers.items():
            full = f"{self._rest.custom_route_prefix}/{path.strip('/')}"
            for method in ALL_METHODS:
                app.router.add_route(method, full, handler)
            self._foreign.add(full)
        app.router.add_route("*", "/{path:.*}", self.serve)
        if self._cors is not None:
            decorate_all(app, self._cors)

    def shortcut(self, application: Handle) -> Handle:
        """Return a handler that asks the application only for what is no operation."""
        foreign, serve = self._foreign, self.serve

        def handle(request: Any) -> Awaitable[web.StreamResponse]:
            path, headers = request.raw_path, request.headers
            if request.version < HttpVersion10:  # of HTTP/0.9, which has no answers with headers
                return _bad_request()
            expected = headers.get("Expect")
            if expected is not None:
                # Another one aiohttp would repeat, and fail when it is no UTF-8.
                is_known = expected.lower() == CONTINUE
                return application(request) if is_known else _expectation_failed()
            if path.partition("?")[0] in foreign:
                return application(request)
            if "Upgrade" in headers or not path.startswith(("/", "*")):
                return application(request)
            return serve(request)

        return handle

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request for the API, or for nothing at all."""
        begin = time.perf_counter() if log.isEnabledFor(logging.INFO) else 0.0
        path, query = split_target(request)
        if path == "*" and request.method == "OPTIONS":
            return web.Response()
        if request.method == "OPTIONS" and self._cors is not None:
            return self._preflight(request, path, query)
        if "%" in path and not is_escaped(path):
            return await _bad_request()
        raw = raw_request(request, path, query)
        try:
            raw.path = self._route(request.method, path)
        except Error as error:
            refused = _refusal(error, request.method, path)
            return self._written(request, raw, refused, [])
        response = await self._pipeline.handle(raw, lambda: read_body(request, self._rest))
        extra = await self._compressed(raw, response) if self._rest.compression else []
        if response.writer is None:
            answer = self._written(request, raw, response, extra)
        else:
            extra += self._cors_headers(raw)
            answer = await write_by_hand(request, response.writer, _joined(extra))
        if begin:
            _log(request, response.status, time.perf_counter() - begin)
        return answer

    def _route(self, method: str, path: str) -> str:
        """Return the path below the prefix, if it has the shape of a route with that method.

        Raises:
            Error: 400 for an empty segment, 404 for another shape, 405 for another method.
        """
        if self._prefix:
            if not path.startswith(f"{self._prefix}/"):
                raise NotFoundError
            path = path[len(self._prefix) :]
        segments = path.split("/")[1:]
        if not segments:
            raise NotFoundError
        while segments[0] == "v":
            if not _is_version(segments) or len(segments) == 2:
                return path  # the pipeline says what is wrong with it
            segments = segments[2:]
        if segments == [""]:
            raise NotAllowedError(path)
        if "" in segments:
            text = f"{path} is not a valid elemental request path"
            raise Error("Bad Request", text, "elemental", 400)
        if len(segments) > 3:
            raise NotFoundError
        if method not in (OF_OBJECTS if len(segments) == 2 else OF_LISTS):
            raise NotAllowedError(path)
        return path

    async def _compressed(self, raw: RawRequest, response: RawResponse) -> list[tuple[str, str]]:
        """Compress the body if that is worth it; return the headers that say so."""
        if len(response.body) >= compress.MINIMUM:
            accepted = raw.headers.get("Accept-Encoding")
            if accepted and compress.is_accepted(accepted):
                response.body = await compress.compressed(response.body)
                return [VARY_ENCODING, ("Content-Encoding", "gzip")]
        return [VARY_ENCODING]

    def _cors_headers(self, raw: RawRequest) -> Headers:
        return cors_headers(self._cors, raw) if self._cors is not None else ()

    def _written(
        self,
        request: web.Request,
        raw: RawRequest,
        response: RawResponse,
        extra: list[tuple[str, str]],
    ) -> web.StreamResponse:
        headers = [*response.headers, *extra, *self._cors_headers(raw)]
        body = b"" if response.status in (204, 304) else response.body
        if not self._rest.keep_alive:
            closing = plain_answer(response.status, headers, body)
            closing.force_close()
            return closing
        return answer_for(request, response.status, headers, body)

    def _preflight(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        assert self._cors is not None  # noqa: S101 - asked before
        raw = raw_request(request, path, query)
        headers = [*JSON_HEADERS, *cors_headers(self._cors, raw, preflight=True)]
        return answer_for(request, 200, headers, b"")


async def _bad_request() -> web.StreamResponse:
    return web.Response(status=400, text="400 Bad Request")


async def _expectation_failed() -> web.StreamResponse:
    return web.Response(status=417, text="417 Expectation Failed")


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return headers by name, the values of one that is given twice in one line."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _is_version(segments: list[str]) -> bool:
    return len(segments) > 1 and _VERSION.fullmatch(segments[1]) is not None


async def _empty(_request: web.Request) -> web.Response:
    return web.Response()


def _refusal(error: Error, method: str, path: str) -> RawResponse:
    """Return the answer to what is no request of the API."""
    if isinstance(error, NotAllowedError):
        segments = error.description.strip("/").split("/")
        if segments[0] == "v" and len(segments) > 1:
            segments = segments[2:]
        allowed: tuple[str, ...] = OF_OBJECTS if len(segments) == 2 else OF_LISTS
        if not error.description.strip("/"):
            allowed = ("GET",)
        refused = NotAllowedError(f"{method} not allowed on {path}")
        return respond.refusal(refused, [("Allow", ", ".join(allowed))])
    return respond.refusal(error)


def _log(request: web.BaseRequest, status: int, seconds: float) -> None:
    if request.transport is None:
        status = CLIENT_GONE
    facts = {"status": status, "seconds": seconds, "client": request.remote}
    log.info("%s %s %d", request.method, request.path, status, extra=facts)
