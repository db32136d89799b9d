"""Guards made from functions (Go: authorizer/simple)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bahamut._kit.calls import decided
from bahamut.auth.chain import checked
from bahamut.checks import Hook
from bahamut.context import Context
from bahamut.elemental.event import Event
from bahamut.interfaces import AuthAction

CustomAuthRequestFunc = Callable[[Context], Awaitable[AuthAction]]
CustomAuthSessionFunc = Callable[[Any], Awaitable[AuthAction]]
CustomShouldPublishFunc = Callable[[Event], Awaitable[bool]]


def _taken(function: Any, argument: str) -> Any:
    """Return *function*; raise TypeError unless it is None or a coroutine function."""
    problem = None if function is None else Hook("", argument).problem(function)
    if problem is not None:
        raise TypeError(problem)
    return function


class Authenticator:
    """Authenticates requests and sessions with functions; without a function it returns CONTINUE.

    Raises:
        TypeError: a function is not a coroutine function that takes one argument.
    """

    def __init__(
        self,
        request_func: CustomAuthRequestFunc | None = None,
        session_func: CustomAuthSessionFunc | None = None,
    ) -> None:
        self._request: CustomAuthRequestFunc | None = _taken(request_func, "ctx")
        self._session: CustomAuthSessionFunc | None = _taken(session_func, "session")

    async def authenticate_request(self, ctx: Context) -> AuthAction:
        """Return the decision of the function for requests."""
        if self._request is None:
            return AuthAction.CONTINUE
        return checked(await self._request(ctx), self._request)

    async def authenticate_session(self, session: Any) -> AuthAction:
        """Return the decision of the function for sessions."""
        if self._session is None:
            return AuthAction.CONTINUE
        return checked(await self._session(session), self._session)


class Authorizer:
    """Authorizes requests with a function; without one it returns CONTINUE.

    Raises:
        TypeError: the function is not a coroutine function that takes one argument.
    """

    def __init__(self, request_func: CustomAuthRequestFunc | None = None) -> None:
        self._request: CustomAuthRequestFunc | None = _taken(request_func, "ctx")

    async def is_authorized(self, ctx: Context) -> AuthAction:
        """Return the decision of the function."""
        if self._request is None:
            return AuthAction.CONTINUE
        return checked(await self._request(ctx), self._request)


class PublishHandler:
    """Filters published events with a function; without one every event is published.

    Raises:
        TypeError: the function is not a coroutine function that takes one argument.
    """

    def __init__(self, publish_func: CustomShouldPublishFunc | None = None) -> None:
        self._publish: CustomShouldPublishFunc | None = _taken(publish_func, "event")

    async def should_publish(self, event: Event) -> bool:
        """Return the decision of the function."""
        return True if self._publish is None else decided(await self._publish(event), self._publish)


def new_authenticator(
    request_func: CustomAuthRequestFunc | None = None,
    session_func: CustomAuthSessionFunc | None = None,
) -> Authenticator:
    """Return an authenticator made from functions (Go: NewAuthenticator)."""
    return Authenticator(request_func, session_func)


def new_authorizer(request_func: CustomAuthRequestFunc | None = None) -> Authorizer:
    """Return an authorizer made from a function (Go: NewAuthorizer)."""
    return Authorizer(request_func)


def new_publish_handler(publish_func: CustomShouldPublishFunc | None = None) -> PublishHandler:
    """Return a publish handler made from a function (Go: NewPublishHandler)."""
    return PublishHandler(publish_func)
