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
from bahamut.auth.chain import check_session
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
