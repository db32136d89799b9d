"""The dialect of INI that ``regolithe.ini`` is written in: sections, keys, comments, quotes."""

from __future__ import annotations

from bahamut.regolithe.spec import Finding, Place, SpecificationError

_QUOTES = ('"', "'", "`")
_COMMENTS = ("#", ";")


def parse_ini(text: str, file: str) -> dict[str, dict[str, str]]:
    """Return the values by section and key; a key given twice has its last value.

    Keys before the first section are in the section ``DEFAULT``.

    Args:
        text: what the file holds.
        file: its name, for messages.

    Raises:
        SpecificationError: a line is neither section, key nor comment.
    """
    found: dict[str, dict[str, str]] = {}
    section = "DEFAULT"
    lines = iter(enumerate(text.removeprefix("\ufeff").splitlines(keepends=True), 1))
    for number, raw in lines:
        line = raw.strip()
        if not line or line.startswith(_COMMENTS):
            continue
        if line.startswith("["):
            section, closing, _ = line[1:].rpartition("]")
            if not section:
                what = "empty section name" if closing else "unclosed section"
                raise _wrong(f"{what}: {raw}", file, number)
            found.setdefault(section, {})
            continue
        key, value = _split(line)
        if not key:
            what = "key-value delimiter not found" if key is None else "empty key name"
            raise _wrong(f"{what}: {raw}", file, number)
        pieces = [value]
        while pieces[-1].endswith("\\") and not value.startswith(_QUOTES):
            pieces[-1] = pieces[-1][:-1]
            pieces.append(next(lines, (0, ""))[1].strip())
        found.setdefault(section, {})[key] = _value("".join(pieces))
    return found


def _wrong(message: str, file: str, line: int) -> SpecificationError:
    return SpecificationError([Finding(message, "ini", Place(file, line, 1))])


def _split(line: str) -> tuple[str | None, str]:
    """Return key and value, at the first ``=`` or ``:``."""
    places = [place for place in map(line.find, "=:") if place >= 0]
    if not places:
        return None, ""
    return line[: min(places)].strip(), line[min(places) + 1 :].strip()


def _value(text: str) -> str:
    """Return a value without its quotes, or without the comment behind it."""
    for quote in _QUOTES:
        if text.startswith(quote) and text.count(quote) > 1:
            return text[1 : text.index(quote, 1)]
    for sign in _COMMENTS:
        text = text.partition(sign)[0]
    return text.strip()
