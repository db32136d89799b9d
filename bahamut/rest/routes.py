"""`RestDoor`: which paths there are, and the way of a request through the door and back.

Paths of the API have one, two or three segments, with ``/v/N`` in front or without. What has
another shape, or a method that its shape does not know, is refused here; everything else is the
pipeline's.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bahamut import respond
from bahamut.config import Config
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
from bahamut.web.internals import answer_for

log = logging.getLogger("bahamut.access")

ALL_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
OF_LISTS = ("GET", "HEAD", "POST")
OF_OBJECTS = ("DELETE", "GET", "PATCH", "PUT")
CONTINUE = "100-continue"
"""All that clients can expect."""
VARY_ENCODING = ("Vary", "Accept-Encoding")
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
        self._foreign: set[str] = set()
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

        async def handle(request: Any) -> web.StreamResponse:
            path, headers = request.raw_path, request.headers
            if headers.get("Expect", CONTINUE).lower() != CONTINUE:
                # aiohttp would repeat the header, and fail when it is no UTF-8.
                return web.Response(status=417, text="417 Expectation Failed")
            if path.partition("?")[0] in foreign or "Expect" in headers:
                return await application(request)
            if "Upgrade" in headers or not path.startswith(("/", "*")):
                return await application(request)
            return await serve(request)

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
            return web.Response(status=400, text="400 Bad Request")
        raw = raw_request(request, path, query)
        try:
            raw.path = self._route(request.method, path)
        except Error as error:
            refused = _refusal(error, request.method, path)
            return self._written(request, raw, refused, [])
        response = await self._pipeline.handle(raw, lambda: read_body(request, self._rest))
        answer = await self._answered(request, raw, response)
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

    async def _answered(
        self, request: web.Request, raw: RawRequest, response: RawResponse
    ) -> web.StreamResponse:
        """Return aiohttp's answer: decorated, compressed if that is worth it."""
        extra = []
        if self._rest.compression:
            extra.append(VARY_ENCODING)
            accepted = raw.headers.get("Accept-Encoding")
            is_long = len(response.body) >= compress.MINIMUM
            if accepted and is_long and compress.is_accepted(accepted):
                response.body = await compress.compressed(response.body)
                extra.append(("Content-Encoding", "gzip"))
        if response.writer is not None:
            headers: dict[str, str] = {}
            for name, value in extra + self._cors_headers(raw):
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            return await write_by_hand(request, response.writer, headers)
        return self._written(request, raw, response, extra)

    def _cors_headers(self, raw: RawRequest) -> list[tuple[str, str]]:
        return cors_headers(self._cors, raw) if self._cors is not None else []

    def _written(
        self,
        request: web.Request,
        raw: RawRequest,
        response: RawResponse,
        extra: list[tuple[str, str]],
    ) -> web.StreamResponse:
        headers = response.headers + extra + self._cors_headers(raw)
        body = b"" if response.status in (204, 304) else response.body
        answer = answer_for(
            request,
            response.status,
            headers,
            body,
            write_timeout=self._rest.timeouts.write,
        )
        if not self._rest.keep_alive:
            answer = answer_for_closing(response.status, headers, body)
        return answer

    def _preflight(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        assert self._cors is not None  # noqa: S101 - asked before
        raw = raw_request(request, path, query)
        headers = [*JSON_HEADERS, *cors_headers(self._cors, raw, preflight=True)]
        return self._plain(request, headers)

    def _plain(self, request: web.Request, headers: list[tuple[str, str]]) -> web.StreamResponse:
        return answer_for(request, 200, headers, b"")


def answer_for_closing(
    status: int, headers: list[tuple[str, str]], body: bytes
) -> web.StreamResponse:
    """Return an answer after which the connection is closed."""
    from bahamut.web.internals import plain_answer

    answer = plain_answer(status, headers, body)
    answer.force_close()
    return answer


def _is_version(segments: list[str]) -> bool:
    return len(segments) > 1 and segments[1].isascii() and segments[1].isdigit()


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
