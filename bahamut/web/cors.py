"""The headers of foreign origins on every answer.

Answers of the API are decorated by their door. Everything else that the application serves (root
handler, meta routes, custom routes, errors) is decorated by signals of aiohttp: by aiohttp-cors
where an origin is allowed as itself, and by us where that library has no word for the policy.
"""

from __future__ import annotations

from typing import Any, NoReturn

from aiohttp import web
from aiohttp_cors import CorsConfig, ResourceOptions
from aiohttp_cors.abc import AbstractRouterAdapter

from bahamut._kit.logs import get_logger
from bahamut.cors import CORSPolicyController, Headers
from bahamut.elemental.headers import ORIGIN
from bahamut.elemental.raw_request import RawRequest
from bahamut.web.adapter import raw_request
from bahamut.web.internals import DECORATED

log = get_logger(__name__)

_LIBRARY_SETS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Expose-Headers",
)
"""The library asserts that an answer has none of these yet."""
_OPTIONS = web.RequestKey("bahamut.cors", ResourceOptions)
"""What a request asks of the library; those that ask nothing of it have none."""


def cors_headers(
    controller: CORSPolicyController, raw: RawRequest, *, preflight: bool = False
) -> Headers:
    """Return the headers that a request's policy asks for; none without one, or if that fails."""
    try:
        policy = controller.policy_for_request(raw)
    except Exception:
        log.exception("The CORS controller failed")
        return ()
    if policy is None:
        return ()
    return policy.headers(raw.headers.get(ORIGIN, ""), preflight=preflight)


def decorate_all(app: web.Application, controller: CORSPolicyController) -> None:
    """Decorate whatever the application answers that is not decorated yet."""

    async def decide(request: web.Request, response: web.StreamResponse) -> None:
        request.pop(_OPTIONS, None)  # of another answer to the same request
        if DECORATED in response:
            return
        wanted = dict(cors_headers(controller, raw_request(request)))
        vary, known = wanted.pop("Vary", ""), response.headers.get("Vary", "")
        if vary:
            response.headers["Vary"] = f"{known}, {vary}" if known else vary
        if _is_for_library(request, response, wanted):
            request[_OPTIONS] = _options(wanted)
        else:
            response.headers.update(wanted)

    app.on_response_prepare.append(decide)
    CorsConfig(app, router_adapter=_Adapter())  # appends what does as was decided


def _is_for_library(
    request: web.Request, response: web.StreamResponse, wanted: dict[str, str]
) -> bool:
    """Tell whether the library does what is wanted: it answers origins with themselves."""
    origin = request.headers.get("Origin")
    is_itself = origin is not None and wanted.get("Access-Control-Allow-Origin") == origin
    return is_itself and not any(name in response.headers for name in _LIBRARY_SETS)


def _options(wanted: dict[str, str]) -> ResourceOptions:
    exposed = wanted["Access-Control-Expose-Headers"]
    return ResourceOptions(  # type: ignore[no-untyped-call]
        allow_credentials="Access-Control-Allow-Credentials" in wanted,
        expose_headers=(exposed,) if exposed else (),  # as one text, which keeps its order
    )


class _Adapter(AbstractRouterAdapter):
    """Tells the library of each request what its policy says, in place of a table of routes."""

    def is_cors_enabled_on_request(self, request: web.Request) -> bool:
        return _OPTIONS in request

    def get_non_preflight_request_config(self, request: web.Request) -> Any:
        return {request.headers["Origin"]: request[_OPTIONS]}

    # The door answers preflights of all routes; none is ever added to the library.

    def is_preflight_request(self, request: web.Request) -> bool:
        return False

    async def get_preflight_request_config(
        self, preflight_request: web.Request, origin: str, requested_method: str
    ) -> NoReturn:
        raise KeyError(origin)

    def add_preflight_handler(
        self,
        routing_entity: Any,
        handler: Any,
        webview: bool = False,  # noqa: FBT001, FBT002 - the library's signature
    ) -> NoReturn:
        raise TypeError("the controller of policies is asked for each request")

    def set_config_for_routing_entity(self, routing_entity: Any, config: Any) -> NoReturn:
        raise TypeError("the controller of policies is asked for each request")
