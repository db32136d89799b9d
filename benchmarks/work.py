"""The work that every server does: a task of ten attributes, read, listed and created.

W1 gets one, W2 lists a hundred with ``X-Count-Total``, W3 creates one from JSON with each attribute
validated, W4 does that in MessagePack.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgpack
import orjson

PATTERN = r"^[A-Za-z0-9 ,.-]+$"
STATUSES = ("TODO", "DOING", "DONE")
COUNT = 100
TOKEN = "Bearer dG9rZW4tb2YtdGhlLWJlbmNobWFya3M"
ORIGIN = "https://example.com"
HEADERS = {
    "Accept": "application/msgpack,application/json",
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Expose-Headers": (
        "X-Requested-With, X-Count-Total, X-Namespace, X-Messages, X-Fields, X-Next"
    ),
    "Vary": "Accept-Encoding, Origin",
}
"""What a full answer carries besides type, length, count, date and server."""

_BEGIN = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


def task(number: int) -> dict[str, Any]:
    """Return the values of one task, as they are on the wire."""
    return {
        "ID": f"{number:024x}",
        "createTime": _BEGIN + timedelta(minutes=number),
        "description": "A description of some length, as descriptions have it in real life.",
        "done": number % 2 == 0,
        "owner": "someone@example.com",
        "priority": number % 5 + 1,
        "status": STATUSES[number % 3],
        "tags": ["home", "shop"],
        "title": f"Buy the milk, number {number}",
        "updateTime": _BEGIN + timedelta(hours=number),
    }


TASKS = [task(number) for number in range(COUNT)]
NEW = {k: v for k, v in task(7).items() if k not in ("ID", "createTime", "updateTime")}
NEW_JSON = orjson.dumps(NEW)
NEW_MSGPACK: bytes = msgpack.packb(NEW)


def _request(method: str, path: str, *, kind: str = "json", body: bytes = b"") -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Accept: application/{kind}",
        f"Authorization: {TOKEN}",
        f"Origin: {ORIGIN}",
    ]
    if body:
        lines += [f"Content-Type: application/{kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


REQUESTS = {
    "W1": _request("GET", f"/tasks/{TASKS[42]['ID']}"),
    "W2": _request("GET", "/tasks"),
    "W3": _request("POST", "/tasks", body=NEW_JSON),
    "W4": _request("POST", "/tasks", kind="msgpack", body=NEW_MSGPACK),
}
