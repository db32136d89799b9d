"""`CORSPolicy`: which origins may read the answers, and the headers that say so.

Plain values; what asks for a policy on each request and writes its headers is in `bahamut.web`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

Headers = tuple[tuple[str, str], ...]
_REMEMBERED = 64
"""Origins; clients choose them, so there must be an end to it."""
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
    """One origin, ``*``, or `CORS_ORIGIN_MIRROR`."""
    additional_origins: frozenset[str] = frozenset()
    """Further origins, answered with themselves."""
    allow_headers: tuple[str, ...] = DEFAULT_ALLOW_HEADERS
    allow_methods: tuple[str, ...] = DEFAULT_ALLOW_METHODS
    expose_headers: tuple[str, ...] = DEFAULT_EXPOSE_HEADERS
    max_age: int = 1500
    """Seconds for which a preflight may be remembered."""
    allow_credentials: bool = True
    _rendered: dict[tuple[str, bool], Headers] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def depends_on_origin(self) -> bool:
        """Whether different origins get different answers, which caches must be told."""
        return self.allow_origin == CORS_ORIGIN_MIRROR or bool(self.additional_origins)

    def origin_for(self, origin: str) -> str:
        """Return the value of ``Access-Control-Allow-Origin`` for *origin*, empty for none."""
        if self.allow_origin == "*":
            return "*"
        if self.allow_origin == CORS_ORIGIN_MIRROR:
            return origin
        return origin if origin in self.additional_origins else self.allow_origin

    def allows(self, origin: str) -> bool:
        """Tell whether a browser on *origin* may read the answers."""
        return self.origin_for(origin) in ("*", origin)

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


@runtime_checkable
class CORSPolicyController(Protocol):
    """Chooses the policy of each request (Go: CORSPolicyController)."""

    def policy_for_request(self, request: Any) -> CORSPolicy | None:
        """Return the policy for *request*, a `RawRequest`; None sends no header at all."""
        ...


class DefaultCORSController:
    """Gives every request the same policy (Go: NewDefaultCORSController).

    Args:
        origin: one origin, ``*``, or `CORS_ORIGIN_MIRROR`.
        additional_origins: further origins, each answered with itself.
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
    """Return a controller that gives every request the same policy."""
    return DefaultCORSController(origin, additional_origins)
