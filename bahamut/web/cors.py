"""The headers of foreign origins on every answer, and the answer to preflights.

Answers of the API are decorated by their door. Everything else that the application serves (meta
routes, custom routes, errors) is decorated by a signal of aiohttp.
"""

from __future__ import annotations

from aiohttp import web

from bahamut.cors import CORSPolicyController, Headers
from bahamut.elemental.request import RawRequest
from bahamut.web.adapter import raw_request, split_target
from bahamut.web.internals import DECORATED


def cors_headers(
    controller: CORSPolicyController, raw: RawRequest, *, preflight: bool = False
) -> Headers:
    """Return the headers that a request's policy asks for, none without a policy."""
    policy = controller.policy_for_request(raw)
    if policy is None:
        return ()
    return policy.headers(raw.headers.get("Origin", ""), preflight=preflight)


def decorate_all(app: web.Application, controller: CORSPolicyController) -> None:
    """Decorate whatever the application answers that is not decorated yet."""

    async def decorate(request: web.Request, response: web.StreamResponse) -> None:
        if DECORATED in response:
            return
        raw = raw_request(request, *split_target(request))
        for name, value in cors_headers(controller, raw):
            if name == "Vary":
                known = response.headers.get("Vary")
                value = f"{known}, {value}" if known else value
            response.headers[name] = value

    app.on_response_prepare.append(decorate)
