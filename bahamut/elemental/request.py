"""Requests as an API means them (`Request`), and the one parser.

The order of the checks decides which error a client is told first; it is the original's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from urllib.parse import unquote
from uuid import uuid4

from bahamut.elemental.encoding import decode_into
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.headers import (
    AUTHORIZATION,
    X_EXTERNAL_TRACKING_ID,
    X_EXTERNAL_TRACKING_TYPE,
)
from bahamut.elemental.identity import EMPTY_IDENTITY, ROOT_IDENTITY, Identity
from bahamut.elemental.model import Model
from bahamut.elemental.namespace import HeaderNamespacer, Namespacer
from bahamut.elemental.negotiation import JSON, encodings_from_headers
from bahamut.elemental.operations import Operation
from bahamut.elemental.parameters import Parameters, parse_boolean, parse_integer
from bahamut.elemental.query import masked, parse_query, unknown_parameters
from bahamut.elemental.raw_request import NoHeaders, RawRequest, client_ip
from bahamut.elemental.registry import Registry, Route
from bahamut.elemental.relationships import RelationshipInfo

T = TypeVar("T")
_NO_HEADERS = NoHeaders()
_NO_OPERATION = Operation.EMPTY
FLAGS = ("recursive", "propagated", "override")
MAX_VERSIONS = 8
"""Version numbers in front of one path; all but the first are dropped."""


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """What a server decides about reading requests."""

    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose forwarding headers are believed."""
    namespacer: Namespacer | None = field(default_factory=HeaderNamespacer)
    external_content_types: Collection[str] = frozenset()
    external_accept_types: Collection[str] = frozenset()
    keeps_propagated: bool = False
    """Whether a ``propagated`` that was sent is looked for among the declared parameters too (Go:
    BackwardCompatPropagation)."""
    secret_parameters: frozenset[str] = frozenset(("token",))
    """Query parameters, in lower case, whose values no error, log or trace may show."""


DEFAULT_SETTINGS = RequestSettings()


class _Lazy(Generic[T]):
    """An attribute that is worked out when it is first asked for, if it was not set before."""

    __slots__ = ("_make", "_name")

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self._name = make.__name__

    def __get__(self, request: Any, _owner: type) -> T:
        if request is None:
            return cast("T", self)
        made = request.__dict__[self._name] = self._make(request)
        return made

    if TYPE_CHECKING:  # plain assignment does it

        def __set__(self, request: Any, value: T) -> None: ...


