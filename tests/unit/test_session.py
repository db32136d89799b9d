"""What a session says of its handshake, whatever the client sent."""

from __future__ import annotations

from typing import Any

import pytest
from bahamut.config import PushSettings
from bahamut.elemental.push_config import PushConfig, PushLimitError
from bahamut.elemental.raw_request import RawRequest
from bahamut.push.outgoing import Models
from bahamut.push.session import PushSession, Session
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


@pytest.mark.parametrize("count", [2001, 50_000])
def test_l4_too_many_parameters_are_refused_before_they_are_looked_at(count: int) -> None:
    class Values(list[str]):
        def __iter__(self) -> Any:
            raise AssertionError("it was looked at")

    raw = RawRequest("GET", "/events", "", CIMultiDict(), "::1")
    asking = PushSession(raw, "::1", PushSettings(), Models({}))
    config = PushConfig()
    config.parameters = {str(index): Values(["x"]) for index in range(count)}
    with pytest.raises(PushLimitError, match="too many parameters"):
        asking.adopt(config)
