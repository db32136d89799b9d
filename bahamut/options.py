"""The ``opt_*`` functions: each returns an `Option` for `bahamut.new`.

If an option is given twice, the last one wins. Seconds are floats; a timeout of 0 is disabled.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bahamut.checks import described, identified, keyed, listed, mapped
from bahamut.config import Option, RateLimit, Timeouts
from bahamut.cors import CORSPolicyController, DefaultCORSController, is_origin
from bahamut.elemental.identity import Identity
from bahamut.elemental.namespace import Namespacer
from bahamut.elemental.registry import Registry
from bahamut.interfaces import (
    Auditer,
    Authorizer,
    CustomHandler,
    CustomMarshaller,
    CustomUmarshaller,
    ErrorTransformer,
    HealthServerFunc,
    HealthStatFunc,
    Hook,
    IdentifiableRetriever,
    PushDispatchHandler,
    PushPublishHandler,
    RateLimitCondition,
    RateLimiter,
    RequestAuthenticator,
    SessionAuthenticator,
)
from bahamut.telemetry.metrics import MetricsManager
from bahamut.telemetry.tracing import TraceCleaner, Tracer

if TYPE_CHECKING:
    from bahamut.pubsub import PubSubClient

# --- the API server --------------------------------------------------------------------------


def opt_rest_server(listen: str) -> Option:
    """Serve the API on *listen*, for instance ``":8080"`` or ``"127.0.0.1:8080"``.

    Go: OptRestServer.
    """
    return lambda c: replace(c, rest=replace(c.rest, enabled=True, listen=listen))


def opt_custom_listener(listener: socket.socket) -> Option:
    """Serve the API on an already bound socket (Go: OptCustomListener)."""
    return lambda c: replace(c, rest=replace(c.rest, listener=listener))


def opt_custom_root_handler(handler: CustomHandler) -> Option:
    """Serve ``/`` with *handler*, for GET POST PUT DELETE HEAD PATCH OPTIONS.

    Go: OptCustomRootHandler. Without it ``GET /`` returns an empty 200.
    """
    return lambda c: replace(c, rest=replace(c.rest, root_handler=handler))


def opt_enable_api_path_prefix(prefix: str) -> Option:
    """Serve the API below *prefix*, for instance ``/api`` (Go: OptEnableAPIPathPrefix).

    Raises:
        ValueError: *prefix* is not a plain absolute path.
    """
    clean = _clean_prefix(prefix)
    return lambda c: replace(c, rest=replace(c.rest, api_prefix=clean))


def opt_enable_custom_route_path_prefix(prefix: str) -> Option:
    """Serve custom routes below *prefix* (Go: OptEnableCustomRoutePathPrefix).

    Raises:
        ValueError: *prefix* is not a plain absolute path.
    """
    clean = _clean_prefix(prefix)
    return lambda c: replace(c, rest=replace(c.rest, custom_route_prefix=clean))


def opt_timeouts(
    read: float = 0.0, write: float = 0.0, idle: float = 75.0, *, header: float = 10.0
) -> Option:
    """Set the timeouts of clients, in seconds; 0 disables one (Go: OptTimeouts).

    Args:
        read: for a whole request, including its body.
        write: for a client to read a response.
        idle: between two requests on one connection.
        header: for the headers of a request.
    """
    timeouts = Timeouts(read=read, write=write, idle=idle, header=header)
    return lambda c: replace(c, rest=replace(c.rest, timeouts=timeouts))


def opt_disable_keep_alive() -> Option:
    """Close each connection after its first response (Go: OptDisableKeepAlive)."""
    return lambda c: replace(c, rest=replace(c.rest, keep_alive=False))


def opt_disable_compression() -> Option:
    """Never compress responses (Go: OptDisableCompression)."""
    return lambda c: replace(c, rest=replace(c.rest, compression=False))


def opt_max_connection(maximum: int) -> Option:
    """Close new connections while *maximum* are open; 0 for no limit (Go: OptMaxConnection)."""
    return lambda c: replace(c, rest=replace(c.rest, max_connections=maximum))


def opt_max_body_size(size: int) -> Option:
    """Reject bodies of more than *size* bytes with 413; 4 MiB by default."""
    return lambda c: replace(c, rest=replace(c.rest, max_body_size=size))


def opt_max_body_items(number: int) -> Option:
    """Reject bodies with more than *number* values with 413; 100 000 by default, 0 for no limit.

    Strings, numbers, booleans, nulls, lists and objects count, at every level; keys do not.
    The limit also applies to messages of push sessions.
    """
    return lambda c: replace(c, rest=replace(c.rest, max_body_items=number))


def opt_max_header_size(size: int) -> Option:
    """Reject header fields and request lines of more than *size* bytes; 64 KiB by default."""
    return lambda c: replace(c, rest=replace(c.rest, max_header_size=size))


def opt_http_logger(logger: logging.Logger) -> Option:
    """Log errors of the HTTP server to *logger*, not ``aiohttp.server`` (Go: OptHTTPLogger).

    These are exceptions of custom handlers and, at level DEBUG, malformed HTTP requests.
    Line breaks and control characters in client input are escaped.
    """
    return lambda c: replace(c, rest=replace(c.rest, logger=logger))


def opt_trusted_proxies(*networks: str) -> Option:
    """Trust the forwarding headers of these proxies, for instance ``"10.0.0.0/8"``.

    Raises:
        ValueError: a value is neither an address nor a network.
    """
    try:
        parsed = tuple(ip_network(network) for network in networks)
    except ValueError as error:
        raise ValueError(f"opt_trusted_proxies(): {error}") from error
    return lambda c: replace(c, rest=replace(c.rest, trusted_proxies=parsed))


def opt_shutdown_timeout(seconds: float) -> Option:
    """Wait up to *seconds* for open requests when the server stops; 60 by default."""
    return lambda c: replace(c, rest=replace(c.rest, shutdown_timeout=seconds))


# --- the model -------------------------------------------------------------------------------


def opt_model(registries: Mapping[int, Registry]) -> Option:
    """Serve these models, one registry per API version (Go: OptModel).

    Version 0 serves paths without a version.
    """
    return lambda c: replace(c, model=replace(c.model, registries=mapped("opt_model", registries)))


def opt_read_only(excluded: Iterable[Identity] = ()) -> Option:
    """Reject writes with 423, except for the *excluded* identities (Go: OptReadOnly)."""
    kept = frozenset(identified("opt_read_only", excluded))
    return lambda c: replace(c, model=replace(c.model, read_only=True, read_only_excluded=kept))


def opt_marshallers(marshallers: Mapping[Identity, CustomMarshaller]) -> Option:
    """Encode responses of these identities with custom functions (Go: OptMarshallers)."""
    given = keyed("opt_marshallers", marshallers)
    return lambda c: replace(c, model=replace(c.model, marshallers=given))


def opt_unmarshallers(unmarshallers: Mapping[Identity, CustomUmarshaller]) -> Option:
    """Decode bodies of these identities with custom functions (Go: OptUnmarshallers)."""
    given = keyed("opt_unmarshallers", unmarshallers)
    return lambda c: replace(c, model=replace(c.model, unmarshallers=given))


def opt_external_types(
    *, content_types: Iterable[str] = (), accept_types: Iterable[str] = ()
) -> Option:
    """Accept additional media types, handled by custom (un)marshallers.

    Go: elemental.RegisterSupportedContentType and RegisterSupportedAcceptType.
    """
    content = frozenset(listed("opt_external_types", content_types))
    accept = frozenset(listed("opt_external_types", accept_types))
    return lambda c: replace(
        c,
        model=replace(c.model, external_content_types=content, external_accept_types=accept),
    )


def opt_backward_compat_propagation() -> Option:
    """Pass ``propagated`` to the declared parameters too (Go: BackwardCompatPropagation)."""
    return lambda c: replace(c, model=replace(c.model, keeps_propagated=True))


def opt_identifiable_retriever(retriever: IdentifiableRetriever) -> Option:
    """Turn patches into updates of objects from *retriever* (Go: OptIdentifiableRetriever)."""
    return lambda c: replace(c, model=replace(c.model, retriever=retriever))


def opt_worker_threads(threads: int = 32, waiting: int = 1024) -> Option:
    """Set the number of threads for plain processors.

    They stop with the server; a thread whose processor does not return is abandoned.

    Args:
        threads: maximum number of threads; each is started when first needed.
        waiting: operations that may wait for a thread; 503 beyond.
    """
    return lambda c: replace(
        c, model=replace(c.model, worker_threads=threads, worker_waiting=waiting)
    )


def opt_namespacer(namespacer: Namespacer | None) -> Option:
    """Extract the namespace of requests with *namespacer* (Go: elemental.SetNamespacer).

    By default it is the header ``X-Namespace``; with None it is always empty.
    """
    return lambda c: replace(c, model=replace(c.model, namespacer=namespacer))


# --- authentication, authorization, auditing, CORS -----------------------------------------------


def opt_authenticators(
    request: Iterable[RequestAuthenticator] = (), session: Iterable[SessionAuthenticator] = ()
) -> Option:
    """Authenticate requests and sessions with these, in order (Go: OptAuthenticators)."""
    requests = listed("opt_authenticators", request)
    sessions = listed("opt_authenticators", session)
    return lambda c: replace(
        c,
        security=replace(
            c.security, request_authenticators=requests, session_authenticators=sessions
        ),
    )


def opt_authorizers(authorizers: Iterable[Authorizer]) -> Option:
    """Authorize operations with these, in order (Go: OptAuthorizers)."""
    chain = listed("opt_authorizers", authorizers)
    return lambda c: replace(c, security=replace(c.security, authorizers=chain))


def opt_fail_closed() -> Option:
    """Deny access when no authenticator, or no authorizer, grants it."""
    return lambda c: replace(c, security=replace(c.security, fail_closed=True))


def opt_auditer(auditer: Auditer) -> Option:
    """Report every operation to *auditer* (Go: OptAuditer)."""
    return lambda c: replace(c, security=replace(c.security, auditer=auditer))


def opt_secret_parameters(*names: str) -> Option:
    """Mask the values of these query parameters, like that of ``token``.

    The access log, errors and spans show ``***`` instead, however the parameter is escaped.

    Args:
        *names: case-insensitive.
    """
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"opt_secret_parameters(): {described(name)} is not a string")
    secrets = frozenset(name.lower() for name in names)
    return lambda c: replace(
        c,
        security=replace(c.security, secret_parameters=c.security.secret_parameters | secrets),
    )


def opt_cors_access_control(controller: CORSPolicyController) -> Option:
    """Apply the CORS policy of *controller* (Go: OptCORSAccessControl)."""
    return lambda c: replace(c, security=replace(c.security, cors=controller))


def opt_cors_origin(origin: str) -> Option:
    """Allow pages of *origin* to use the API (Go: OptCORSOrigin).

    ``https://*.example.com`` matches one label, ``*`` every origin. With ``*``, websockets are
    still limited to the same origin.

    Raises:
        ValueError: *origin* has a path, no scheme, or a misplaced wildcard.
    """
    if not is_origin(origin):
        raise ValueError(
            f"opt_cors_origin(): {described(origin)} is not an origin such as https://example.com"
        )
    return opt_cors_access_control(DefaultCORSController(origin))


# --- limits ----------------------------------------------------------------------------------


def opt_rate_limiting(limit: float, burst: int) -> Option:
    """Allow *limit* requests per second, in bursts of *burst*; 429 beyond (Go: OptRateLimiting)."""
    rate = RateLimit(limit=limit, burst=burst)
    return lambda c: replace(c, limits=replace(c.limits, globally=rate))


def opt_api_rate_limiting(
    identity: Identity, limit: float, burst: int, condition: RateLimitCondition | None = None
) -> Option:
    """Limit the rate of requests for one *identity* (Go: OptAPIRateLimiting).

    Args:
        identity: identity of the limited requests.
        limit: requests per second.
        burst: size of a burst.
        condition: returns whether a request counts; without it all do.
    """
    identified("opt_api_rate_limiting", (identity,))
    rate = RateLimit(limit=limit, burst=burst, condition=condition)
    return lambda c: replace(
        c, limits=replace(c.limits, by_identity={**c.limits.by_identity, identity: rate})
    )


def opt_rate_limiter(limiter: RateLimiter) -> Option:
    """Check every request with *limiter*, after the limits above (Go: RateLimiter)."""
    return lambda c: replace(c, limits=replace(c.limits, limiter=limiter))


# --- errors ----------------------------------------------------------------------------------


def opt_disable_panic_recovery() -> Option:
    """Propagate unexpected exceptions to aiohttp (Go: OptDisablePanicRecovery)."""
    return lambda c: replace(c, errors=replace(c.errors, panic_recovery=False))


def opt_expose_internal_errors() -> Option:
    """Send messages of unexpected exceptions to clients, like the original."""
    return lambda c: replace(c, errors=replace(c.errors, expose_internal=True))


def opt_error_transformer(transformer: ErrorTransformer) -> Option:
    """Replace errors of operations before they are sent (Go: OptErrorTransformer)."""
    return lambda c: replace(c, errors=replace(c.errors, transformer=transformer))


# --- service metadata ---------------------------------------------------------


def opt_service_info(name: str, version: str, subversions: Mapping[str, Any] | None) -> Option:
    """Set name and versions of the service (Go: OptServiceInfo).

    Args:
        name: response of ``/_meta/name``; not served if empty.
        version: the version of the service.
        subversions: response of ``/_meta/version``; not served if None.
    """
    return lambda c: replace(
        c,
        meta=replace(c.meta, service_name=name, service_version=version, versions=subversions),
    )


def opt_disable_meta_routes() -> Option:
    """Do not serve ``/_meta/routes`` (Go: OptDisableMetaRoutes)."""
    return lambda c: replace(c, meta=replace(c.meta, routes=False))


# --- push ------------------------------------------------------------------------------------


def opt_push_server(client: PubSubClient, topic: str) -> Option:
    """Publish the events of objects on *topic*, and receive those of other servers.

    Go: OptPushServer. The server connects *client* when it starts and disconnects it when it stops.
    """
    return lambda c: replace(c, push=replace(c.push, client=client, topic=topic))


def opt_push_endpoint(path: str) -> Option:
    """Serve the websocket on *path* instead of ``/events`` (Go: OptPushEndpoint).

    Raises:
        ValueError: *path* is not a plain absolute path below ``/``.
    """
    clean = _clean_prefix(path)
    if not clean:
        raise ValueError(f"opt_push_endpoint(): '{path}' is not a path below /")
    return lambda c: replace(c, push=replace(c.push, endpoint=clean))


def opt_push_dispatch_handler(handler: PushDispatchHandler | None) -> Option:
    """Serve the websocket; *handler* filters events per session.

    With None every session receives every event it is subscribed to.

    Go: OptPushDispatchHandler.
    """
    return lambda c: replace(c, push=replace(c.push, is_dispatching=True, dispatch_handler=handler))


def opt_push_publish_handler(handler: PushPublishHandler) -> Option:
    """Filter published events with *handler* (Go: OptPushPublishHandler)."""
    return lambda c: replace(c, push=replace(c.push, publish_handler=handler))


def opt_push_server_enable_subject_hierarchies() -> Option:
    """Publish on ``topic.identity.type`` (Go: OptPushServerEnableSubjectHierarchies)."""
    return lambda c: replace(c, push=replace(c.push, has_hierarchies=True))


def opt_push_allow_any_origin() -> Option:
    """Accept websockets from pages of any origin, like the original (decisions X14, X64)."""
    return lambda c: replace(c, push=replace(c.push, allow_any_origin=True))


def opt_push_slow_consumer(policy: str = "drop", bound: int = 64, deadline: float = 30.0) -> Option:
    """Set the policy for clients that read too slowly (decision X18).

    Args:
        policy: ``drop`` the newest event, ``close`` with 1013, or ``conflate``: replace the waiting
            event of the same object; the new one goes to the end of the queue.
        bound: maximum number of events waiting for one client.
        deadline: seconds after which a client that does not read is disconnected; 0 for never.
    """
    return lambda c: replace(
        c, push=replace(c.push, slow_policy=policy, slow_bound=bound, slow_deadline=deadline)
    )


def opt_push_max_message_size(size: int) -> Option:
    """Close websockets with 1009 when a message exceeds *size* bytes; 4 MiB by default."""
    return lambda c: replace(c, push=replace(c.push, max_message=size))


def opt_push_message_rate(limit: float, burst: int = 100) -> Option:
    """Close push sessions with 1008 when they send more than *limit* messages per second.

    Args:
        limit: messages per second; 0 for no limit.
        burst: size of a burst. Pings are counted separately, with the same limits.
    """
    rate = RateLimit(limit=limit, burst=burst) if limit else None
    return lambda c: replace(c, push=replace(c.push, message_rate=rate))


# --- health, metrics, tracing ----------------------------------------------------------------


def opt_health_server(listen: str, check: HealthServerFunc | None = None) -> Option:
    """Serve the health of the service on *listen* (Go: OptHealthServer).

    Args:
        listen: ``host:port``.
        check: raises when the service is not healthy.
    """
    return lambda c: replace(c, health=replace(c.health, enabled=True, listen=listen, check=check))


def opt_health_server_metrics_manager(manager: MetricsManager) -> Option:
    """Measure requests with *manager*; metrics are at ``/metrics`` of the health server.

    Go: OptHealthServerMetricsManager. Requests are measured without a health server as well.
    """
    return lambda c: replace(c, health=replace(c.health, metrics=manager))


def opt_health_server_timeouts(read: float = 0.0, write: float = 0.0, idle: float = 75.0) -> Option:
    """Set the timeouts of clients of the health server, in seconds.

    Go: OptHealthServerTimeouts.
    """
    timeouts = Timeouts(read=read, write=write, idle=idle)
    return lambda c: replace(c, health=replace(c.health, timeouts=timeouts))


def opt_health_custom_stats(stats: Mapping[str, HealthStatFunc]) -> Option:
    """Serve additional paths on the health server (Go: OptHealthCustomStats).

    Raises:
        ValueError: a key is empty, starts with an underscore or contains a slash, or a value is not
            callable.
    """
    stats = mapped("opt_health_custom_stats", stats)
    for key, function in stats.items():
        if not key:
            raise ValueError("key must not be empty")
        if key.startswith("_"):
            raise ValueError(f"key '{key}' must not start with an '_'")
        if "/" in key:
            raise ValueError(f"key '{key}' must not contain with any '/'")
        if not callable(function):
            raise ValueError(f"stat function for key '{key}' must not be nil")  # noqa: TRY004
    return lambda c: replace(c, health=replace(c.health, stats=stats))


def opt_opentracing_tracer(tracer: Tracer) -> Option:
    """Trace requests with *tracer* (Go: OptOpentracingTracer)."""
    return lambda c: replace(c, tracing=replace(c.tracing, tracer=tracer))


def opt_opentracing_excluded_identities(identities: Iterable[Identity]) -> Option:
    """Do not trace requests for these identities (Go: OptOpentracingExcludedIdentities)."""
    names = frozenset(
        identity.name for identity in identified("opt_opentracing_excluded_identities", identities)
    )
    return lambda c: replace(c, tracing=replace(c.tracing, excluded=names))


def opt_trace_cleaner(cleaner: TraceCleaner) -> Option:
    """Remove confidential data from traced payloads (Go: OptTraceCleaner)."""
    return lambda c: replace(c, tracing=replace(c.tracing, cleaner=cleaner))


# --- hooks -----------------------------------------------------------------------------------


def opt_post_start_hook(hook: Hook) -> Option:
    """Await *hook* with the server once all listeners accept (Go: OptPostStartHook).

    An exception stops the server and is raised by `run`.
    """
    return lambda c: replace(c, post_start_hook=hook)


def opt_pre_stop_hook(hook: Hook) -> Option:
    """Await *hook* with the server before it stops (Go: OptPreStopHook).

    An exception is logged.
    """
    return lambda c: replace(c, pre_stop_hook=hook)


def _clean_prefix(prefix: str) -> str:
    """Return *prefix* with a leading and without a trailing slash; empty if it is ``/``."""
    if not isinstance(prefix, str):
        raise TypeError(f"path prefix {prefix!r} must be a string")
    parts = urlsplit("/" + prefix.strip("/"))
    segments = [segment for segment in parts.path.split("/") if segment]
    if parts.query or parts.fragment or "://" in prefix or any(s in (".", "..") for s in segments):
        raise ValueError(f"path prefix '{prefix}' must be an absolute path")
    return "".join(f"/{segment}" for segment in segments)
