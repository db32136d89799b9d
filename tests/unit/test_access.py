"""What the access log shows of a query."""

from __future__ import annotations

import logging

import pytest
from bahamut.elemental.raw_request import RawRequest
from bahamut.web import access
from bahamut.web.access import AccessLog
from multidict import CIMultiDict

SECRETS = frozenset(("token",))


@pytest.mark.parametrize("length", range(8170, 8200))
def test_x69_no_part_of_a_secret_is_shown_where_a_long_query_is_cut(caplog, length):
    caplog.set_level(logging.INFO, "bahamut.access")
    log, query = AccessLog(SECRETS), "a" * length + "&%74oken=SECRET;token=SECRET"
    log.write(RawRequest("GET", "/", query, CIMultiDict(), "::1"), "/", 200, 1.0)
    (line,) = caplog.messages
    assert line.startswith("GET /?aaa")
    assert line.endswith(" 200")
    assert "SECRET"[:2] not in line.removesuffix(" 200")


def test_x69_only_what_is_shown_of_a_query_is_looked_at(caplog, monkeypatch):
    caplog.set_level(logging.INFO, "bahamut.access")
    seen = list[str]()
    monkeypatch.setattr(access, "masked", lambda query, _: seen.append(query) or query)
    query = "token=1;" * 8000
    raw = RawRequest("GET", "/", query, CIMultiDict(), "::1")
    AccessLog(SECRETS).write(raw, "/", 200, 1.0)
    assert [len(text) for text in seen] == [8195]
