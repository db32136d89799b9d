"""`RawRequest`: a request as HTTP has it, in plain values."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Networks = tuple[IPv4Network | IPv6Network, ...]
MAX_FORWARDED = 64
"""Addresses of ``X-Forwarded-For`` that are looked at, from the last on."""


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
    address that is not one itself, else ``X-Real-IP``. What is no address is skipped.
    """
    peer = _without_port(raw.remote)
    address = _address(peer.partition("%")[0])  # without the zone of a link-local peer
    if not trusted_proxies or not _is_trusted(address, trusted_proxies):
        return peer
    first = ""
    for text in _forwarded(raw):
        address = _address(text)
        if address is not None:
            first = text
            if not _is_trusted(address, trusted_proxies):
                break
    real = _without_port(str(raw.headers.get("X-Real-IP", "")).strip())
    return first or (real if _address(real) is not None else peer)


def _forwarded(raw: RawRequest) -> Iterator[str]:
    """Yield what ``X-Forwarded-For`` lists, the last first: what was added by the nearest proxy."""
    lines = raw.headers.getall("X-Forwarded-For", ())
    listed = [text for line in lines for text in line.split(",")[-MAX_FORWARDED:]]
    return (_without_port(text.strip()) for text in reversed(listed[-MAX_FORWARDED:]))


def client_scheme(raw: RawRequest, trusted_proxies: Networks) -> str:
    """Return the scheme that the client uses, empty where it cannot be known.

    A peer that is not a trusted proxy may be a proxy all the same, and have the certificate.
    """
    if raw.tls is not None:
        return "https"
    if trusted_proxies and _is_trusted(_address(_without_port(raw.remote)), trusted_proxies):
        return str(raw.headers.get("X-Forwarded-Proto", "")).strip().lower()
    return ""


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address in *text*, None if there is none or if it has a zone."""
    try:
        return None if "%" in text else ip_address(text)
    except ValueError:
        return None


def _is_trusted(address: IPv4Address | IPv6Address | None, networks: Networks) -> bool:
    return address is not None and any(address in network for network in networks)


def _without_port(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
