"""Protocols that users may implement, and the types of callback functions.

Methods that may do I/O are async; pure functions are synchronous. Methods of a processor may be
plain functions as well; they then run in a worker thread.
"""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from bahamut.context import Context
from bahamut.elemental.errors import Errors
from bahamut.elemental.event import Event
from bahamut.elemental.request import Request


class AuthAction(Enum):
    """The decision of an authenticator or authorizer (Go: AuthAction).

    Any other return value, such as True or None, is answered with 500.
    """

    OK = 0
    """Access is granted; the remaining authenticators or authorizers are not called."""
    KO = 1
    """Access is denied."""
    CONTINUE = 2
    """Undecided: the next authenticator or authorizer is called."""


@runtime_checkable
class RetrieveManyProcessor(Protocol):
    """Lists objects."""

    async def process_retrieve_many(self, ctx: Context) -> None:
        """Put a list into ``ctx.output_data``, and the total into ``ctx.count``."""
        ...


@runtime_checkable
class RetrieveProcessor(Protocol):
    """Finds one object."""

    async def process_retrieve(self, ctx: Context) -> None:
        """Put the object of ``ctx.request.object_id`` into ``ctx.output_data``."""
        ...


@runtime_checkable
class CreateProcessor(Protocol):
    """Creates an object."""

    async def process_create(self, ctx: Context) -> None:
        """Store ``ctx.input_data`` and put what was stored into ``ctx.output_data``."""
        ...


@runtime_checkable
class UpdateProcessor(Protocol):
    """Replaces an object."""

    async def process_update(self, ctx: Context) -> None:
        """Store ``ctx.input_data`` in place of the object of ``ctx.request.object_id``."""
        ...


@runtime_checkable
class DeleteProcessor(Protocol):
    """Deletes an object."""

    async def process_delete(self, ctx: Context) -> None:
        """Remove the object of ``ctx.request.object_id``."""
        ...


@runtime_checkable
class PatchProcessor(Protocol):
    """Changes some attributes of an object."""

    async def process_patch(self, ctx: Context) -> None:
        """Apply the sparse ``ctx.input_data`` to the object of ``ctx.request.object_id``."""
        ...


@runtime_checkable
class InfoProcessor(Protocol):
    """Counts objects."""

    async def process_info(self, ctx: Context) -> None:
        """Put the number of objects into ``ctx.count``."""
        ...


Processor = Any
"""Any object with at least one of the ``process_*`` methods above (Go: Processor)."""


@runtime_checkable
class RequestAuthenticator(Protocol):
    """Authenticates requests."""

    async def authenticate_request(self, ctx: Context) -> AuthAction:
        """Decide, usually setting ``ctx.claims``; raise an `elemental.Error` to return it."""
        ...


@runtime_checkable
class SessionAuthenticator(Protocol):
    """Authenticates websocket sessions."""

    async def authenticate_session(self, session: Any) -> AuthAction:
        """Decide, usually setting ``session.claims``."""
        ...


@runtime_checkable
class Authorizer(Protocol):
    """Authorizes operations."""

    async def is_authorized(self, ctx: Context) -> AuthAction:
        """Decide; raise an `elemental.Error` to return that error."""
        ...


@runtime_checkable
class Auditer(Protocol):
    """Receives one audit record per operation, whether it succeeded or failed.

    `audit` may be a plain method, which is called directly, or a coroutine, which runs in order
    behind a bounded queue. Exceptions are logged and do not affect the response.
    """

    def audit(self, ctx: Context, error: BaseException | None) -> Awaitable[None] | None:
        """Record an operation; *error* is None if it succeeded."""
        ...


@runtime_checkable
class RateLimiter(Protocol):
    """Limits the rate of requests."""

    async def rate_limit(self, request: Request) -> bool:
        """Return True to reject *request* with 429; a value that is not a boolean returns 500."""
        ...


@runtime_checkable
class PushDispatchHandler(Protocol):
    """Decides who may open a session and which events it receives (Go: PushDispatchHandler).

    Sessions are `bahamut.PushSession`.

    Two further methods are optional. ``async summarize_event(event)`` is called once per event and
    server; its result is passed to `should_dispatch`, and if it raises, no session receives the
    event. ``related_event_identities(name)`` returns names of identities: sessions subscribed to
    one of them also receive events of *name*.
    """

    async def on_push_session_init(self, session: Any) -> bool:
        """Return False to reject *session* with 403, or raise an `elemental.Error`.

        Any other exception, and a value that is not a boolean, is answered with 500.
        """
        ...

    async def on_push_session_start(self, session: Any) -> None:
        """A session has begun."""
        ...

    async def on_push_session_stop(self, session: Any) -> None:
        """A session has ended."""
        ...

    async def should_dispatch(self, session: Any, event: Event, summary: Any) -> bool:
        """Return True to send *event*, which must not be changed, to *session*, False not to.

        It is not sent either when this raises or returns anything but a boolean.
        """
        ...


@runtime_checkable
class PushPublishHandler(Protocol):
    """Decides which events are published."""

    async def should_publish(self, event: Event) -> bool:
        """Return True to publish *event*, False not to.

        It is not published either when this raises or returns anything but a boolean.
        """
        ...


CustomMarshaller = Callable[[Request, Any, Errors | None], bytes]
"""Encodes an identity's answers: gets the request, the output data (None for errors) and the
errors (None for a success)."""
CustomUmarshaller = Callable[[Request], Any]
"""Decodes an identity's bodies: gets the request, returns the object; what it raises is answered
with 400 and its text."""
IdentifiableRetriever = Callable[[Request], Awaitable[Any]]
"""Finds the object that a patch is for, and so turns the patch into an update."""
ErrorTransformer = Callable[[BaseException], BaseException | None]
"""Replaces an error before it is answered; None keeps it. What it raises is answered instead."""
Hook = Callable[[Any], Awaitable[None]]
"""Runs when the server has started or is about to stop; gets the server."""
HealthServerFunc = Callable[[], Awaitable[None]]
"""Raises when the service is not healthy."""
HealthStatFunc = Callable[[Any], Awaitable[Any]]
"""Serves one path of the health server: gets the aiohttp request, returns its response."""
CustomHandler = Callable[[Any], Awaitable[Any]]
"""Serves one custom route: gets the aiohttp request, returns its response."""
RateLimitCondition = Callable[[Request], bool]
"""Tells whether a request counts against an identity's rate limit."""
