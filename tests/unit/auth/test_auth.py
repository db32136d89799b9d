"""Chains of guards, made from functions."""

from typing import Any

import pytest
from bahamut import (
    AuthAction,
    Context,
    ForbiddenError,
    UnauthorizedError,
    check_authentication,
    check_authorization,
)
from bahamut.auth.chain import GuardError, check_session
from bahamut.auth.simple import new_authenticator, new_authorizer, new_publish_handler
from bahamut.elemental import Request

pytestmark = pytest.mark.asyncio
OK, KO, CONTINUE = AuthAction.OK, AuthAction.KO, AuthAction.CONTINUE


class Asked:
    """A function that answers the same to everybody, and remembers who asked."""

    def __init__(self, answer: AuthAction | Exception) -> None:
        self.answer, self.subjects = answer, list[Any]()

    async def __call__(self, subject: Any) -> AuthAction:
        self.subjects.append(subject)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answers", "fail_closed", "is_granted", "asked"),
    [
        ([], False, True, 0),
        ([], True, True, 0),
        ([OK], False, True, 1),
        ([KO], False, False, 1),
        ([CONTINUE], False, True, 1),
        ([CONTINUE], True, False, 1),
        ([CONTINUE, OK, KO], True, True, 2),
        ([CONTINUE, KO, OK], False, False, 2),
    ],
)
async def test_the_first_that_decides_has_decided(
    answers: list[AuthAction], fail_closed: bool, is_granted: bool, asked: int
) -> None:
    ctx = Context(Request())
    kinds: list[tuple[Any, Any, type[Exception], Any]] = [
        (check_authentication, new_authenticator, UnauthorizedError, ctx),
        (check_authorization, new_authorizer, ForbiddenError, ctx),
        (check_session, lambda f: new_authenticator(None, f), UnauthorizedError, "session"),
    ]
    for check, guard, error, subject in kinds:
        functions = [Asked(answer) for answer in answers]
        checking = check([guard(f) for f in functions], subject, fail_closed=fail_closed)
        if is_granted:
            await checking
        else:
            with pytest.raises(error):
                await checking
        assert [f.subjects for f in functions] == [
            [subject] if index < asked else [] for index in range(len(functions))
        ]


async def test_what_a_guard_raises_is_raised() -> None:
    guards = [new_authorizer(Asked(KeyError("down"))), new_authorizer(Asked(OK))]
    with pytest.raises(KeyError, match="down"):
        await check_authorization(guards, Context(Request()))


async def test_without_functions_nobody_has_an_opinion() -> None:
    ctx, session = Context(Request()), "session"
    assert await new_authenticator().authenticate_request(ctx) is CONTINUE
    assert await new_authenticator().authenticate_session(session) is CONTINUE
    assert await new_authorizer().is_authorized(ctx) is CONTINUE
    event: Any = None
    assert await new_publish_handler().should_publish(event)


NO_ACTIONS = [False, True, None, 0, 1, 2, 5, 0.0, "OK", "KO", "", object(), [OK], AuthAction]


class Returns:
    """A guard of every kind that returns the same to everybody."""

    def __init__(self, value: Any) -> None:
        self.value = value

    async def authenticate_request(self, _ctx: Context) -> Any:
        return self.value

    async def is_authorized(self, _ctx: Context) -> Any:
        return self.value

    async def authenticate_session(self, _session: Any) -> Any:
        return self.value


@pytest.mark.parametrize("fail_closed", [False, True])
@pytest.mark.parametrize("value", NO_ACTIONS, ids=repr)
async def test_g1_only_members_of_auth_action_count(value: Any, fail_closed: bool) -> None:
    checks: list[tuple[Any, str]] = [
        (check_authentication, "Returns.authenticate_request"),
        (check_authorization, "Returns.is_authorized"),
        (check_session, "Returns.authenticate_session"),
    ]
    for check, name in checks:
        with pytest.raises(GuardError, match=name):
            await check([Returns(value), Returns(OK)], Context(Request()), fail_closed=fail_closed)


@pytest.mark.parametrize("value", NO_ACTIONS, ids=repr)
async def test_g1_functions_are_named_when_they_return_no_action(value: Any) -> None:
    async def door(_subject: Any) -> Any:
        return value

    ctx = Context(Request())
    with pytest.raises(GuardError, match="door must return a member of AuthAction"):
        await check_authentication([new_authenticator(door)], ctx)
    with pytest.raises(GuardError, match="door must return a member of AuthAction"):
        await check_authorization([new_authorizer(door)], ctx)
    with pytest.raises(GuardError, match="door must return a member of AuthAction"):
        await check_session([new_authenticator(None, door)], "session")


async def test_g1_the_error_does_not_show_a_value_that_may_be_secret() -> None:
    with pytest.raises(GuardError, match="not a value of type str") as raised:
        await check_authentication([Returns("t0ken")], Context(Request()))
    assert "t0ken" not in str(raised.value)


async def test_g1_members_of_auth_action_equal_no_number() -> None:
    assert not {0, 1, 2} & set(AuthAction)
