"""`CORSPolicy`: which origins may read the answers, and the headers that say so.

Plain values; `bahamut.web` asks for the policy of each request and writes its headers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

Headers = tuple[tuple[str, str], ...]
_REMEMBERED = 64
"""Origins whose headers are kept; clients choose them, so the number is bounded."""
_WILDCARD = re.compile(
    r"(?:(?P<scheme>https?)://)?\*(?P<domain>(?:\.[a-z0-9_-]+){2,})(?P<port>:[0-9]+)?",
    re.IGNORECASE,
)
_ORIGIN = re.compile(r"(https?)://([^/?#@:]+|\[[0-9a-f:.]+\])(:[0-9]+)?", re.IGNORECASE)
_ANY_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
CORS_ORIGIN_MIRROR = "_mirror_"
"""An allowed origin that stands for whatever origin asks (Go: CORSOriginMirror)."""

DEFAULT_ALLOW_HEADERS = (
    "Authorization",
    "Accept",
    "Content-Type",
    "Cache-Control",
    "Cookie",
    "If-Modified-Since",
    "X-Requested-With",
    "X-Count-Total",
    "X-Namespace",
    "X-External-Tracking-Type",
    "X-External-Tracking-ID",
    "X-TLS-Client-Certificate",
    "Accept-Encoding",
    "X-Fields",
    "X-Read-Consistency",
    "X-Write-Consistency",
    "Idempotency-Key",
)
DEFAULT_ALLOW_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
DEFAULT_EXPOSE_HEADERS = (
    "X-Requested-With",
    "X-Count-Total",
    "X-Namespace",
    "X-Messages",
    "X-Fields",
    "X-Next",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CORSPolicy:
    """What a browser is told about foreign origins (Go: CORSPolicy)."""

    allow_origin: str = ""
    """One origin, a wildcard such as ``https://*.example.com``, ``*``, or `CORS_ORIGIN_MIRROR`."""
    additional_origins: frozenset[str] = frozenset()
    """Further origins and wildcards; a matching origin is answered with itself."""
    allow_headers: tuple[str, ...] = DEFAULT_ALLOW_HEADERS
    allow_methods: tuple[str, ...] = DEFAULT_ALLOW_METHODS
    expose_headers: tuple[str, ...] = DEFAULT_EXPOSE_HEADERS
    max_age: int = 1500
    """Seconds for which a preflight may be remembered."""
    allow_credentials: bool = True
    _rendered: dict[tuple[str, bool], Headers] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    _wildcards: frozenset[tuple[str, str]] = field(
        default=frozenset(), init=False, repr=False, compare=False
    )
    """Scheme, and what follows the first label of the host."""

    def __post_init__(self) -> None:
        """Raise ValueError if an origin holds a star where none may be."""
        named = set(self.additional_origins) | ({self.allow_origin} - {"*"})
        wildcards = frozenset(_wildcard(origin) for origin in named if "*" in origin)
        object.__setattr__(self, "_wildcards", wildcards)

    @property
    def depends_on_origin(self) -> bool:
        """Whether different origins get different answers, which caches must be told."""
        is_one = self.allow_origin != CORS_ORIGIN_MIRROR and not self._is_wildcard
        return bool(self.additional_origins) or not is_one

    @property
    def _is_wildcard(self) -> bool:
        return self.allow_origin != "*" and "*" in self.allow_origin

    def origin_for(self, origin: str) -> str:
        """Return the value of ``Access-Control-Allow-Origin`` for *origin*, empty for none."""
        if self.allow_origin == "*":
            return "*"
        if self.allow_origin == CORS_ORIGIN_MIRROR or self._is_additional(origin):
            return origin
        return "" if self._is_wildcard else self.allow_origin

    def allows(self, origin: str) -> bool:
        """Tell whether a browser on *origin* may read the answers."""
        return self.origin_for(origin) in ("*", origin)

    def names(self, origin: str) -> bool:
        """Tell whether *origin* is named or matches a wildcard such as ``https://*.example.com``.

        ``*`` and `CORS_ORIGIN_MIRROR` name no origin (decision X64).
        """
        if self._is_additional(origin):
            return True
        return origin == self.allow_origin and origin not in ("", "*", CORS_ORIGIN_MIRROR)

    def _is_additional(self, origin: str) -> bool:
        if origin in self.additional_origins and "*" not in origin:
            return True
        if not self._wildcards:
            return False
        found = split_origin(origin)
        if found is None:
            return False
        label, dot, domain = found[1].partition(".")
        return bool(label) and (found[0], dot + domain) in self._wildcards

    def headers(self, origin: str, *, preflight: bool = False) -> Headers:
        """Return the headers of an answer to *origin* (Go: CORSPolicy.Inject).

        Args:
            origin: the request's ``Origin``, empty when it has none.
            preflight: whether the answer is one to an ``OPTIONS`` request.
        """
        found = self._rendered.get((origin, preflight))
        if found is None:
            found = self._headers(origin, preflight=preflight)
            if len(self._rendered) < _REMEMBERED:
                self._rendered[origin, preflight] = found
        return found

    def _headers(self, origin: str, *, preflight: bool) -> Headers:
        allowed = self.origin_for(origin)
        found = [("Access-Control-Expose-Headers", ", ".join(self.expose_headers))]
        if allowed:
            found.append(("Access-Control-Allow-Origin", allowed))
        if self.allow_credentials and allowed not in ("", "*"):
            found.append(("Access-Control-Allow-Credentials", "true"))
        if preflight:
            found += [
                ("Access-Control-Allow-Headers", ", ".join(self.allow_headers)),
                ("Access-Control-Allow-Methods", ", ".join(self.allow_methods)),
                ("Access-Control-Max-Age", str(self.max_age)),
            ]
        if self.depends_on_origin:
            found.append(("Vary", "Origin"))
        return tuple(found)


