"""Go's durations and times, both ways."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from bahamut._kit.gotime import (
    Instant,
    format_duration,
    format_rfc3339,
    from_seconds,
    parse_duration,
    parse_rfc3339,
    to_seconds,
)
from hypothesis import given, strategies as st

HOUR, MINUTE, SECOND = 3_600 * 10**9, 60 * 10**9, 10**9


@pytest.mark.parametrize(
    ("text", "nanoseconds", "printed"),
    [
        ("0", 0, "0s"),
        ("-0", 0, "0s"),
        ("1ns", 1, "1ns"),
        ("1.5us", 1_500, "1.5µs"),
        ("1μs", 1_000, "1µs"),
        ("100ms", 100 * 10**6, "100ms"),
        ("+1s", SECOND, "1s"),
        (".5s", SECOND // 2, "500ms"),
        ("1.s", SECOND, "1s"),
        ("90s", 90 * SECOND, "1m30s"),
        ("1h", HOUR, "1h0m0s"),
        ("-1h30m0.5s", -(HOUR + 30 * MINUTE + SECOND // 2), "-1h30m0.5s"),
        ("0.3333333333333333333h", 1_199_999_999_999, "19m59.999999999s"),
        ("9223372036854775807ns", 2**63 - 1, "2562047h47m16.854775807s"),
        ("-9223372036854775808ns", -(2**63), "-2562047h47m16.854775808s"),
    ],
)
def test_durations(text: str, nanoseconds: int, printed: str) -> None:
    assert parse_duration(text) == nanoseconds
    assert format_duration(nanoseconds) == printed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'time: invalid duration ""'),
        ("-", 'time: invalid duration "-"'),
        (".s", 'time: invalid duration ".s"'),
        ("1", 'time: missing unit in duration "1"'),
        ("1d", 'time: unknown unit "d" in duration "1d"'),
        ("1 s", 'time: unknown unit " s" in duration "1 s"'),
        ("1é", r'time: unknown unit "\xc3\xa9" in duration "1\xc3\xa9"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
        ("2562048h", 'time: invalid duration "2562048h"'),
        ("٣s", None),
    ],
)
def test_what_is_no_duration_is_refused_in_gos_words(text: str, message: str | None) -> None:
    with pytest.raises(ValueError, match=r"^time: ") as caught:
        parse_duration(text)
    assert message in (None, str(caught.value))


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_duration_is_read_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T23:59:59Z",
        "2024-02-29T23:59:59.5+05:30",
        "1969-12-31T23:59:59.999999-23:59",
        "2024-01-01T00:00:00.123456789Z",
        "2024-01-01T00:00:00.000000001-08:00",
        "0000-01-01T00:00:00Z",
        "0000-02-29T12:00:00+01:00",
        "0001-01-01T00:00:00.000000001Z",
        "0001-01-01T00:00:01+23:59",
        "9999-12-31T23:59:59.999999999-23:59",
        "2024-01-01T00:00:00+24:00",
    ],
)
def test_every_time_of_rfc_3339_is_kept_as_it_is(text: str) -> None:
    when = parse_rfc3339(text)
    assert isinstance(when, datetime)
    assert format_rfc3339(when) == text
    for same in (copy.copy(when), copy.deepcopy(when), pickle.loads(pickle.dumps(when))):
        assert format_rfc3339(same) == text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2024-01-01T00:00:00.100Z", "2024-01-01T00:00:00.1Z"),
        ("2024-01-01T00:00:00+00:00", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00-00:00", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00.1234567891Z", "2024-01-01T00:00:00.123456789Z"),
    ],
)
def test_times_are_written_as_short_as_can_be(text: str, printed: str) -> None:
    assert format_rfc3339(parse_rfc3339(text)) == printed


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "0001-01-01T05:00:00+05:00"])
def test_the_zero_time_is_none(text: str) -> None:
    assert parse_rfc3339(text) is None
    assert format_rfc3339(None) == "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-01-01",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00:00.Z",
        "2023-02-29T00:00:00Z",
        "0000-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T23:60:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:00.0000001+23:60",
        "2024-01-01T00:00:00+24:01",
        "٢024-01-01T00:00:00Z",
        "2024-01-01T00:00:00Z\n",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


zones = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(timezones=zones))
def test_every_datetime_is_read_back(when: datetime) -> None:
    again = parse_rfc3339(format_rfc3339(when))
    zero = (-62_135_596_800, 0)
    assert (zero if again is None else to_seconds(again)) == to_seconds(when)


@given(st.integers(-62_167_219_200, 253_402_300_799), st.integers(0, 10**9 - 1))
def test_every_instant_is_kept_to_the_nanosecond(seconds: int, nanoseconds: int) -> None:
    when = from_seconds(seconds, nanoseconds)
    if when is None:
        assert (seconds, nanoseconds) == (-62_135_596_800, 0)
        return
    assert to_seconds(when) == (seconds, nanoseconds)
    again = parse_rfc3339(format_rfc3339(when))
    assert again is not None
    assert to_seconds(again) == (seconds, nanoseconds)


@pytest.mark.parametrize("seconds", [-62_167_219_201, 253_402_300_800])
def test_what_four_digits_cannot_state_is_refused(seconds: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        from_seconds(seconds, 0)


def test_an_instant_is_the_nearest_datetime() -> None:
    when = parse_rfc3339("2024-01-01T00:00:00.123456789Z")
    assert isinstance(when, Instant)
    assert when == datetime(2024, 1, 1, microsecond=123456, tzinfo=UTC)
