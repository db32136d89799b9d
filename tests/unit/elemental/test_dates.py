"""Dates: what is spelled and what is not."""

from datetime import UTC, datetime

import pytest
from bahamut._kit.gotime import format_rfc3339
from bahamut.elemental.dates import parse_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-060", "2020-02-29T00:00:00Z"),
        ("2020-366", "2020-12-31T00:00:00Z"),
        ("2020-01-02 03:04:05 (about noon)", "2020-01-02T03:04:05Z"),
        ("2020-01-02 03", "2020-01-02T03:00:00Z"),
        ("2020-01-02 12 am", "2020-01-02T00:00:00Z"),
        ("September 17, 2012 at 5:09pm PST-08", "2012-09-18T01:09:00Z"),
        ("Mon Aug 10 15:44:11 UTC+0100 2015", "2015-08-10T15:44:11Z"),
        ("2017-07-19T03:21:51:897+0100", "2017-07-19T02:21:51.897Z"),
        ("171113 14:14:20", "2017-11-13T14:14:20Z"),
        ("Mon Jan  2 15:04:05 MST 2006", "2006-01-02T15:04:05Z"),
        ("2/29", "0000-02-29T00:00:00Z"),
        ("Jan 2", "0000-01-02T00:00:00Z"),
        ("2020年01月02日 10:11:12", "2020-01-02T10:11:12Z"),
    ],
)
def test_what_is_spelled(text: str, expected: str) -> None:
    found = parse_date(text)
    assert found is not None
    assert format_rfc3339(found) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2019-366",
        "9999-366",
        "2020-000",
        "2/30",
        "2020-01-02 25",
        "2/1 23:59",
        "2020-01-02 x1",
        "\uff11/\uff12",
        "1/",
    ],
)
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|must be in|day"):
        parse_date(text)


def test_the_zero_time_is_none() -> None:
    assert parse_date("0001-01-01") is None
    assert parse_date("2020-01-02") == datetime(2020, 1, 2, tzinfo=UTC)
