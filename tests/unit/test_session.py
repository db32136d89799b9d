"""What a session says of its handshake, whatever the client sent."""

from __future__ import annotations

import pytest
from bahamut.elemental.raw_request import RawRequest
from bahamut.push.session import Session
from multidict import CIMultiDict


def session(cookie: str) -> Session:
    headers = CIMultiDict({"Cookie": cookie})
    return Session(RawRequest("GET", "/events", "", headers, "::1"), "::1", reads="", writes="")


@pytest.mark.parametrize("malformed", ["a,b=1", "a(b=1", "a@b", "{}=x", ""])
def test_a_malformed_cookie_hides_no_other(malformed: str) -> None:
    assert session(f"{malformed}; sid=x").cookie("sid") == "x"
    assert session(f'sid="x"; {malformed}').cookie("sid") == "x"


@pytest.mark.parametrize("header", ["", "a,b=1", "a(b=1; c=2", '"', "=;=", "sid", ";" * 100])
def test_a_cookie_that_is_not_there_is_a_lookup_error(header: str) -> None:
    with pytest.raises(LookupError):
        session(header).cookie("sid")


def test_a_cookie_of_a_malformed_name_is_not_there() -> None:
    with pytest.raises(LookupError):
        session("a,b=1").cookie("a,b")


def test_of_a_cookie_that_is_sent_twice_the_last_one_counts() -> None:
    assert session("sid=x;sid=y").cookie("sid") == "y"
