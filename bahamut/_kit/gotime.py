"""Go's durations and RFC 3339 times, both ways.

Durations are integers of nanoseconds. Times are aware datetimes; what a datetime cannot hold
(nanoseconds, the year 0000, an offset of a whole day) is kept by `Instant`, which is one too.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Self

NANOSECOND = 1
MICROSECOND = 1000
MILLISECOND = 1000 * MICROSECOND
SECOND = 1000 * MILLISECOND
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

MAX_DURATION = (1 << 63) - 1
_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,
    "μs": MICROSECOND,
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
# A number (each half may be missing, not both), then everything up to the next number.
_STEP = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]*)", re.DOTALL)
_RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = datetime(1970, 1, 1).toordinal()  # noqa: DTZ001 - a day, not an instant
_DAYS_OF_YEAR_ZERO = 366
_ZERO_SECONDS = (datetime(1, 1, 1).toordinal() - _EPOCH_DAY) * 86400  # noqa: DTZ001


class Instant(datetime):
    """A datetime that remembers what datetime cannot hold.

    As a datetime it is the nearest one; `seconds`, `nanoseconds` and `offset` are exact.
    """

    seconds: int
    """Since 1970, in UTC."""
    nanoseconds: int
    offset: int
    """Of the zone it was written in, in minutes."""

    @classmethod
    def of(cls, seconds: int, nanoseconds: int, offset: int = 0) -> Self:
        """Return the instant *seconds* and *nanoseconds* after 1970 began."""
        zone = timezone(timedelta(minutes=max(-1439, min(1439, offset))))
        try:
            near = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
            near = near.astimezone(zone)
        except OverflowError:
            limit = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
            near = limit if seconds > 0 else datetime(1, 1, 1, tzinfo=UTC)
        microseconds = nanoseconds // 1000
        made = cls(*near.timetuple()[:6], microseconds, near.tzinfo)
        made.seconds, made.nanoseconds, made.offset = seconds, nanoseconds, offset
        return made

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return Instant.of, (self.seconds, self.nanoseconds, self.offset)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def parse_duration(text: str) -> int:
    """Return the nanoseconds of a Go duration such as ``1h30m`` or ``-1.5s``.

    Raises:
        ValueError: *text* is none, or does not fit in 64 bits; Go's words.
    """
    rest = text[1:] if text[:1] in ("-", "+") else text
    is_negative = text[:1] == "-"
    if rest == "0":
        return 0
    invalid = ValueError(f"time: invalid duration {_quoted(text)}")
    if not rest:
        raise invalid
    total, position = 0, 0
    while position < len(rest):
        step = _STEP.match(rest, position)
        if step is None or not (step["whole"] or step["fraction"]):
            raise invalid
        total += _step_length(step, text, invalid)
        if total > MAX_DURATION + is_negative:
            raise invalid
        position = step.end()
    return -total if is_negative else total


def _step_length(step: re.Match[str], text: str, invalid: ValueError) -> int:
    # Nineteen digits hold every duration; more are not worth reading as a number.
    whole, fraction, unit = step["whole"].lstrip("0"), step["fraction"] or "", step["unit"]
    if len(whole) > 19:
        raise invalid
    if not unit:
        raise ValueError(f"time: missing unit in duration {_quoted(text)}")
    length = _UNITS.get(unit)
    if length is None:
        raise ValueError(f"time: unknown unit {_quoted(unit)} in duration {_quoted(text)}")
    digits = fraction[:18]
    return int(whole or "0") * length + int(int(digits or "0") * (length / 10 ** len(digits)))


def _quoted(text: str) -> str:
    """Quote as the errors of Go's time package do: byte by byte, nothing beyond ASCII."""
    out = []
    for byte in text.encode("utf-8", "surrogatepass"):
        if byte in b'"\\':
            out.append("\\" + chr(byte))
        elif 0x20 <= byte < 0x80:
            out.append(chr(byte))
        else:
            out.append(f"\\x{byte:02x}")
    return f'"{"".join(out)}"'


