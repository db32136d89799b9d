"""What is refused because of the head of a request alone, whatever the path (RFC 9112)."""

from __future__ import annotations

import re
from typing import Any

from aiohttp import HttpVersion, HttpVersion10, HttpVersion11, web

from bahamut import respond
from bahamut.elemental.errors import Error
from bahamut.elemental.headers import HOST, TRANSFER_ENCODING
from bahamut.errors import SUBJECT, BadRequestError
from bahamut.web.internals import plain_answer

_VALID_HOST = re.compile(
    r"(?:\[[0-9A-Za-z:.%_~-]*\]|[A-Za-z0-9!$%&'()*+,\-.;=_~]*)(?::[0-9]*)?"
).fullmatch
"""An address or a name with an optional port (RFC 3986, 3.2); it may be empty."""
_LONGEST = 1024
"""Characters of a host that are looked at."""
_seen: set[str] = set()
"""Hosts that were found valid: nearly all requests name one of a few."""
_REMEMBERED = 256
_MISCOUNTED = re.compile(r"(Duplicate|Missing) '([A-Za-z-]+)' header").match
"""What aiohttp says of a header that must stand in a request once, or at most once."""


def is_ordinary(headers: Any) -> bool:
    """Tell quickly whether a request of HTTP/1.1 has one valid host and no coding but chunked."""
    hosts = headers.getall(HOST, ())
    if len(hosts) != 1 or (hosts[0] not in _seen and not _is_valid(hosts[0])):
        return False
    return TRANSFER_ENCODING not in headers or _is_chunked(headers)


def problem_of(version: HttpVersion, headers: Any) -> Error | None:
    """Return what is wrong with the head of a request, None if it can be served.

    Args:
        version: of HTTP.
        headers: by case-insensitive name.
    """
    if version.major != HttpVersion11.major:
        text = f"HTTP/{version.major}.{version.minor} is not supported: use HTTP/1.1"
        return Error("HTTP Version Not Supported", text, SUBJECT, 505)
    hosts = headers.getall(HOST, ())
    if len(hosts) > 1:
        return BadRequestError("The request has more than one Host header")
    if not hosts and version > HttpVersion10:
        return BadRequestError("The request has no Host header")
    if hosts and not _is_valid(hosts[0]):
        return BadRequestError("The Host header is invalid")
    if TRANSFER_ENCODING in headers and not _is_chunked(headers):
        text = "The only supported transfer coding is chunked"
        return Error("Not implemented", text, SUBJECT, 501)
    return None


def _is_valid(host: str) -> bool:
    if len(host) > _LONGEST or _VALID_HOST(host) is None:
        return False
    if len(_seen) >= _REMEMBERED:
        _seen.clear()
    _seen.add(host)
    return True


def _is_chunked(headers: Any) -> bool:
    codings = headers.getall(TRANSFER_ENCODING, ())
    return len(codings) == 1 and codings[0].strip().lower() == "chunked"


def refusal_of_miscount(error: BaseException | None) -> web.StreamResponse | None:
    """Return the answer to a request that repeats or lacks a header; the connection ends with it.

    Args:
        error: what aiohttp's parser raised; None is returned for anything else.
    """
    found = _MISCOUNTED(getattr(error, "message", ""))
    if found is None:
        return None
    how_many = "no" if found[1] == "Missing" else "more than one"
    given = respond.refusal(BadRequestError(f"The request has {how_many} {found[2]} header"))
    answer = plain_answer(given.status, given.headers, given.body)
    answer.force_close()
    return answer
