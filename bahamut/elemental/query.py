"""Query strings: their pairs, and what of them may be shown."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote_plus

from bahamut.elemental.errors import Error

SECRET = "***"  # noqa: S105 - what stands in the place of one
MAX_QUOTED = 64
"""Characters of a malformed pair that its error quotes."""
MAX_UNKNOWN = 10
"""Unknown parameters that are named (decision X70)."""
_SEPARATORS = re.compile("([&;])")


def parse_query(query: str, secrets: Collection[str] = ()) -> dict[str, list[str]]:
    """Return the values of each key of a query.

    Args:
        query: as sent, without the question mark.
        secrets: names of parameters whose values errors must not quote, in lower case.

    Raises:
        Error: 400 for a pair that holds a semicolon or a malformed escape (decision X58).
    """
    found: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if not pair:
            continue
        if ";" in pair:
            raise _malformed(pair, secrets)
        key, _, value = pair.partition("=")
        if "%" in pair:
            if not is_escaped(pair):
                raise _malformed(pair, secrets)
            key, value = unquote_plus(key), unquote_plus(value)
        elif "+" in pair:
            key, value = key.replace("+", " "), value.replace("+", " ")
        found.setdefault(key, []).append(value)
    return found


def _malformed(pair: str, secrets: Collection[str]) -> Error:
    shown = masked(pair, secrets)
    if len(shown) > MAX_QUOTED:
        shown = f"{shown[:MAX_QUOTED]}..."
    return Error("Bad Request", f"Malformed parameter: `{shown}`", "elemental", 400)


def is_escaped(text: str) -> bool:
    """Tell whether every percent sign begins two hexadecimal digits."""
    return "%" not in text or all(
        len(part) >= 2 and all(c in "0123456789abcdefABCDEF" for c in part[:2])
        for part in text.split("%")[1:]
    )


def masked(query: str, secrets: Collection[str]) -> str:
    """Return *query* with ``***`` for the values of *secrets* (decision X69).

    Args:
        query: as sent; the names in it may be percent-encoded.
        secrets: names of parameters, in lower case.
    """
    if not secrets or "=" not in query:
        return query
    return "".join(_masked(part, secrets) for part in _SEPARATORS.split(query))


def _masked(pair: str, secrets: Collection[str]) -> str:
    name, equals, _ = pair.partition("=")
    is_secret = equals and unquote_plus(name).strip().lower() in secrets
    return f"{name}={SECRET}" if is_secret else pair


def unknown_parameters(names: Collection[str]) -> list[Error]:
    """Return the errors about parameters that nobody declared, at most ten (decision X70)."""
    shown = sorted(names)[:MAX_UNKNOWN]
    texts = [f"Unknown parameter: `{name}`" for name in shown]
    if len(names) > MAX_UNKNOWN:
        texts[-1] += f", and {len(names) - MAX_UNKNOWN} more"
    return [Error("Bad Request", text, "elemental", 400) for text in texts]
