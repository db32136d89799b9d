"""Chains of guards: the first one that decides has decided."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from bahamut.context import Context
from bahamut.errors import ForbiddenError, UnauthorizedError
from bahamut.interfaces import AuthAction, Authorizer, RequestAuthenticator, SessionAuthenticator


async def check_authentication(
    authenticators: Iterable[RequestAuthenticator], ctx: Context, *, fail_closed: bool = False
) -> None:
    """Ask who is calling (Go: CheckAuthentication).

    Args:
        authenticators: asked in order until one says OK or KO.
        ctx: the operation.
        fail_closed: whether to refuse when none of them decided.

    Raises:
        UnauthorizedError: one said KO.
        Exception: what one raised.
    """
    asked = [authenticator.authenticate_request for authenticator in authenticators]
    if not await _is_granted(asked, ctx, fail_closed=fail_closed):
        raise UnauthorizedError


async def check_authorization(
    authorizers: Iterable[Authorizer], ctx: Context, *, fail_closed: bool = False
) -> None:
    """Ask whether the caller may (Go: CheckAuthorization).

    Args:
        authorizers: asked in order until one says OK or KO.
        ctx: the operation.
        fail_closed: whether to refuse when none of them decided.

    Raises:
        ForbiddenError: one said KO.
        Exception: what one raised.
    """
    asked = [authorizer.is_authorized for authorizer in authorizers]
    if not await _is_granted(asked, ctx, fail_closed=fail_closed):
        raise ForbiddenError


async def check_session(
    authenticators: Iterable[SessionAuthenticator], session: Any, *, fail_closed: bool = False
) -> None:
    """Ask who opens a websocket.

    Raises:
        UnauthorizedError: one said KO.
        Exception: what one raised.
    """
    asked = [authenticator.authenticate_session for authenticator in authenticators]
    if not await _is_granted(asked, session, fail_closed=fail_closed):
        raise UnauthorizedError("You are not authorized to start a session")


async def _is_granted(
    asked: Sequence[Callable[[Any], Awaitable[AuthAction]]], subject: Any, *, fail_closed: bool
) -> bool:
    for ask in asked:
        action = await ask(subject)
        if action == AuthAction.OK:
            return True
        if action == AuthAction.KO:
            return False
    return not (asked and fail_closed)
