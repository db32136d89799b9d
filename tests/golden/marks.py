"""Marks recorded exchanges whose answer a newer decision changes: one rule per decision.

A rule gets an exchange, and whether a limit is exhausted, and returns the answer that we give
instead, or None where the recording holds. `python -m tests.golden.marks` writes the marks into the
recordings of this folder.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bahamut import regolithe
from bahamut.elemental import Error
from bahamut.elemental.operations import METHODS
from bahamut.elemental.query import parse_query

REST = Path(__file__).parent / "data" / "rest"
REGISTRY = regolithe.build_registry(regolithe.load(REST.parent / "specs"))
META = ("/_meta/name", "/_meta/version", "/_meta/routes")

Exchange = dict[str, Any]
Rule = Callable[[Exchange, bool], dict[str, Any] | None]


OPERATIONS = {
    ("GET", 1): "retrieve-many",
    ("POST", 1): "create",
    ("HEAD", 1): "info",
    ("GET", 2): "retrieve",
    ("PUT", 2): "update",
    ("PATCH", 2): "patch",
    ("DELETE", 2): "delete",
}
"""By method and number of segments of the path."""


def x46_forbidden(exchange: Exchange, _is_exhausted: bool) -> dict[str, Any] | None:
    """X46: the refusal of an authorizer says what is not allowed, and where."""
    old = "You are not allowed to access this resource."
    response = exchange["response"]
    packed = base64.b64decode(response.get("body_base64", ""))
    body = response.get("body", "")
    if old not in body and old.encode() not in packed:
        return None
    request = exchange["request"]
    segments = urlsplit(request["target"]).path.strip("/").split("/")
    operation = OPERATIONS[request["method"], len(segments)]
    namespace = dict(request["headers"]).get("X-Namespace", "")
    where = f" in namespace '{namespace}'" if namespace else ""
    text = f"You are not allowed to perform '{operation}' on '{segments[0]}'{where}"
    if packed:  # the tool compares texts only
        return {"status": [403], "starts": text}
    return {"status": [403], "body": body.replace(old, text)}


def x58_malformed_pair(exchange: Exchange, _is_exhausted: bool) -> dict[str, Any] | None:
    """X58: a malformed pair of a query is refused, not dropped."""
    if exchange["response"].get("status") != 200:
        return None
    try:
        parse_query(urlsplit(exchange["request"].get("target", "")).query)
    except Error as error:
        return _answer(400, error)
    return None


def x2_one_rule_for_every_path(exchange: Exchange, _is_exhausted: bool) -> dict[str, Any] | None:
    """X2: 404 where nothing is, whatever the method, else 405 with what is allowed."""
    method, path = _request(exchange)
    if exchange["response"].get("status") != 405:
        return None
    if path in META and method in ("DELETE", "PATCH", "PUT"):
        text = f"{method} not allowed on {path}"
        return _answer(405, Error("Not allowed", text, "bahamut", 405))
    category = path.split("/")[1] if path.count("/") == 2 else ""
    is_known = not REGISTRY.identity_from_category(category).is_empty
    if category not in ("", "_meta", "api") and not is_known:
        is_marked = exchange.get("decision") == "X2"
        if not is_marked or exchange["ours"]["status"] not in ([405], [404]):
            return None
        text = "Unable to find the requested resource"
        return _answer(404, Error("Not Found", text, "bahamut", 404))
    return None


def x12_limited(exchange: Exchange, is_exhausted: bool) -> dict[str, Any] | None:
    """X12: a request that is refused for its method takes a token of the limit like any other."""
    method, path = _request(exchange)
    has_method = method in METHODS.get(path.count("/"), ())
    if not is_exhausted or has_method or exchange["response"].get("status") != 405:
        return None
    return _answer(429, Error("Rate Limit", "You have exceeded your rate limit", "bahamut", 429))


def _request(exchange: Exchange) -> tuple[str, str]:
    request = exchange["request"]
    return request.get("method", ""), urlsplit(request.get("target", "")).path


def _answer(status: int, error: Error) -> dict[str, Any]:
    wire = error.to_json() | {"trace": "unknown"}
    body = json.dumps([dict(sorted(wire.items()))], separators=(",", ":"), ensure_ascii=False)
    return {"status": [status], "body": body}


RULES: dict[str, Rule] = {
    "X2": x2_one_rule_for_every_path,
    "X12": x12_limited,
    "X46": x46_forbidden,
    "X58": x58_malformed_pair,
}


def marks(exchanges: list[Exchange]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield the index of each exchange that a rule changes, its decision and our answer."""
    is_exhausted = False
    for index, exchange in enumerate(exchanges):
        is_exhausted |= exchange["response"].get("status") == 429
        for decision, rule in RULES.items():
            ours = rule(exchange, is_exhausted)
            if ours is not None:
                yield index, decision, ours


def mark(path: Path) -> None:
    """Write the marks into a file, which has one exchange a line."""
    lines = path.read_text().splitlines(keepends=True)
    first = lines.index('"exchanges": [\n') + 1
    scenario = json.loads("".join(lines))
    for index, decision, ours in marks(scenario["exchanges"]):
        exchange = scenario["exchanges"][index] | {"decision": decision, "ours": ours}
        line = lines[first + index]
        end = line[line.rindex("}") + 1 :]
        lines[first + index] = json.dumps(exchange, ensure_ascii=False) + end
    path.write_text("".join(lines))


if __name__ == "__main__":
    for found in sorted(REST.glob("*.json")):
        mark(found)
