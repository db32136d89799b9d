"""Marks recorded exchanges whose answer a newer decision changes: one rule per decision.

A rule gets an exchange and returns the answer that we give instead, or None where the recording
holds. `python -m tests.golden.marks` writes the marks into the recordings of this folder.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REST = Path(__file__).parent / "data" / "rest"

Exchange = dict[str, Any]
Rule = Callable[[Exchange], dict[str, Any] | None]

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


def x46_forbidden(exchange: Exchange) -> dict[str, Any] | None:
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


RULES: dict[str, Rule] = {"X46": x46_forbidden}


def marks(exchanges: list[Exchange]) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield the index of each exchange that a rule changes, its decision and our answer."""
    for index, exchange in enumerate(exchanges):
        for decision, rule in RULES.items():
            ours = rule(exchange)
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