def format_duration(nanoseconds: int) -> str:
    """Return the text Go prints for a duration: ``1h0m0s``, ``1.5s``, ``100ms``, ``0s``."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < SECOND:
        for name, unit in (("ms", MILLISECOND), ("µs", MICROSECOND), ("ns", NANOSECOND)):
            if rest >= unit:
                return f"{sign}{_decimal(rest, unit)}{name}"
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_decimal(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{sign}{hours}h{text}" if hours else sign + text


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse_rfc3339(text: str) -> datetime | None:
    """Return the time that *text* states, None for Go's zero time.

    The zone is kept. Digits beyond the nanosecond are cut.

    Raises:
        ValueError: *text* is no RFC 3339 time.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no RFC 3339 time")
    fraction = found[7] or ""
    is_plain = len(fraction) <= 6 and found[1] != "0000" and found[9] != "24"
    if not is_plain or found[4] == "24":
        return _exactly(found)
    when = datetime.fromisoformat(text)
    if found[1] == "0001" and to_seconds(when) == (_ZERO_SECONDS, 0):
        return None
    return when


def _exactly(found: re.Match[str]) -> datetime | None:
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    if hour > 23 or minute > 59 or second > 59 or int(found[10] or 0) > 59:
        raise ValueError("time out of range")
    # The year 0000 is a leap year; its days are those of the year 4, one cycle of 4 years later.
    ordinal = (
        datetime(year, month, day).toordinal()  # noqa: DTZ001
        if year
        else datetime(4, month, day).toordinal()  # noqa: DTZ001
        - datetime(4, 1, 1).toordinal()  # noqa: DTZ001
        + 1
        - _DAYS_OF_YEAR_ZERO
    )
    offset = int(found[9] or 0) * 60 + int(found[10] or 0)
    if offset > 24 * 60:
        raise ValueError("offset out of range")
    offset = -offset if found[8] == "-" else offset
    seconds = (ordinal - _EPOCH_DAY) * 86400 + hour * 3600 + minute * 60 + second - offset * 60
    return from_seconds(seconds, int((found[7] or "0")[:9].ljust(9, "0")), offset)


def from_seconds(seconds: int, nanoseconds: int, offset: int = 0) -> datetime | None:
    """Return the time *seconds* and *nanoseconds* after 1970, None for Go's zero time.

    Raises:
        ValueError: the time is out of the range that RFC 3339 can state.
    """
    if seconds == _ZERO_SECONDS and not nanoseconds:
        return None
    local = seconds + offset * 60
    if not -62_167_219_200 <= local <= 253_402_300_799 or not 0 <= nanoseconds < SECOND:
        raise ValueError("time out of range")
    is_whole = nanoseconds % 1000 == 0 and abs(offset) < 24 * 60
    if is_whole and _ZERO_SECONDS + 86400 <= seconds < 253_402_214_400:
        when = _EPOCH + timedelta(0, seconds, nanoseconds // 1000)
        return when.astimezone(timezone(timedelta(minutes=offset))) if offset else when
    return Instant.of(seconds, nanoseconds, offset)


def to_seconds(when: datetime) -> tuple[int, int]:
    """Return the seconds since 1970 and the nanoseconds of a time."""
    if isinstance(when, Instant):
        return when.seconds, when.nanoseconds
    zone = when.utcoffset() or timedelta(0)
    day = when.toordinal() - _EPOCH_DAY
    seconds = day * 86400 + when.hour * 3600 + when.minute * 60 + when.second
    return seconds - zone.days * 86400 - zone.seconds, when.microsecond * 1000


def format_rfc3339(when: datetime | None) -> str:
    """Return the RFC 3339 text of a time, its fraction as short as it can be.

    None stands for Go's zero time.
    """
    if when is None:
        return "0001-01-01T00:00:00Z"
    seconds, nanoseconds = to_seconds(when)
    if isinstance(when, Instant):
        offset = when.offset
    else:
        offset = int((when.utcoffset() or timedelta(0)).total_seconds()) // 60
    day, rest = divmod(seconds + offset * 60, 86400)
    ordinal = day + _EPOCH_DAY
    if ordinal >= 1:
        date = datetime.fromordinal(ordinal).strftime("%Y-%m-%d").rjust(10, "0")
    else:
        leap = datetime.fromordinal(ordinal + _DAYS_OF_YEAR_ZERO + 1095)
        date = f"0000-{leap.month:02d}-{leap.day:02d}"
    text = f"{date}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"
    if nanoseconds:
        text += f".{nanoseconds:09d}".rstrip("0")
    if not offset:
        return text + "Z"
    sign, offset = ("-", -offset) if offset < 0 else ("+", offset)
    return f"{text}{sign}{offset // 60:02d}:{offset % 60:02d}"