class Request:
    """A request as the API means it (Go: elemental.Request).

    Few operations ask for everything, so what costs something and refuses nothing is worked out
    when it is asked for. Everything can be set.

    Args:
        **values: attributes, by name.

    Raises:
        TypeError: there is no such attribute.
    """

    __slots__ = (
        "__dict__",  # of what is worked out late, and of what a query says
        "_raw",
        "_settings",
        "accept",
        "content_type",
        "data",
        "headers",
        "identity",
        "namespace",
        "object_id",
        "operation",
        "parent_id",
        "parent_identity",
        "password",
        "route",
        "username",
        "version",
    )

    recursive: bool = False
    propagated: bool = False
    override_protection: bool = False
    page: int = 0
    page_size: int = 0
    limit: int = 0
    after: str = ""
    """Token of the object behind which a page begins."""

    def __init__(self, **values: Any) -> None:
        self.operation: Operation = _NO_OPERATION
        self.identity: Identity = EMPTY_IDENTITY
        self.object_id: str = ""
        self.parent_identity: Identity = ROOT_IDENTITY
        self.parent_id: str = ""
        self.version: int = 0
        """Of the API, as the path states it; 0 when it does not."""
        self.namespace: str = ""
        self.headers: Any = _NO_HEADERS
        """By case-insensitive name, as aiohttp's multi-dictionaries."""
        self.username: str = ""
        """First part of ``Authorization``: ``Bearer``, ``Basic``…"""
        self.password: str = ""
        """Second part of ``Authorization``."""
        self.data: bytes = b""
        """The body."""
        self.content_type: str = JSON
        self.accept: str = JSON
        self.route: Route | None = None
        """What the registry knows of requests of this kind; None for one that was made by hand."""
        self._raw: RawRequest | None = None
        self._settings: RequestSettings = DEFAULT_SETTINGS
        for name, value in values.items():
            if name.startswith("_") or not hasattr(Request, name):
                raise TypeError(f"a request has no attribute {name}")
            setattr(self, name, value)

    @_Lazy
    def order(self) -> list[str]:
        """Attribute names, with ``-`` in front for descending."""
        return []

    @_Lazy
    def parameters(self) -> Parameters:
        """Every declared parameter, sent or not."""
        return Parameters()

    @_Lazy
    def metadata(self) -> dict[Any, Any]:
        """For users."""
        return {}

    @_Lazy
    def external_tracking_id(self) -> str:
        """The header ``X-External-Tracking-ID``."""
        found: str = self.headers.get(X_EXTERNAL_TRACKING_ID, "")
        return found

    @_Lazy
    def external_tracking_type(self) -> str:
        """The header ``X-External-Tracking-Type``."""
        found: str = self.headers.get(X_EXTERNAL_TRACKING_TYPE, "")
        return found

    @_Lazy
    def client_ip(self) -> str:
        """The address of the client, without a port (decision X10)."""
        return client_ip(self._raw, self._settings.trusted_proxies) if self._raw is not None else ""

    @_Lazy
    def tls_connection_state(self) -> Any:
        """What is known of the TLS connection, None without one."""
        return self._raw.tls if self._raw is not None else None

    @_Lazy
    def native(self) -> Any:
        """The web server's own request (Go: HTTPRequest)."""
        return self._raw.native if self._raw is not None else None

    @_Lazy
    def request_id(self) -> str:
        """A random UUID."""
        return str(uuid4())

    @property
    def encoding(self) -> str:
        """The encoding of the body."""
        return self.content_type

    def decode(self, target: Model) -> None:
        """Decode the body into *target*.

        Raises:
            DecodeError: it is no such object.
        """
        decode_into(self.content_type, self.data, target)

    def duplicate(self) -> Request:
        """Return a copy with an identifier of its own; what it holds is shared, one level deep."""
        copy = Request()
        for name in self.__slots__:
            if name != "__dict__":
                setattr(copy, name, getattr(self, name))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.pop("request_id", None)
        copy.order = list(self.order)
        copy.parameters = Parameters(self.parameters)
        copy.metadata = dict(self.metadata)
        return copy

    def __str__(self) -> str:
        return (
            f"<request id:{self.request_id} operation:{self.operation} "
            f"namespace:{self.namespace} recursive:{_go(self.recursive)} "
            f"propagated:{_go(self.propagated)} identity:{self.identity} "
            f"objectid:{self.object_id} parentidentity:{self.parent_identity} "
            f"parentid:{self.parent_id} version:{self.version}>"
        )


def _go(flag: bool) -> str:  # noqa: FBT001
    return "true" if flag else "false"


class UnknownCategoryError(Error):
    """Neither the model nor anything else serves that path: 404."""

    def __init__(self) -> None:
        super().__init__("Not Found", "Unable to find the requested resource", "bahamut", 404)


def segments_of(path: str) -> list[str]:
    """Return the segments of a path below prefix and version, an empty one first.

    An escaped slash separates segments like any other, as in the original. Paths of the API have
    three segments at most: what follows the fourth stays in one piece.
    """
    return (unquote(path) if "%" in path else path).split("/", 4)


def split_version(path: str) -> tuple[int, str]:
    """Return the version that a path begins with, 0 without one, and the rest of the path.

    Further versions behind the first are dropped, as in the original.

    Raises:
        Error: 400, what stands where a version should is no number, or there are too many.
    """
    if not path.startswith("/v/") and path != "/v":
        return 0, path
    versions: list[int] = []
    start, end = 0, 0
    while path.startswith("/v/", start) or not versions:
        end = path.find("/", start + 3)
        number = path[start + 3 :] if end < 0 else path[start + 3 : end]
        try:
            versions.append(parse_integer(number))
        except ValueError:
            raise Error("Bad Request", "Invalid api version number", "bahamut", 400) from None
        if len(versions) > MAX_VERSIONS:
            raise Error("Bad Request", "Too many api version numbers", "bahamut", 400)
        if end < 0:
            return versions[0], ""
        start = end
    return versions[0], path[start:]


def unparsed_request(raw: RawRequest, settings: RequestSettings = DEFAULT_SETTINGS) -> Request:
    """Return a request of which nothing is known but where it came from and its headers."""
    request = Request()
    request._raw, request._settings, request.headers = raw, settings, raw.headers
    return request


