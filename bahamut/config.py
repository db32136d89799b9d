"""`Config`: all that options decide, a tree of frozen dataclasses read when things are built.

`Config.problems()` says in words what contradicts itself, `Config.warnings()` what is legal but
probably not meant.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any

from bahamut.checks import problems
from bahamut.cors import CORSPolicyController
from bahamut.elemental.identity import Identity
from bahamut.elemental.namespace import HeaderNamespacer, Namespacer
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

MiB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds; 0 stands for no limit."""

    header: float = 10.0
    """From the first byte of a request to the end of its headers."""
    read: float = 0.0
    """For a whole request, its body included."""
    write: float = 0.0
    """For writing an answer to a client that reads slowly."""
    idle: float = 75.0
    """For which a connection is kept without a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestConfig:
    """The API server and its HTTP manners."""

    enabled: bool = False
    listen: str = ""
    """``host:port``; an empty host means every interface."""
    listener: socket.socket | None = None
    """A bound socket to serve on instead."""
    root_handler: CustomHandler | None = None
    """Serves ``/``."""
    api_prefix: str = ""
    """Put before every route of the API, for instance ``/api``."""
    custom_route_prefix: str = ""
    """Put before every custom route."""
    timeouts: Timeouts = Timeouts()
    keep_alive: bool = True
    compression: bool = True
    max_connections: int = 0
    """Open connections beyond which new ones are closed at once; 0 for no limit."""
    max_body_size: int = 4 * MiB
    """Bytes; a larger body is refused with 413."""
    max_body_items: int = 100_000
    """Values that a body holds at most, each list and object and what is in them; more are refused
    with 413. 0 stands for no limit."""
    max_header_size: int = 64 * 1024
    """Bytes of one header field, and of the request line."""
    shutdown_timeout: float = 60.0
    """Seconds for which open requests may go on when the server stops."""
    logger: logging.Logger | None = None
    """Told of the errors of the HTTP server; None: ``aiohttp.server``."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose forwarding headers are believed."""

    @property
    def is_served(self) -> bool:
        """Whether there is somewhere to serve the API."""
        return self.enabled or self.listener is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The models, and how bodies become objects and back."""

    registries: Mapping[int, Registry] = field(default_factory=dict)
    """One registry per API version; 0 serves paths without a version."""
    marshallers: Mapping[Identity, CustomMarshaller] = field(default_factory=dict)
    unmarshallers: Mapping[Identity, CustomUmarshaller] = field(default_factory=dict)
    retriever: IdentifiableRetriever | None = None
    """Turns patches into updates."""
    read_only: bool = False
    read_only_excluded: frozenset[Identity] = frozenset()
    """Identities that may be written all the same."""
    external_content_types: frozenset[str] = frozenset()
    """Media types of bodies that a custom unmarshaller understands."""
    external_accept_types: frozenset[str] = frozenset()
    """Media types that a custom marshaller writes."""
    keeps_propagated: bool = False
    """Whether ``propagated`` is looked for among the declared parameters too."""
    worker_threads: int = 32
    """Threads that serve plain processors."""
    worker_waiting: int = 1024
    """Operations that may wait for one of them; beyond, 503."""
    namespacer: Namespacer | None = field(default_factory=HeaderNamespacer)
    """Finds the namespace of a request; None leaves it empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityConfig:
    """Who may do what, and who is told."""

    request_authenticators: tuple[RequestAuthenticator, ...] = ()
    session_authenticators: tuple[SessionAuthenticator, ...] = ()
    authorizers: tuple[Authorizer, ...] = ()
    fail_closed: bool = False
    """Whether a chain in which nobody said yes refuses."""
    auditer: Auditer | None = None
    secret_parameters: frozenset[str] = frozenset(("token",))
    """Query parameters, in lower case, whose values are shown nowhere."""
    cors: CORSPolicyController | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """A token bucket: *limit* tokens a second, at most *burst* of them, full at first."""

    limit: float
    burst: int
    condition: RateLimitCondition | None = None
    """Tells which requests count; None: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """Rate limits: the global one first, then that of the identity, then one's own."""

    globally: RateLimit | None = None
    by_identity: Mapping[Identity, RateLimit] = field(default_factory=dict)
    limiter: RateLimiter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorsConfig:
    """What becomes of exceptions."""

    panic_recovery: bool = True
    """Whether an unexpected exception is answered with 500 instead of reaching aiohttp."""
    expose_internal: bool = False
    """Whether such an answer carries the exception's text."""
    transformer: ErrorTransformer | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaConfig:
    """What the service says of itself."""

    routes: bool = True
    """Whether ``/_meta/routes`` exists."""
    service_name: str = ""
    service_version: str = ""
    versions: Mapping[str, Any] | None = None
    """Answer of ``/_meta/version``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """The push server: what is published, and who hears of it."""

    client: PubSubClient | None = None
    """Carries the events from server to server."""
    topic: str = ""
    is_dispatching: bool = False
    """Whether there is a websocket."""
    endpoint: str = "/events"
    dispatch_handler: PushDispatchHandler | None = None
    publish_handler: PushPublishHandler | None = None
    has_hierarchies: bool = False
    """Whether identity and type of an event are part of its topic."""
    allow_any_origin: bool = False
    """Whether pages of foreign origins may open a websocket."""
    slow_policy: str = "drop"
    """``drop``, ``close`` or ``conflate``: what happens to a client that does not read."""
    slow_bound: int = 64
    """Events that may wait for one client."""
    slow_deadline: float = 30.0
    """Seconds after which a client that reads nothing is cut off; 0 for never."""
    max_message: int = 4 * MiB
    """Bytes of a message from a client; a larger one closes with 1009."""

    message_rate: RateLimit | None = RateLimit(limit=20, burst=100)
    """Messages of one session a second, and in a row; more of them close it with 1008. Pings are
    counted apart, by the same numbers. None stands for no limit."""

    @property
    def served_endpoint(self) -> str:
        """The path of the websocket, empty when there is none."""
        return self.endpoint if self.client is not None and self.is_dispatching else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthConfig:
    """The health server, and the metrics that every part feeds."""

    enabled: bool = False
    listen: str = ""
    check: HealthServerFunc | None = None
    metrics: MetricsManager | None = None
    timeouts: Timeouts = Timeouts()
    stats: Mapping[str, HealthStatFunc] = field(default_factory=dict)
    """Further paths of the health server, by their one segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingConfig:
    """Request tracing."""

    tracer: Tracer | None = None
    excluded: frozenset[str] = frozenset()
    """Names of identities whose requests are not traced."""
    cleaner: TraceCleaner | None = None
    """Takes what is confidential out of payloads before they are logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole configuration of a server."""

    rest: RestConfig = RestConfig()
    model: ModelConfig = ModelConfig()
    security: SecurityConfig = SecurityConfig()
    limits: LimitsConfig = LimitsConfig()
    errors: ErrorsConfig = ErrorsConfig()
    meta: MetaConfig = MetaConfig()
    health: HealthConfig = HealthConfig()
    tracing: TracingConfig = TracingConfig()
    push: PushSettings = PushSettings()
    post_start_hook: Hook | None = None
    pre_stop_hook: Hook | None = None

    def problems(self) -> list[str]:
        """Return the errors in this configuration; a server is not created if there are any."""
        found = list(problems(self))
        if found:  # the checks below expect valid values
            return found
        return [
            sentence
            for is_wrong, sentence in (
                (
                    0 not in self.model.registries and bool(self.model.registries),
                    "paths without a version require a model for version 0: use opt_model({0: …})",
                ),
                (
                    _overlap(self.rest.api_prefix, self.rest.custom_route_prefix),
                    f"the API prefix {self.rest.api_prefix} and the custom route prefix "
                    f"{self.rest.custom_route_prefix} overlap",
                ),
                (
                    self.model.worker_threads == 0,
                    "opt_worker_threads(): threads must be at least 1, not 0",
                ),
                (
                    self.push.slow_policy not in ("drop", "close", "conflate"),
                    f"opt_push_slow_consumer(): unknown policy '{self.push.slow_policy}': "
                    "use 'drop', 'close' or 'conflate'",
                ),
            )
            if is_wrong
        ]

    def warnings(self) -> list[str]:
        """Return warnings about settings that are valid but probably a mistake."""
        is_open = not self.security.request_authenticators and not self.security.authorizers
        return [
            sentence
            for is_odd, sentence in (
                (
                    not self.rest.is_served and not self.health.enabled,
                    "No server configured. Enable some servers through options",
                ),
                (
                    self.rest.is_served and not self.model.registries,
                    "No model is defined. Use opt_model()",
                ),
                (
                    self.rest.is_served and is_open,
                    "The API is open: no authenticator and no authorizer is set. "
                    "Use opt_authenticators() and opt_authorizers()",
                ),
                (
                    self.push.has_hierarchies and self.push.client is None,
                    "Subject hierarchies are enabled but the push server is not",
                ),
                (
                    self.push.is_dispatching and self.push.client is None,
                    "opt_push_dispatch_handler() has no effect without opt_push_server()",
                ),
            )
            if is_odd
        ]


def _overlap(one: str, other: str) -> bool:
    """Return whether one prefix equals or contains the other; empty prefixes never overlap."""
    if not one or not other:
        return False
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


Option = Callable[[Config], Config]
"""What an ``opt_*`` function returns: a configuration goes in, a changed one comes out."""
