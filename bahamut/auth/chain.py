"""Chains of guards: the first one that returns OK or KO decides."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from bahamut._kit.calls import name_of, shown
from bahamut.context import Context
from bahamut.elemental.errors import Error
from bahamut.errors import ForbiddenError, UnauthorizedError
from bahamut.interfaces import AuthAction, Authorizer, RequestAuthenticator, SessionAuthenticator

Ask = Callable[[Any], Awaitable[AuthAction]]
"""A guard's method: gets the operation or the session."""
Refusal = Callable[[Any], Error]
"""Makes the error that refuses a subject."""
# Members of an enumeration are slow to look up.
_OK, _KO, _CONTINUE = AuthAction.OK, AuthAction.KO, AuthAction.CONTINUE


class GuardError(TypeError):
    """A guard returned something that is not a member of `AuthAction` (decision X57)."""


def checked(action: object, guard: object) -> AuthAction:
    """Return what *guard* decided.

    Raises:
        GuardError: it is not a member of `AuthAction`; an equal value does not count.
    """
    if action is _OK or action is _KO or action is _CONTINUE:
        return action
    raise GuardError(f"{name_of(guard)} must return a member of AuthAction, not {shown(action)}")


async def ask(guards: Sequence[Ask], subject: Any, refusal: Refusal, *, fail_closed: bool) -> None:
    """Ask guards in order until one returns OK or KO.

    Args:
        guards: asked one after the other; without any, everything is granted.
        subject: an operation or a session.
        refusal: makes the error that is raised to refuse.
        fail_closed: whether to refuse when none of them decided.

    Raises:
        Error: the refusal.
        GuardError: a guard returned something else than a member of `AuthAction`.
        Exception: what a guard raised.
    """
    for guard in guards:
        action = await guard(subject)
        if action is _OK:
            return
        if action is _KO:
            raise refusal(subject)
        if action is not _CONTINUE:
            checked(action, guard)
    if guards and fail_closed:
        raise refusal(subject)


def unauthorized(_ctx: Context) -> UnauthorizedError:
    """Return the refusal of an authenticator."""
    return UnauthorizedError()


def forbidden(ctx: Context) -> ForbiddenError:
    """Return the refusal of an authorizer: it says what is not allowed, and where (X46)."""
    request = ctx.request
    what = f"perform '{request.operation.value}' on '{request.identity.category}'"
    where = f" in namespace '{request.namespace}'" if request.namespace else ""
    return ForbiddenError(f"You are not allowed to {what}{where}")


def _session_refused(_session: Any) -> UnauthorizedError:
    return UnauthorizedError("You are not authorized to start a session")


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
    guards = [authenticator.authenticate_request for authenticator in authenticators]
    await ask(guards, ctx, unauthorized, fail_closed=fail_closed)


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
    guards = [authorizer.is_authorized for authorizer in authorizers]
    await ask(guards, ctx, forbidden, fail_closed=fail_closed)


async def check_session(
    authenticators: Iterable[SessionAuthenticator], session: Any, *, fail_closed: bool = False
) -> None:
    """Ask who opens a websocket.

    Raises:
        UnauthorizedError: one said KO.
        Exception: what one raised.
    """
    guards = [authenticator.authenticate_session for authenticator in authenticators]
    await ask(guards, session, _session_refused, fail_closed=fail_closed)
