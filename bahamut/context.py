"""`Context`: the facts of one operation, and the answer its processor fills in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from http.cookies import Morsel
from typing import Any, Protocol
from uuid import uuid4

from bahamut.elemental.event import Event
from bahamut.elemental.request import Request


class ResponseStream(Protocol):
    """What a response writer writes to: set `status` and `headers`, then write."""

    status: int
    headers: dict[str, str]

    async def write(self, data: bytes) -> None:
        """Send *data*; the first call sends the head before it."""
        ...


ResponseWriter = Callable[[ResponseStream], Awaitable[int]]
"""Writes an answer by hand and returns its status for the metrics (Go: ResponseWriter)."""


def parse_claims(claims: Iterable[str]) -> dict[str, str]:
    """Split ``key=value`` claims into a mapping; of equal keys the last wins.

    Raises:
        ValueError: a claim has no key, no value or no equal sign.
    """
    return dict(_split_claim(claim) for claim in claims)


def _split_claim(claim: str) -> tuple[str, str]:
    key, sign, value = claim.partition("=")
    if len(claim) < 3:
        problem = "invalid length"
    elif not sign:
        problem = "missing equal symbol"
    elif not key:
        problem = "missing key"
    elif not value:
        problem = "missing value"
    else:
        return key, value
    raise ValueError(f"invalid tag: {problem} '{claim}'")


class Context:
    """One operation: what was asked, and what will be answered (Go: Context).

    Args:
        request: the parsed request.
        context: whatever the operation lives in; the server puts its `RunContext` there.
    """

    __slots__ = (
        "_claims",
        "_claims_map",
        "_identifier",
        "_metadata",
        "_output_data",
        "_response_writer",
        "context",
        "count",
        "disable_output_data_push",
        "events",
        "input_data",
        "messages",
        "next",
        "output_cookies",
        "redirect",
        "request",
        "span",
        "status_code",
    )

    def __init__(self, request: Request, context: Any = None) -> None:
        self.request = request
        self.context = context
        self.span: Any = None
        """The tracing span of the request, None when nothing is traced."""
        self.input_data: Any = None
        """The decoded body: a model object, a sparse one for a patch without retriever."""
        self.count = 0
        """How many objects there are in all; sent for retrieve-many and info."""
        self.status_code = 0
        """HTTP status; 0 lets the operation decide."""
        self.redirect = ""
        """Where to send the client instead of an answer."""
        self.next = ""
        """Token of the next page."""
        self.disable_output_data_push = False
        """Whether to keep the automatic event from going out."""
        self.messages: Sequence[str] = ()
        self.output_cookies: Sequence[Morsel[str]] = ()
        self.events: Sequence[Event] = ()
        self._output_data: Any = None
        self._response_writer: ResponseWriter | None = None
        self._claims: Sequence[str] = ()
        self._claims_map: dict[str, str] | None = None
        self._metadata: dict[Any, Any] | None = None
        self._identifier = ""

    def __repr__(self) -> str:
        request = self.request
        identifier = ascii(request.object_id) if request.object_id else ""  # from the client
        parts = (str(request.operation), request.identity.name, identifier)
        return f"<{' '.join(('Context', *filter(None, parts)))}>"

    @property
    def identifier(self) -> str:
        """A random UUID of this operation, made when first asked for."""
        if not self._identifier:
            self._identifier = str(uuid4())
        return self._identifier

    @property
    def output_data(self) -> Any:
        """What the client gets: a model object, a list of them, or any plain value.

        Other requests run while large output is encoded. Set a copy of an object that they may
        change; of a list a copy is made.

        Raises:
            RuntimeError: set after a response writer was.
        """
        return self._output_data

    @output_data.setter
    def output_data(self, value: Any) -> None:
        if self._response_writer is not None:
            raise RuntimeError("you cannot use SetOutputData after using SetResponseWriter")
        self._output_data = value

    @property
    def response_writer(self) -> ResponseWriter | None:
        """Writes the answer by hand, in place of the usual encoding.

        Raises:
            RuntimeError: set after output data were.
        """
        return self._response_writer

    @response_writer.setter
    def response_writer(self, writer: ResponseWriter | None) -> None:
        if self._output_data is not None:
            raise RuntimeError("you cannot use SetResponseWriter after using SetOutputData")
        self._response_writer = writer

    @property
    def claims(self) -> list[str]:
        """The claims of the caller, ``key=value``; a copy. Assigning None changes nothing.

        Raises:
            ValueError: assigned a malformed claim.
        """
        return list(self._claims)

    @claims.setter
    def claims(self, claims: Iterable[str] | None) -> None:
        if claims is not None:
            self._claims = tuple(claims)
            self._claims_map = parse_claims(self._claims)

    @property
    def claims_map(self) -> dict[str, str]:
        """The claims as a mapping; a copy; of equal keys the last wins."""
        return dict(self._claims_map or ())

    def add_message(self, message: str) -> None:
        """Add a text for the client to the header ``X-Messages``."""
        self.messages = (*self.messages, message)

    def add_output_cookies(self, *cookies: Morsel[str]) -> None:
        """Send *cookies* with the answer."""
        self.output_cookies = (*self.output_cookies, *cookies)

    def enqueue_events(self, *events: Event) -> None:
        """Push *events* when the operation has succeeded, before the automatic one."""
        if not isinstance(self.events, list):
            self.events = list(self.events)
        self.events.extend(events)

    def metadata(self, key: Any) -> Any:
        """Return what was kept under *key*, or None."""
        return self._metadata.get(key) if self._metadata else None

    def set_metadata(self, key: Any, value: Any) -> None:
        """Keep *value* for the length of the operation."""
        if self._metadata is None:
            self._metadata = {}
        self._metadata[key] = value

    def duplicate(self) -> Context:
        """Return a copy with an identifier and a request of its own, and no enqueued events."""
        copy = Context(self.request.duplicate(), self.context)
        for name in self.__slots__:
            if name not in ("request", "context", "events", "_identifier", "_metadata"):
                setattr(copy, name, getattr(self, name))
        copy._metadata = dict(self._metadata) if self._metadata is not None else None
        return copy
