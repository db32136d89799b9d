"""The tolerant parser behind parameters of type time: the usual spellings of a date, as UTC.

The original guesses; this is a table of spellings, and what none of them spells is refused.
"""

import re
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
    r"(?:(?:, |[ T:])(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?(?: ?(?P<half>[AaPp][Mm]))?)?"
    r"(?: ?(?:GMT|UTC)?(?P<zone>Z|[+-]\d{2}(?::?\d{2})?|[A-Z]{3,4})(?: [A-Z]{3,4})?)?"
    r"(?: \([A-Za-z ]{3,40}\))?(?: m=[+-][0-9.]{1,20})?"
)
_DAY_NAME = r"(?:[A-Za-z]{3,9},? )?"
_SPELLINGS = tuple(
    re.compile(pattern + _CLOCK)
    for pattern in (
        r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d{2})",
        r"(?P<month>\d{1,2})\.(?P<day>\d{1,2})\.(?P<year>\d{4}|\d{2})",
        r"(?P<year>\d{4})[-.](?P<month>\d{1,2})",
        r"(?P<year>\d{4}):(?P<month>\d{2}):(?P<day>\d{2})",
        r"(?P<month>\d{2}):(?P<day>\d{2}):(?P<year>\d{4})",
        r"(?P<day>\d{1,2})/(?P<name>[A-Za-z]{3,9})/(?P<year>\d{4})",
        _DAY_NAME + r"(?P<name>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})"
        r"(?:st|nd|rd|th)?,? '?(?P<year>\d{4}|\d{2})",
        _DAY_NAME + r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})[ -](?P<year>\d{4}|\d{2})",
        r"(?P<year>\d{4})-(?P<name>[A-Za-z]{3,9})-(?P<day>\d{1,2})",
    )
)
_UNIX_DATE = re.compile(
    r"[A-Z][a-z]{2} (?P<name>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})"
    r"(?: (?P<zone>UTC|GMT|[+-]\d{4}))? (?P<year>\d{4})"
)
_EPOCHS = {10: 10**9, 13: 10**6, 16: 10**3, 19: 1}
"""Nanoseconds of the unit, by the number of digits."""


def parse_date(text: str) -> datetime | None:
    """Return the time that *text* spells, UTC unless it says otherwise; None for the zero time.

    Raises:
        ValueError: no spelling that is known.
    """
    text = text.strip()
    if len(text) > 64:
        raise ValueError("too long for a date")
    if text.isascii() and text.isdigit():
        return _of_digits(text)
    try:
        when = parse_rfc3339(text)
    except ValueError:
        pass
    else:
        return None if when is None else from_seconds(*to_seconds(when))
    for spelling in (*_SPELLINGS, _UNIX_DATE):
        found = spelling.fullmatch(text)
        if found is not None:
            return _of_parts(found.groupdict())
    raise ValueError(f"'{text}' is no date")


def _of_digits(text: str) -> datetime | None:
    unit = _EPOCHS.get(len(text))
    if unit is not None:
        seconds, nanoseconds = divmod(int(text) * unit, 10**9)
        return from_seconds(seconds, nanoseconds)
    layouts = {4: "%Y", 8: "%Y%m%d", 14: "%Y%m%d%H%M%S"}
    if len(text) not in layouts:
        raise ValueError(f"'{text}' is no date")
    return datetime.strptime(text, layouts[len(text)]).replace(tzinfo=UTC)


def _of_parts(parts: dict[str, str | None]) -> datetime | None:
    year = int(parts["year"] or 0)
    if len(parts["year"] or "") == 2:
        year += 1900 if year >= 70 else 2000
    name = parts.get("name")
    month = _MONTHS.get(name.lower(), 0) if name else int(parts["month"] or 0)
    hour, half = int(parts.get("hour") or 0), (parts.get("half") or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    when = datetime(
        year,
        month,
        int(parts.get("day") or 1),
        hour,
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        tzinfo=UTC,
    )
    seconds = int((when - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(seconds=1))
    fraction = (parts.get("fraction") or "").ljust(9, "0")
    offset = _offset(parts.get("zone") or "")
    return from_seconds(seconds - offset * 60, int(fraction or 0))


def _offset(zone: str) -> int:
    """Return the minutes of a zone such as ``+02:00``."""
    if zone[:1] not in ("+", "-"):
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return -minutes if zone[0] == "-" else minutes
