"""Which encodings a request's headers ask for.

The first header line of each name counts; of an ``Accept``, the first item that is known wins,
whatever its quality, and items that cannot be read are skipped if another is known (decision X9).
"""

import re
from collections.abc import Collection
from typing import Any

from bahamut.elemental.errors import Error
from bahamut.elemental.headers import ACCEPT, CONTENT_TYPE

JSON = "application/json"
MSGPACK = "application/msgpack"
_KNOWN = {
    "application/msgpack": MSGPACK,
    "application/json": JSON,
    "application/*": JSON,
    "*/*": JSON,
}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PARAMETER = re.compile(
    r"\s*;\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*"
    r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+|\"(?:[^\"\\]|\\.)*\")"
)
MAX_HEADER = 64 * 1024


def encodings_from_headers(
    headers: Any,
    external_content_types: Collection[str] = (),
    external_accept_types: Collection[str] = (),
) -> tuple[str, str]:
    """Return the encoding of the body and that of the answer (Go: EncodingFromHeaders).

    Args:
        headers: has ``get``; None stands for no headers.
        external_content_types: media types of bodies that somebody else understands.
        external_accept_types: media types of answers that somebody else writes.

    Raises:
        Error: 400 for a header that cannot be read, 415 for media types that nobody knows.
    """
    if headers is None:
        return JSON, JSON
    content_type, accept = headers.get(CONTENT_TYPE), headers.get(ACCEPT)
    reads = _KNOWN.get(content_type) if content_type else JSON
    if reads is None:
        reads = _content_type(content_type, external_content_types)
    writes = _KNOWN.get(accept) if accept else JSON
    if writes is None:
        writes = _accept(accept, external_accept_types)
    return reads, writes


def accepted_encoding(headers: Any) -> str:
    """Return the encoding that errors have for a client: what it accepts if we know it, or JSON."""
    header = headers.get(ACCEPT)
    try:
        return _accept(header, ()) if header else JSON
    except Error:
        return JSON


def _content_type(header: str, external: Collection[str]) -> str:
    try:
        media_type = parse_media_type(header)
    except ValueError as error:
        raise _bad("Content-Type", error) from None
    found = _known(media_type, external)
    if found is None:
        raise _unsupported("Content-Type", header)
    return found


def _accept(header: str, external: Collection[str]) -> str:
    problem = None
    for item in header.split(","):
        try:
            media_type = parse_media_type(item)
        except ValueError as error:
            problem = problem or error
            continue
        found = _known(media_type, external)
        if found is not None:
            return found
    if problem is not None:
        raise _bad("Accept", problem)
    raise _unsupported("Accept", header)


def _known(media_type: str, external: Collection[str]) -> str | None:
    return _KNOWN.get(media_type) or (media_type if media_type in external else None)


def _bad(header: str, why: Exception) -> Error:
    return Error("Bad Request", f"Invalid {header} header: {why}", "elemental", 400)


def _unsupported(name: str, header: str) -> Error:
    text = f"Cannot find any acceptable {name} media type in provided header: {header}"
    return Error("Unsupported Media Type", text, "elemental", 415)


def parse_media_type(text: str) -> str:
    """Return the media type of a header's value, in lower case and without its parameters.

    Raises:
        ValueError: it cannot be read; the words are those of Go's mime package.
    """
    media_type, semicolon, rest = text.partition(";")
    media_type = media_type.strip().lower()
    if not media_type:
        raise ValueError("mime: no media type")
    _check(media_type)
    if semicolon:
        _check_parameters(semicolon + rest)
    return media_type


def _check(media_type: str) -> None:
    found = _TOKEN.match(media_type)
    if found is None:
        raise ValueError("mime: no media type")
    rest = media_type[found.end() :]
    if not rest:
        return
    if rest[0] != "/":
        raise ValueError("mime: expected slash after first token")
    found = _TOKEN.match(rest, 1)
    if found is None:
        raise ValueError("mime: expected token after slash")
    if found.end() != len(rest):
        raise ValueError("mime: unexpected content after media subtype")


def _check_parameters(rest: str) -> None:
    seen = set()
    rest = rest.rstrip()
    position = 0
    while position < len(rest):
        found = _PARAMETER.match(rest, position)
        if found is None:
            if rest[position:].strip() == ";":
                return
            raise ValueError("mime: invalid media parameter")
        name = found[1].lower()
        if name in seen:
            raise ValueError("mime: duplicate parameter name")
        seen.add(name)
        position = found.end()
