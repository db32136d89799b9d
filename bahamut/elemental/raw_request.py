"""`RawRequest`: a request as HTTP has it, in plain values."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

Networks = tuple[IPv4Network | IPv6Network, ...]


class RawRequest:
    """A request in plain values.

    Args:
        method: of HTTP, upper case.
        path: as sent, percent-encoded, below the API's prefix.
        query: as sent, without the question mark.
        headers: by case-insensitive name, as aiohttp's multi-dictionaries: ``get`` and ``getall``.
        remote: the peer's address, with its port or without.
        tls: what is known of the TLS connection, None without one.
        native: the web server's own request.
    """

    __slots__ = ("_native", "headers", "method", "path", "query", "remote", "tls")

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Any = None,
        remote: str = "",
        *,
        tls: Any = None,
        native: Any = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = NoHeaders() if headers is None else headers
        self.remote = remote
        self.tls = tls
        self._native = native

    @property
    def native(self) -> Any:
        """The web server's own request."""
        return self._native


class NoHeaders(dict[str, str]):
    """The headers of a request that has none."""

    def getall(self, key: str, default: Any = None) -> Any:
        """Return *default*."""
        return default


def client_ip(raw: RawRequest, trusted_proxies: Networks) -> str:
    """Return the address of the client, without a port (decision X10).

    Forwarding headers count only when the peer is a trusted proxy: of ``X-Forwarded-For`` the last
    address that is not one itself, else ``X-Real-IP``.
    """
    peer = _without_port(raw.remote)
    if not trusted_proxies or not _is_trusted(peer, trusted_proxies):
        return peer
    lines = raw.headers.getall("X-Forwarded-For", ())
    forwarded = [a.strip() for line in lines for a in line.split(",") if a.strip()]
    for address in reversed(forwarded):
        if not _is_trusted(_without_port(address), trusted_proxies):
            return _without_port(address)
    if forwarded:
        return _without_port(forwarded[0])
    return _without_port(str(raw.headers.get("X-Real-IP", ""))) or peer


def client_scheme(raw: RawRequest, trusted_proxies: Networks) -> str:
    """Return the scheme that the client uses, empty where it cannot be known.

    A peer that is not a trusted proxy may be a proxy all the same, and have the certificate.
    """
    if raw.tls is not None:
        return "https"
    if trusted_proxies and _is_trusted(_without_port(raw.remote), trusted_proxies):
        return str(raw.headers.get("X-Forwarded-Proto", "")).strip().lower()
    return ""


def _is_trusted(address: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _without_port(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