def parse_request(
    raw: RawRequest,
    registry: Registry,
    settings: RequestSettings = DEFAULT_SETTINGS,
    *,
    version: int = 0,
    path: str | None = None,
) -> Request:
    """Return what a request means (Go: NewRequestFromHTTPRequest). The body is left unread.

    Args:
        raw: the request.
        registry: the models of that version.
        settings: what the server decides.
        version: of the API, as its path begins with.
        path: what follows the version; the whole path without one.

    Raises:
        Error: the request cannot be understood: 400, 404 or 415.
        Errors: it has parameters that nobody declared.
    """
    headers = raw.headers
    request = unparsed_request(raw, settings)
    request.version = version
    authorization = headers.get(AUTHORIZATION)
    if authorization:
        parts = authorization.split(" ")
        if len(parts) == 2:
            request.username, request.password = parts
    request.content_type, request.accept = encodings_from_headers(
        headers, settings.external_content_types, settings.external_accept_types
    )
    info = _read_path(raw, raw.path if path is None else path, request, registry).info
    if raw.query:
        values = parse_query(raw.query, settings.secret_parameters)
        _read_query(values, request, info, settings)
    elif info is not None and info.parameters:
        _read_parameters({}, request, info, settings)
    if info is not None and info.required:
        request.parameters.validate(info.required)
    if settings.namespacer is not None:
        request.namespace = settings.namespacer.extract(raw)
    return request


def _read_path(raw: RawRequest, path: str, request: Request, registry: Registry) -> Route:
    """Find out what the path names: category, category and identifier, or parent and category."""
    segments = segments_of(path)
    count = len(segments) - 1
    is_odd = "%" not in path and segments.count("") > 1
    if not 1 <= count <= 3 or segments[0] or is_odd:
        query = masked(raw.query, request._settings.secret_parameters)
        url = f"{raw.path}?{query}" if query else raw.path
        raise _bad(f"{url} is not a valid elemental request path")
    if count == 3:
        route = registry.route(raw.method, segments[3], segments[1])
        request.parent_id = segments[2]
    else:
        route = registry.route(raw.method, segments[1], has_object_id=count == 2)
        if count == 2:
            request.object_id = segments[2]
    if route is None:
        raise UnknownCategoryError
    request.route = route
    request.operation, request.identity = route.operation, route.identity
    request.parent_identity = route.parent_identity
    return route


def _bad(description: str) -> Error:
    return Error("Bad Request", description, "elemental", 400)


def _read_query(
    values: dict[str, list[str]],
    request: Request,
    info: RelationshipInfo | None,
    settings: RequestSettings,
) -> None:
    kept = {k: v for k, v in values.items() if settings.keeps_propagated and k == "propagated"}
    request.page = _natural(values, "page")
    request.page_size = _natural(values, "pagesize")
    request.recursive, request.propagated, request.override_protection = (
        _flag(values, name) for name in FLAGS
    )
    request.order = values.pop("order", [])
    if any(item in ("", "\0") for item in request.order):
        raise _bad("Parameter `order` must be set when provided")
    if "limit" in values and request.page_size:
        raise _bad("You cannot set 'limit' and 'pagesize' at the same time")
    request.limit = _natural(values, "limit")
    if values.get("after", [""])[0]:
        _read_after(values.pop("after")[0], request)
    values |= kept
    if info is not None and info.parameters:
        _read_parameters(values, request, info, settings)
    if values:
        raise Errors(*unknown_parameters(values))


def _read_after(after: str, request: Request) -> None:
    if after == "\0":
        raise _bad("Parameter `after` must be set when provided")
    if len(request.order) > 1:
        raise _bad("You can only order on a single field when using 'after'")
    if request.page:
        raise _bad("You cannot set 'after' and 'page' at the same time")
    request.after = after


def _natural(values: dict[str, list[str]], name: str) -> int:
    given = values.pop(name, None)
    if given is None:
        return 0
    try:
        number = parse_integer(given[0])
    except ValueError:
        raise _bad(f"Parameter `{name}` must be an integer") from None
    if number < 0:
        raise _bad(f"Parameter `{name}` must not be negative")
    return number


def _flag(values: dict[str, list[str]], name: str) -> bool:
    given = values.pop(name, None)
    if given is None:
        return False
    try:
        return parse_boolean(given[0])
    except ValueError:
        raise _bad(f"Parameter `{name}` must be a boolean") from None


def _read_parameters(
    values: dict[str, list[str]],
    request: Request,
    info: RelationshipInfo,
    settings: RequestSettings,
) -> None:
    for definition in info.parameters:
        name = definition.name
        is_secret = name.lower() in settings.secret_parameters
        request.parameters[name] = definition.parse(values.pop(name, None), is_secret=is_secret)
