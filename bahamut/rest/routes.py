"""`RestDoor`: which requests are the API's, and their way to the pipeline and back."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from aiohttp import HttpVersion10, web
from yarl import URL

from bahamut import respond
from bahamut._kit.calls import name_of, shown
from bahamut._kit.tasks import FAILURES, failure
from bahamut._kit.workers import BusyError
from bahamut.config import Config
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.headers import ACCEPT_ENCODING, EXPECT, UPGRADE
from bahamut.elemental.query import is_escaped
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.response import RawResponse
from bahamut.errors import NotAllowedError, NotFoundError
from bahamut.interfaces import CustomHandler
from bahamut.pipeline import Pipeline
from bahamut.rest.meta import JSON_HEADERS, RouteInfo, install_meta
from bahamut.routing import template_of
from bahamut.web import compress, head
from bahamut.web.access import CLIENT_GONE, AccessLog
from bahamut.web.adapter import raw_request, read_body, write_by_hand
from bahamut.web.cors import cors_headers, decorate_all
from bahamut.web.internals import answer_for, plain_answer
from bahamut.web.service import http_logger

ALL_METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")
CONTINUE = "100-continue"
"""All that clients can expect."""
PLAIN_TEXT = ("Content-Type", "text/plain; charset=utf-8")
VARY_ENCODING = ("Vary", "Accept-Encoding")

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
        self._access = AccessLog(config.security.secret_parameters)
        self._foreign: dict[str, tuple[str, ...]] = {}
        """Paths that the application serves beside the API, and the methods that it does."""
        self._patterns: list[re.Pattern[str]] = []
        """Custom routes that are patterns, such as ``/files/{name}``."""
        if config.push.served_endpoint:
            self._foreign[config.push.served_endpoint] = ("GET",)

    def install(self, app: web.Application) -> None:
        """Add everything to *app*: root, meta routes, custom routes, and the API behind them."""
        root = self._rest.root_handler
        if root is not None:
            root = self._answering(root)
            for method in ALL_METHODS:
                app.router.add_route(method, "/", root)
        else:
            app.router.add_route("GET", "/", _empty)
        self._foreign["/"] = ALL_METHODS if root is not None else ("GET",)
        for path in install_meta(app, self._config.meta, self._routes):
            self._foreign[path] = ("GET", "HEAD")
        for path, handler in self._custom_handlers.items():
            full = f"{self._rest.custom_route_prefix}/{path.strip('/')}"
            resource = app.router.add_resource(full)
            for method in ALL_METHODS:
                resource.add_route(method, self._answering(handler))
            pattern = resource.get_info().get("pattern")
            if pattern is not None:
                self._patterns.append(pattern)
            self._foreign[full] = ALL_METHODS
        app.middlewares.insert(0, self._access.middleware(self.serve))
        app.router.add_route("*", r"/{path:[\s\S]*}", self.serve)  # a dot is no line break
        if self._cors is not None:
            decorate_all(app, self._cors)

    def _answering(self, handler: CustomHandler) -> CustomHandler:
        """Return a handler whose exceptions are answered as those of operations are."""

        async def answer(request: web.Request) -> web.StreamResponse:
            try:
                response = await handler(request)
                if not isinstance(response, web.StreamResponse):
                    raise TypeError(
                        f"{name_of(handler)} must return a web.Response, not {shown(response)}"
                    )
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
            http_logger(self._rest).error("The handler of %s failed", request.path, exc_info=error)
        answer = respond.failure(failed)
        headers = list(answer.headers)
        if self._cors is not None:
            headers += cors_headers(self._cors, raw_request(request))
        return plain_answer(answer.status, headers, answer.body)

    def _methods_beside(self, path: str) -> tuple[str, ...] | None:
        """Return the methods that the application serves beside the API, None without any."""
        found = self._foreign.get(path)
        if found is None and self._patterns and path.startswith("/"):
            if "%" in path:  # what aiohttp's router looks at
                path = URL.build(path=path, encoded=True).path_safe
            found = ALL_METHODS if any(p.fullmatch(path) for p in self._patterns) else None
        return found

    def takes(self, raw: RawRequest) -> bool:
        """Tell whether a request is the door's own, and not the application's."""
        headers = raw.headers
        return (
            raw.path not in self._foreign
            and (not self._patterns or self._methods_beside(raw.path) is None)
            and raw.path.startswith("/")
            and EXPECT not in headers
            and UPGRADE not in headers
            and self._rest.keep_alive
            and head.is_ordinary(headers)
        )

    def shortcut(self, application: Handle) -> Handle:
        """Return a handler that asks the application only for what is no operation."""

        def handle(request: Any) -> Awaitable[web.StreamResponse]:
            if request.version < HttpVersion10:  # of HTTP/0.9, which has no answers with headers
                return self._refused(raw_request(request), _plain(400, "400 Bad Request"))
            raw = raw_request(request)
            problem = head.problem_of(request.version, raw.headers)
            if problem is not None:
                return self._refused(raw, problem, closes=True)
            expected = request.headers.get(EXPECT)
            if expected is not None:
                # Another one aiohttp would repeat, and fail when it is no UTF-8.
                if expected.lower() != CONTINUE:
                    return self._refused(raw, _plain(417, "417 Expectation Failed"))
                return application(request)
            if self._methods_beside(raw.path) or UPGRADE in raw.headers:
                return application(request)
            return self._served(request, raw)

        return handle

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of aiohttp's for the API, or for nothing at all."""
        raw = raw_request(request)
        problem = head.problem_of(request.version, raw.headers)
        if problem is not None:
            return await self._refused(raw, problem, closes=True)
        return await self._served(request, raw)

    async def _refused(
        self, raw: RawRequest, what: Error | RawResponse, *, closes: bool = False
    ) -> web.StreamResponse:
        """Refuse a request for its head: counted, limited, decorated and logged like any other."""
        begin, path = self._access.begin(), raw.path
        self._strip(raw)
        if isinstance(what, RawResponse):
            response = await self._refused_plainly(raw, what)
        else:
            response = await self._pipeline.refuse(raw, what)
        self._decorate(raw, response)
        self._access.write(raw, path, response.status, begin)
        answer = plain_answer(response.status, response.headers, response.body)
        if closes:
            answer.force_close()
        return answer

    async def _refused_plainly(self, raw: RawRequest, what: RawResponse) -> RawResponse:
        """Refuse in plain text, as the original does, unless the limit of requests says more."""
        error = Error("", "", code=what.status)
        response = await self._pipeline.refuse(raw, error)
        return what if response.status == what.status else response

    async def _served(self, request: web.Request, raw: RawRequest) -> web.StreamResponse:
        if raw.path == "*" and raw.method == "OPTIONS":
            begin = self._access.begin()
            self._access.write(raw, raw.path, 200, begin)
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
        begin, path = self._access.begin(), raw.path
        if raw.method == "OPTIONS" and self._cors is not None:
            preflight = cors_headers(self._cors, raw, preflight=True)
            response = RawResponse(200, [*JSON_HEADERS, *preflight])
        else:
            response = await self._answered(raw, content)
            self._decorate(raw, response)
        if begin:
            status = response.status if raw.native.transport is not None else CLIENT_GONE
            self._access.write(raw, path, status, begin)
        return response

    async def _answered(self, raw: RawRequest, content: Any) -> RawResponse:
        """Answer a request, without the headers of foreign origins."""
        path = raw.path
        is_below, foreign = self._strip(raw), self._methods_beside(path)
        if "%" in path and not is_escaped(path):
            return await self._refused_plainly(raw, _plain(400, "400 Bad Request"))
        if foreign is not None and not (is_below and self._pipeline.is_routed(raw)):
            error = NotAllowedError(f"{raw.method} not allowed on {path}", foreign)
            return await self._pipeline.refuse(raw, error, template=path)
        if not is_below:
            template = template_of(path, ())
            return await self._pipeline.refuse(
                raw, NotFoundError(), template=template, is_limited=False
            )
        body = partial(read_body, content, raw.headers, self._rest)
        response = await self._pipeline.handle(raw, body)
        if foreign is not None:
            _also_allow(response, foreign)
        if self._rest.compression:
            response.headers.append(VARY_ENCODING)
            if len(response.body) >= compress.MINIMUM:
                await _compress(raw, response)
        return response

    def _strip(self, raw: RawRequest) -> bool:
        """Take the API's prefix from a path, and tell whether it had it."""
        if not self._prefix:
            return True
        is_below = raw.path.startswith(f"{self._prefix}/")
        if is_below:
            raw.path = raw.path[len(self._prefix) :]
        return is_below

    def _decorate(self, raw: RawRequest, response: RawResponse) -> None:
        if self._cors is not None:
            response.headers += cors_headers(self._cors, raw)

    async def write_by_hand(self, raw: RawRequest, response: RawResponse) -> web.StreamResponse:
        """Let the writer of an answer write it."""
        return await write_by_hand(raw.native, response.writer, _joined(response.headers))


async def _compress(raw: RawRequest, response: RawResponse) -> None:
    """Compress the body, if the client understands that."""
    accepted = raw.headers.get(ACCEPT_ENCODING)
    if accepted and compress.is_accepted(accepted):
        try:
            response.body = await compress.compressed(response.body)
        except BusyError:
            return  # better large than late
        response.headers.append(("Content-Encoding", "gzip"))


def _plain(status: int, text: str) -> RawResponse:
    return RawResponse(status, [PLAIN_TEXT], text.encode())


def _also_allow(response: RawResponse, methods: tuple[str, ...]) -> None:
    """Add what the application serves on a path to what the model allows there."""
    for index, (name, value) in enumerate(response.headers):
        if name == "Allow":
            allowed = {*filter(None, value.split(", ")), *methods}
            response.headers[index] = name, ", ".join(sorted(allowed))


def _joined(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Return headers by name, the values of one that is given twice in one line."""
    found: dict[str, str] = {}
    for name, value in pairs:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


async def _empty(_request: web.Request) -> web.Response:
    return web.Response()
