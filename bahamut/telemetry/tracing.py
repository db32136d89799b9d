"""Spans around requests, for tracers shaped like OpenTracing's.

Credentials never reach a trace (decision X27), and payloads are bounded.
"""

from __future__ import annotations

import base64
import binascii
import traceback
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from bahamut.elemental.errors import Errors
from bahamut.elemental.identity import Identity
from bahamut.elemental.operations import Operation
from bahamut.elemental.query import SECRET, masked
from bahamut.elemental.request import Request
from bahamut.elemental.validators import format_value

MAX_PAYLOAD = 64 * 1024
"""Bytes of a payload that a trace keeps."""
SNIPPED = "[snip]"
TEXT_MAP = "text_map"
"""OpenTracing's name for a carrier of texts."""

TraceCleaner = Callable[[Identity, bytes], bytes]
"""Takes what is confidential out of a body: gets a copy, returns what may be logged."""

_SECRET_HEADERS = frozenset(("authorization", "cookie"))
_SECRET_PARAMETERS = frozenset(("password",))


class Span(Protocol):
    """One piece of work; its text begins with the identifier of its trace, up to a colon."""

    def set_tag(self, key: str, value: Any) -> Any:
        """Say something of the span."""
        ...

    def log_kv(self, key_values: dict[str, Any]) -> Any:
        """Note something that happened."""
        ...

    def finish(self) -> None:
        """End the span."""
        ...


class Tracer(Protocol):
    """Makes spans: an OpenTracing tracer, or something like it."""

    def start_span(self, operation_name: str, child_of: Any = None, tags: Any = None) -> Any:
        """Begin a span."""
        ...

    def extract(self, format: str, carrier: Any) -> Any:  # noqa: A002 - OpenTracing's name
        """Return the context that a carrier brings, None without one."""
        ...


def trace_id(span: Any) -> str:
    """Return the identifier of a span's trace, ``unknown`` without a span."""
    return "unknown" if span is None else str(span).partition(":")[0]


def start_request_span(
    tracer: Tracer,
    request: Request,
    *,
    excluded: Collection[str] = (),
    cleaner: TraceCleaner | None = None,
    secrets: Collection[str] = (),
) -> Any:
    """Begin the span of a request, None if its identity is excluded.

    Args:
        tracer: makes it.
        request: parsed, its body read.
        excluded: names of identities that are not traced.
        cleaner: takes what is confidential out of the payload.
        secrets: query parameters, in lower case, whose values are not shown.
    """
    if request.identity.name in excluded:
        return None
    headers = _headers(request, secrets)
    carrier = {name: values[0] for name, values in headers.items() if values}
    try:
        parent = tracer.extract(TEXT_MAP, carrier)
    except Exception:  # noqa: BLE001 - a client's odd headers must not fail its request
        parent = None
    name = f"bahamut.handle.{_operation(request.operation)}.{request.identity.category}"
    span = tracer.start_span(name, child_of=parent, tags=_tags(request))
    for key, value in _fields(request, headers, cleaner, secrets).items():
        span.log_kv({key: value})
    return span


def _operation(operation: Operation) -> str:
    return operation.value.replace("-", "_")


def _tags(request: Request) -> dict[str, Any]:
    tags: dict[str, Any] = {
        "req.api_version": request.version,
        "req.id": request.request_id,
        "req.identity": request.identity.name,
        "req.recursive": request.recursive,
        "req.operation": request.operation.value,
        "req.override_protection": request.override_protection,
    }
    optional = {
        "req.external_tracking_id": request.external_tracking_id,
        "req.external_tracking_type": request.external_tracking_type,
        "req.namespace": request.namespace,
        "req.object.id": request.object_id,
        "req.parent.id": request.parent_id,
        "req.parent.identity": request.parent_identity.name,
    }
    return tags | {key: value for key, value in optional.items() if value}


def _fields(
    request: Request,
    headers: Mapping[str, list[str]],
    cleaner: TraceCleaner | None,
    secrets: Collection[str],
) -> dict[str, Any]:
    payload = request.data
    if cleaner is not None:
        payload = cleaner(request.identity, bytes(payload))
    return {
        "req.page.number": request.page,
        "req.page.size": request.page_size,
        "req.headers": {
            name: [SNIPPED] if name.lower() in _SECRET_HEADERS else values
            for name, values in headers.items()
        },
        "req.claims": _claims(request.password),
        "req.client_ip": request.client_ip,
        "req.parameters": {
            name: [_shown(name, parameter.values, secrets)]
            for name, parameter in request.parameters.items()
        },
        "req.order_by": list(request.order) or None,
        "req.payload": payload[:MAX_PAYLOAD].decode("utf-8", "replace"),
    }


def _headers(request: Request, secrets: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in request.headers:
        title = name.title()
        if title not in found and title != "Host":
            found[title] = list(request.headers.getall(name, ()))
    if "Referer" in found:  # it may be the address of a page with a token
        found["Referer"] = [_masked_url(value, secrets) for value in found["Referer"]]
    return found


def _masked_url(url: str, secrets: Collection[str]) -> str:
    address, mark, query = url.partition("?")
    return f"{address}{mark}{masked(query, secrets)}"


def _shown(name: str, values: list[Any], secrets: Collection[str]) -> str:
    if name.lower() in secrets:
        return SECRET
    return SNIPPED if name.lower() in _SECRET_PARAMETERS else _listed(values)


def _listed(values: list[Any]) -> str:
    """Return values as Go prints a list of them."""
    return f"[{' '.join(format_value(value) for value in values)}]"


def _claims(token: str) -> str:
    """Return what a token claims; the token itself never."""
    if not token:
        return "{}"
    parts = token.split(".")
    if len(parts) != 3:
        return "invalid token format"
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        return base64.b64decode(padded, validate=True).decode("utf-8", "replace")[:MAX_PAYLOAD]
    except binascii.Error:
        return "invalid token encoding"


def finish_request_span(span: Any, ctx: Any, status: int) -> None:
    """End the span of a request that succeeded."""
    if ctx.request.operation in (Operation.RETRIEVE_MANY, Operation.INFO):
        span.log_kv({"count-total": ctx.count})
    if ctx.messages:
        span.log_kv({"messages": list(ctx.messages)})
    span.set_tag("status.code", status)
    span.finish()


def fail_request_span(span: Any, errors: Errors, unexpected: BaseException | None) -> None:
    """End the span of a request that failed.

    Args:
        span: the span.
        errors: what the client is told.
        unexpected: the exception behind it, if it is no error of an API.
    """
    span.set_tag("error", value=True)
    span.set_tag("status.code", errors.code)
    span.log_kv({"elemental.error": errors})
    if unexpected is not None:
        span.set_tag("panic", value=True)
        span.log_kv({"panic": str(unexpected)})
        span.log_kv({"stack": "".join(traceback.format_exception(unexpected))})
    span.finish()
