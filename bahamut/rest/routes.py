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
from functools import partial
from typing import Any

from aiohttp import HttpVersion10, web
from aiohttp.log import server_logger

from bahamut import respond
from bahamut._kit.calls import name_of, shown
from bahamut._kit.tasks import FAILURES, failure
from bahamut._kit.workers import BusyError
from bahamut.config import Config
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.headers import ACCEPT_ENCODING, EXPECT, UPGRADE
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.request import is_escaped
from bahamut.elemental.response import RawResponse
from bahamut.errors import NotAllowedError, NotFoundError
from bahamut.interfaces import CustomHandler
from bahamut.pipeline import Pipeline
from bahamut.rest.meta import JSON_HEADERS, RouteInfo, install_meta
from bahamut.web import compress
from bahamut.web.adapter import raw_request, read_body, write_by_hand
from bahamut.web.cors import cors_headers, decorate_all
from bahamut.web.internals import answer_for, plain_answer

log = logging.getLogger("bahamut.access")

ALL_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
OF_LISTS = ("GET", "HEAD", "POST")
OF_OBJECTS = ("DELETE", "GET", "PATCH", "PUT")
METHODS = {1: OF_LISTS, 2: OF_OBJECTS, 3: OF_LISTS}
"""By number of segments."""
CONTINUE = "100-continue"
"""All that clients can expect."""
PLAIN_TEXT = ("Content-Type", "text/plain; charset=utf-8")
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
            root = self._answering(root)
            for method in ALL_METHODS:
                app.router.add_route(method, "/", root)
        else:
            app.router.add_route("GET", "/", _empty)
        self._foreign.update(["/", *install_meta(app, self._config.meta, self._routes)])
        for path, handler in self._custom_handlers.items():
            full = f"{self._rest.custom_route_prefix}/{path.strip('/')}"
            for method in ALL_METHODS:
                app.router.add_route(method, full, self._answering(handler))
            self._foreign.add(full)
        app.router.add_route("*", "/{path:.*}", self.serve)
        if self._cors is not None:
            decorate_all(app, self._cors)

    def _answering(self, handler: CustomHandler) -> CustomHandler:
        """Return a handler whose exceptions are answered as those of operations are."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                response = await handler(request)
                if not isinstance(response, web.StreamResponse):
                    raise TypeError(f"{name_of(handler)} returned {shown(response)}, no response")
            except web.HTTPException:
                raise  # its own answer
            except FAILURES as raised:
                return self._failed(request, failure(raised))
            return response

        return answer

    def _failed(self, request: web.Request, error: Exception) -> web.StreamResponse:
        """Answer what a custom handler raised.

        Raises:
            Exception: it cannot be answered any more, or panic recovery is off.
        """
        is_gone = request.transport is None or request.writer.output_size > 0
        is_expected = isinstance(error, Error | Errors | TimeoutError)
        if is_gone or not (is_expected or self._config.errors.panic_recovery):
            raise error
        expose = self._config.errors.expose_internal
        failed = respond.failure_of(error, expose=expose)
        if failed.errors.code >= 500 and failed.errors.code != 501:
            logger = self._rest.logger or server_logger
            logger.error("The handler of %s failed", request.path, exc_info=error)
        answer = respond.failure(failed)
        headers = list(answer.headers)
        if self._cors is not None:
            headers += cors_headers(self._cors, raw_request(request))
        return plain_answer(answer.status, headers, answer.body)

    def takes(self, raw: RawRequest) -> bool:
        """Tell whether a request is the door's own, and not the application's."""
        headers = raw.headers
        return (
            raw.path not in self._foreign
            and raw.path.startswith("/")
            and EXPECT not in headers
            and UPGRADE not in headers
            and self._rest.keep_alive
        )

    def shortcut(self, application: Handle) -> Handle:
        """Return a handler that asks the application only for what is no operation."""

        def handle(request: Any) -> Awaitable[web.StreamResponse]:
            if request.version < HttpVersion10:  # of HTTP/0.9, which has no answers with headers
                return _bad_request()
            expected = request.headers.get(EXPECT)
            if expected is not None:
                # Another one aiohttp would repeat, and fail when it is no UTF-8.
                is_known = expected.lower() == CONTINUE
                return application(request) if is_known else _expectation_failed()
            raw = raw_request(request)
            if raw.path in self._foreign or UPGRADE in raw.headers:
                return application(request)
            return self._served(request, raw)

        return handle

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of aiohttp's for the API, or for nothing at all."""
        return await self._served(request, raw_request(request))

    async def _served(self, request: web.Request, raw: RawRequest) -> web.StreamResponse:
        if raw.path == "*" and raw.method == "OPTIONS":
            return web.Response()
        response = await self.answer(raw, request.content)
        if response.writer is not None:
            return await self.write_by_hand(raw, response)
        if not self._rest.keep_alive:
            closing = plain_answer(response.status, response.headers, response.body)
            closing.force_close()
            return closing
        return answer_for(request, response)

    async def answer(self, raw: RawRequest, content: Any) -> RawResponse:
        """Answer a request, with every header.

        Args:
            raw: the request.
            content: where its body is read from.
        """
        begin = time.perf_counter() if log.isEnabledFor(logging.INFO) else 0.0
        method, path = raw.method, raw.path
        if method == "OPTIONS" and self._cors is not None:
            return RawResponse(200, [*JSON_HEADERS, *cors_headers(self._cors, raw, preflight=True)])
        if "%" in path and not is_escaped(path):
            return RawResponse(400, [PLAIN_TEXT], b"400 Bad Request")
        try:
            raw.path = self._route(method, path)
        except Error as error:
            response = _refusal(error, method, path)
        else:
            body = partial(read_body, content, raw.headers, self._rest)
            response = await self._pipeline.handle(raw, body)
            if self._rest.compression:
                response.headers.append(VARY_ENCODING)
                if len(response.body) >= compress.MINIMUM:
                    await _compress(raw, response)
        if self._cors is not None:
            response.headers += cors_headers(self._cors, raw)
        if begin:
            _log(raw, response.status, time.perf_counter() - begin)
        return response

    async def write_by_hand(self, raw: RawRequest, response: RawResponse) -> web.StreamResponse:
        """Let the writer of an answer write it."""
        return await write_by_hand(raw.native, response.writer, _joined(response.headers))

    def _route(self, method: str, path: str) -> str:
        """Return the path below the prefix, if it has the shape of a route with that method.

        Raises:
            Error: 400 for an empty segment, 404 for another shape, 405 for another method.
        """
        if self._prefix:
            if not path.startswith(f"{self._prefix}/"):
                raise NotFoundError
            path = path[len(self._prefix) :]
        if _is_ordinary(method, path):
            return path
        segments = path.split("/")[1:]
        while segments[:1] == ["v"]:
            if not _is_version(segments) or len(segments) == 2:
                return path  # the pipeline says what is wrong with it
            segments = segments[2:]
        if segments == [""]:
            raise NotAllowedError(path)
        if "" in segments:
            text = f"{path} is not a valid elemental request path"
            raise Error("Bad Request", text, "elemental", 400)
        if len(segments) not in METHODS:
            raise NotFoundError
        if method not in METHODS[len(segments)]:
            raise NotAllowedError(path)
        return path


async def _compress(raw: RawRequest, response: RawResponse) -> None:
    """Compress the body, if the client understands that."""
    accepted = raw.headers.get(ACCEPT_ENCODING)
    if accepted and compress.is_accepted(accepted):
        try:
            response.body = await compress.compressed(response.body)
        except BusyError:
            return  # better large than late
        response.headers.append(("Content-Encoding", "gzip"))


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


def _is_ordinary(method: str, path: str) -> bool:
    """Tell, without taking a path apart, whether it is a route without a version."""
    return (
        method in METHODS.get(path.count("/"), ())
        and "//" not in path
        and not path.endswith("/")
        and not path.startswith("/v/")
    )


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


def _log(raw: RawRequest, status: int, seconds: float) -> None:
    if raw.native.transport is None:
        status = CLIENT_GONE
    facts = {"status": status, "seconds": seconds, "client": raw.remote}
    log.info("%s %s %d", raw.method, raw.native.path, status, extra=facts)
