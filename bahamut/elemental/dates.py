"""The tolerant parser behind parameters of type time: the usual spellings of a date, as UTC.

The original guesses; this is a table of spellings, and what none of them spells is refused. As
there, words behind a date say nothing, a missing day is the first, a missing year the year 0.
"""

import re
from calendar import isleap
from datetime import UTC, datetime, timedelta

from bahamut._kit.gotime import from_seconds, parse_rfc3339, to_seconds

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ),
        1,
    )
    for name in names
}
_CLOCK = (
    r"(?:(?:, | at |[ Tt:]) *(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})"
    r"(?:[.,:](?P<fraction>\d{1,9}))?)?)?(?: ?(?P<half>[AaPp][Mm])(?![A-Za-z]))?"
    r"(?: ?(?:UTC[+-]\d{2,4}|[A-Z]{0,4}(?P<zone>[+-]\d{2}(?::?\d{2})?)))?(?![^ Zz])"
    r"|(?P<bare_zone>[+-]\d{2}:?\d{2}))?"
    r"\D{0,40}?(?: \([^()]{1,40}\)| [+-]\d{2,4}| m=[+-][0-9.]{1,20})?"
)
"""What may follow a date; words behind it, names of zones among them, say nothing.

As in the original, UTC is UTC whatever offset follows it.
"""
_MONTH_AND_DAY = r"(?P<month>\d{1,2})(?P<mark>[/.:])(?P<day>\d{1,2})"
_DAY_NAME = r"(?:[A-Za-z]{3,9},? )?"
_SPELLINGS = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + _CLOCK,
    r"(?P<year>\d{4}):(?P<month>\d{1,2}):(?P<day>\d{1,2})" + _CLOCK,
    r"(?P<year>\d{4})[-/.:](?P<month>\d{1,2})" + _CLOCK,
    r"(?P<year>\d{4})-(?P<ordinal>\d{3})?",
    r"(?P<year>\d{4})(?:(?P<month>\d{2})(?P<day>\d{2})"
    r"(?:(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2}))?)?",
    r"(?P<year>\d{2})(?P<month>\d{2})(?P<day>\d{2})(?= \d)" + _CLOCK,
    _MONTH_AND_DAY,
    _MONTH_AND_DAY + r"(?P=mark)(?P<year>\d{4}|\d{2})" + _CLOCK,
    r"(?P<day>\d{1,2})/(?P<name>[A-Za-z]{3,9})/(?P<year>\d{4})" + _CLOCK,
    r"(?P<name>[A-Za-z]{3,9}) (?P<day>\d{1,2})",
    _DAY_NAME + r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})"
    r"(?:st|nd|rd|th)?,? '?(?P<year>\d{4}|\d{2})" + _CLOCK,
    _DAY_NAME + r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})[ -](?P<year>\d{4}|\d{2})" + _CLOCK,
    r"(?P<year>\d{4})-(?P<name>[A-Za-z]{3,9})-(?P<day>\d{1,2})" + _CLOCK,
    r"(?P<year>\d{4})年(?P<month>\d{2})月(?P<day>\d{2})日"
    r"(?: (?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2}))?",
    r"[A-Z][a-z]{2} (?P<name>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?: UTC[+-]\d{4}|(?: [A-Z]{3,4})?(?: ?(?P<zone>[+-]\d{4}))?) (?P<year>\d{4})",
)
"""Compiled when the first date comes: few servers are sent any."""
_BLANK_ZONE = re.compile(r"(:[0-9]{2}(?:\.[0-9]+)?) ([0-9]{2}:[0-9]{2})\Z")
"""The zone of a date whose plus sign was not escaped: in a query it is a blank."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CYCLE = 400
"""Years after which the calendar repeats itself; the year 0, which datetime lacks, is like it."""
_CYCLE_SECONDS = 146_097 * 86_400
_EPOCHS = {10: 10**9, 13: 10**6, 16: 10**3, 19: 1}
"""Nanoseconds of the unit, by the number of digits."""


def parse_date(text: str) -> datetime | None:
    """Return the time that *text* spells, UTC unless it says otherwise; None for the zero time.

    Raises:
        ValueError: no spelling that is known.
    """
    text = text.rstrip()
    if len(text) > 64:
        raise ValueError("too long for a date")
    unit = _EPOCHS.get(len(text)) if text.isascii() and text.isdigit() else None
    if unit is not None:
        return from_seconds(*divmod(int(text) * unit, 10**9))
    try:
        when = parse_rfc3339(_BLANK_ZONE.sub(r"\1+\2", text))
    except ValueError:
        pass
    else:
        return None if when is None else from_seconds(*to_seconds(when))
    for spelling in _SPELLINGS:
        found = re.fullmatch(spelling, text, re.ASCII)
        if found is not None:
            return _of_parts(found.groupdict())
    raise ValueError(f"'{text}' is no date")


def _of_parts(parts: dict[str, str | None]) -> datetime | None:
    def number(name: str, default: int = 0) -> int:
        return int(parts.get(name) or default)

    year, name = _year(parts.get("year")), parts.get("name")
    when = datetime(
        year or _CYCLE,
        _MONTHS.get(name.lower(), 0) if name else number("month", 1),
        number("day", 1),
        _hour(number("hour"), parts.get("half")),
        number("minute"),
        number("second"),
        tzinfo=UTC,
    )
    ordinal = number("ordinal", 1)
    if not 1 <= ordinal <= 365 + isleap(year):
        raise ValueError(f"the year {year} has no such day")
    when += timedelta(days=ordinal - 1)
    seconds = (when - _EPOCH) // timedelta(seconds=1)
    if not year:
        seconds -= _CYCLE_SECONDS
    fraction = (parts.get("fraction") or "").ljust(9, "0")
    return from_seconds(
        seconds - _offset(parts.get("zone") or parts.get("bare_zone") or "") * 60, int(fraction)
    )


def _year(digits: str | None) -> int:
    """Return the year that two or four digits mean, 0 without any."""
    year = int(digits or 0)
    if digits and len(digits) == 2:
        year += 1900 if year >= 70 else 2000
    return year


def _hour(hour: int, half: str | None) -> int:
    """Return an hour of twenty-four."""
    if not half:
        return hour
    return hour % 12 + (12 if half.lower() == "pm" else 0)


def _offset(zone: str) -> int:
    """Return the minutes of a zone such as ``+02:00``."""
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if zone[0] == "-" else minutes
