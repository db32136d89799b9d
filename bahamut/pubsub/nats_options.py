"""How a client of NATS connects."""

from __future__ import annotations

import math
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class NATSConfig:
    """How a client of NATS connects."""

    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None
    client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    cluster_id: str = "test-cluster"
    retry_interval: float = 5.0
    """Seconds between attempts, at most."""
    reconnect_grace: float = 3.0
    """Seconds between a reconnection and sending what waits."""
    error_handler: Callable[[Exception], None] | None = None


NATSOption = Callable[[NATSConfig], NATSConfig]
"""An option of `new_nats_pubsub_client` (Go: NATSOption)."""


def nats_opt_connect_retry_interval(seconds: float) -> NATSOption:
    """Wait at most *seconds* between attempts to connect; 5 without this option.

    The first are closer together. Go: NATSOptConnectRetryInterval.

    Raises:
        ValueError: *seconds* are none.
    """
    if not seconds > 0:
        raise ValueError("the retry interval must be longer than 0 seconds")
    return lambda c: replace(c, retry_interval=seconds)


def nats_opt_reconnect_grace(seconds: float = 3.0) -> NATSOption:
    """Wait *seconds* after a reconnection before anything is published; 3 without this option.

    NATS keeps nothing for subscribers that are not connected. When the server restarts, the other
    clients reconnect at their own time: what is sent before that never reaches them. Publications
    wait in the outbox meanwhile, in order. Attempts to reconnect are at most half as long apart.

    Args:
        seconds: 0 to publish at once.

    Raises:
        ValueError: *seconds* is negative or not finite.
    """
    if not 0 <= seconds < math.inf:
        raise ValueError("the grace after a reconnection must be 0 seconds or longer")
    return lambda c: replace(c, reconnect_grace=seconds)


def nats_opt_credentials(username: str, password: str) -> NATSOption:
    """Connect as this user; if either text is not empty (Go: NATSOptCredentials)."""
    return lambda c: replace(c, username=username, password=password)


def nats_opt_client_id(name: str) -> NATSOption:
    """Tell the server this name, which its monitoring shows (Go: NATSOptClientID).

    Without this option it is random.
    """
    return lambda c: replace(c, client_id=name)


def nats_opt_cluster_id(name: str) -> NATSOption:
    """Keep the identifier of a cluster (Go: NATSOptClusterID).

    It is of NATS Streaming; a server of today has no use for it.
    """
    return lambda c: replace(c, cluster_id=name)


def nats_opt_tls(context: ssl.SSLContext | None) -> NATSOption:
    """Connect with TLS and nothing else, as *context* says (Go: NATSOptTLS).

    A server that does not ask for TLS is left, before it is told the credentials of
    `nats_opt_credentials`.
    """
    return lambda c: replace(c, tls=context)


def nats_opt_error_handler(handler: Callable[[Exception], None]) -> NATSOption:
    """Call *handler* with what goes wrong between calls (Go: NATSErrorHandler).

    It must not block. What it raises is logged.
    """
    return lambda c: replace(c, error_handler=handler)