def split_origin(origin: str) -> tuple[str, str] | None:
    """Return scheme and host of an origin, with the port unless it is the scheme's own.

    None if it is not an origin of the web: ``null``, no host, another scheme.
    """
    found = _ORIGIN.fullmatch(origin)
    if found is None:
        return None
    scheme, host, port = found[1].lower(), found[2].lower(), found[3] or ""
    return scheme, host + ("" if port == _DEFAULT_PORTS[scheme] else port)


def is_origin(text: object) -> bool:
    """Tell whether a browser could send *text*, or it stands for origins: it may be empty, too."""
    if not isinstance(text, str):
        return False
    if text in ("", "null", CORS_ORIGIN_MIRROR) or "*" in text:  # policies check their wildcards
        return True
    return _ANY_ORIGIN.fullmatch(text) is not None


def _wildcard(origin: str) -> tuple[str, str]:
    """Return scheme and domain of a wildcard; without a scheme it stands for https (X64).

    Raises:
        ValueError: the star is not the whole first label, or fewer than two labels follow it.
    """
    found = _WILDCARD.fullmatch(origin)
    if found is None:
        raise ValueError(
            f"'{origin}' is not an origin with a wildcard: the star stands for one label and two "
            "labels or more follow, for instance https://*.example.com"
        )
    scheme, port = (found["scheme"] or "https").lower(), found["port"] or ""
    return scheme, found["domain"].lower() + ("" if port == _DEFAULT_PORTS[scheme] else port)


@runtime_checkable
class CORSPolicyController(Protocol):
    """Chooses the policy of each request (Go: CORSPolicyController)."""

    def policy_for_request(self, request: Any) -> CORSPolicy | None:
        """Return the policy for *request*, a `RawRequest`; None sends no header at all."""
        ...


class DefaultCORSController:
    """Gives every request the same policy (Go: NewDefaultCORSController).

    Args:
        origin: one origin, a wildcard such as ``https://*.example.com``, ``*``, or
            `CORS_ORIGIN_MIRROR`.
        additional_origins: further origins and wildcards; a matching origin is answered with
            itself.

    Raises:
        ValueError: a wildcard has its star in the wrong place.
    """

    def __init__(self, origin: str, additional_origins: Iterable[str] = ()) -> None:
        self.policy = CORSPolicy(
            allow_origin=origin, additional_origins=frozenset(additional_origins)
        )

    def policy_for_request(self, request: Any) -> CORSPolicy | None:
        """Return the one policy."""
        return self.policy


def new_default_cors_controller(
    origin: str, additional_origins: Iterable[str] = ()
) -> DefaultCORSController:
    """Return a controller that gives every request the same policy.

    Raises:
        ValueError: a wildcard has its star in the wrong place.
    """
    return DefaultCORSController(origin, additional_origins)
