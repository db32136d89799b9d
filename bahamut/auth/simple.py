"""Guards made from functions (Go: authorizer/simple)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bahamut.auth.chain import checked
from bahamut.context import Context
from bahamut.elemental.event import Event
from bahamut.interfaces import AuthAction

CustomAuthRequestFunc = Callable[[Context], Awaitable[AuthAction]]
CustomAuthSessionFunc = Callable[[Any], Awaitable[AuthAction]]
CustomShouldPublishFunc = Callable[[Event], Awaitable[bool]]


class Authenticator:
    """Authenticates requests and sessions with functions; one that is missing has no opinion."""

    def __init__(
        self,
        request_func: CustomAuthRequestFunc | None = None,
        session_func: CustomAuthSessionFunc | None = None,
    ) -> None:
        self._request = request_func
        self._session = session_func

    async def authenticate_request(self, ctx: Context) -> AuthAction:
        """Ask the function for requests."""
        if self._request is None:
            return AuthAction.CONTINUE
        return checked(await self._request(ctx), self._request)

    async def authenticate_session(self, session: Any) -> AuthAction:
        """Ask the function for sessions."""
        if self._session is None:
            return AuthAction.CONTINUE
        return checked(await self._session(session), self._session)


class Authorizer:
    """Authorizes requests with a function; without one it has no opinion."""

    def __init__(self, request_func: CustomAuthRequestFunc | None = None) -> None:
        self._request = request_func

    async def is_authorized(self, ctx: Context) -> AuthAction:
        """Ask the function."""
        if self._request is None:
            return AuthAction.CONTINUE
        return checked(await self._request(ctx), self._request)


class PublishHandler:
    """Decides with a function which events are published; without one all are."""

    def __init__(self, publish_func: CustomShouldPublishFunc | None = None) -> None:
        self._publish = publish_func

    async def should_publish(self, event: Event) -> bool:
        """Ask the function."""
        return True if self._publish is None else await self._publish(event)


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
