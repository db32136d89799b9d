"""`RawRequest`: a request as HTTP has it, in plain values."""

from __future__ import annotations

from typing import Any


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

    __slots__ = ("_native", "body", "headers", "method", "path", "query", "remote", "tls")

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
        self.body: bytes | None = None
        """The whole body, where it has come already; None where it is to be read."""
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
