"""nats/server.jsonl: what a server says to NATS because of requests."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from tests.conformance.nats.support import data_of, is_subject, rows, without_own
from tests.conformance.nats.wire import Tap
from tests.conformance.tables.support import JSON, MSGPACK, Tally, inner_read, readable, registry
from tests.golden.replay import contents
from tests.golden.server import OVER_NATS
from tests.integration.nats_support import NATSServer
from tests.integration.support import running
from yarl import URL

MARK = "the-end-of-the-step"


async def played(row: dict[str, Any], port: int) -> list[dict[str, Any]]:
    """Return the steps of a row as they go with our server."""
    first, *requests, last = row["steps"]
    assert "started" in first, row
    assert "stopped" in last, row
    async with Tap(port) as tap:
        server = OVER_NATS[row["variant"]](0, tap.url)
        async with running(server):
            url = f"http://127.0.0.1:{server.addresses[0][1]}"
            found = [{"started": True, "server_sent": tap.take()}]
            async with aiohttp.ClientSession() as session:
                for step in requests:
                    status = await answered(session, url, step["http"])
                    mark = {"method": "POST", "target": f"/custom/push?name={MARK}", "headers": []}
                    assert await answered(session, url, mark) == 204
                    said = await tap.take_until(MARK.encode())
                    found.append({"http": step["http"], "status": status, "server_sent": said})
        return [*found, {"stopped": True, "server_sent": await tap.take_rest()}]


async def answered(session: aiohttp.ClientSession, url: str, request: dict[str, Any]) -> int:
    """Send a request as it is recorded and return the status of the answer."""
    async with session.request(
        request["method"],
        URL(url + request["target"], encoded=True),
        headers=request["headers"],
        data=contents(request),
        skip_auto_headers=("Accept", "Content-Type"),
        allow_redirects=False,
    ) as response:
        await response.read()
        return response.status


def shown(step: dict[str, Any]) -> dict[str, Any]:
    """Return a step, comparable."""
    return {**step, "server_sent": [line_of(each) for each in step["server_sent"]]}


def line_of(line: dict[str, Any]) -> dict[str, Any]:
    if line["op"] == "CONNECT":
        return {"op": "CONNECT", "options": without_own(line["options"])}
    if line["op"] != "PUB":
        return line
    _, pairs = readable(data_of(line["payload_base64"]), MSGPACK)
    read = [(key, event_of(value) if key == "data" else value) for key, value in pairs]
    return {key: line[key] for key in ("op", "subject", "reply")} | {"envelope": ("map", read)}


def event_of(data: bytes) -> Any:
    """Return an event, comparable: when it happened is not."""
    _, pairs = inner_read(readable(data, MSGPACK))
    return "map", [
        (key, "(time)" if key == "timestamp" and value[0] == "time" else value)
        for key, value in pairs
    ]


# --- differences on purpose ------------------------------------------------------------------

SECRETS = {
    spec.wire
    for model in (*registry("workshop").models(), *registry("workshop").detached.values())
    for spec in model.ATTRIBUTES
    if spec.secret
}


def decision(row: dict[str, Any], ours: list[dict[str, Any]]) -> str | None:
    """Return the decisions that explain each step that differs."""
    found: set[str | None] = set()
    for theirs, mine in zip(row["steps"], ours, strict=True):
        given = shown(theirs)
        if given != mine:
            found |= decisions(given, mine)
    return None if None in found else ", ".join(sorted(found))


def decisions(theirs: dict[str, Any], mine: dict[str, Any]) -> set[str | None]:
    """Return the decisions that explain the lines of a step, None among them if some are not."""
    lines = [line for line in theirs["server_sent"] if not is_smuggled(line)]
    found: set[str | None] = {"X45"} if lines != theirs["server_sent"] else set()
    if theirs.get("status") != mine.get("status") or len(lines) != len(mine["server_sent"]):
        return {None}
    for given, line in zip(lines, mine["server_sent"], strict=True):
        if given != line:
            found.add(x41(given, line) or x21(given, line))
    return found


def is_smuggled(line: dict[str, Any]) -> bool:
    """X45: what is to be published on no subject is not sent."""
    return line["op"] == "PUB" and not is_subject(dict(line["envelope"][1])["topic"])


def x41(theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """An object that was encoded as JSON is not lost on the way."""
    if (theirs["op"], mine["op"]) != ("PUB", "PUB"):
        return None
    lost, kept = (dict(dict(line["envelope"][1])["data"][1]) for line in (theirs, mine))
    is_lost = (lost["encoding"], lost["entity"]) == (JSON, None)
    is_kept = kept["encoding"] == MSGPACK and kept["entity"] is not None
    is_same = lost | {"encoding": MSGPACK, "entity": kept["entity"]} == kept
    return "X41" if is_lost and is_kept and is_same and around(theirs) == around(mine) else None


def around(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line without its event."""
    return {**line, "envelope": [pair for pair in line["envelope"][1] if pair[0] != "data"]}


def x21(theirs: dict[str, Any], mine: dict[str, Any]) -> str | None:
    """Secrets do not leave with events that were enqueued or pushed either."""
    is_rest_same = theirs | {"envelope": None} == mine | {"envelope": None}
    is_so = is_rest_same and is_scrubbed(theirs["envelope"], mine["envelope"])
    return "X21" if is_so else None


def is_scrubbed(theirs: Any, mine: Any) -> bool:
    """Tell whether two values are the same but for secrets, which hold nothing in ours."""
    if theirs == mine:
        return True
    if isinstance(theirs, list) and isinstance(mine, list):
        return len(theirs) == len(mine) and all(map(is_scrubbed, theirs, mine))
    if not isinstance(theirs, tuple) or not isinstance(mine, tuple):
        return False
    if theirs[0] == mine[0] == "map":
        return is_scrubbed(theirs[1], mine[1])
    is_same_key = theirs[0] == mine[0]
    is_blank = theirs[0] in SECRETS and not mine[1]
    return is_same_key and (is_blank or is_scrubbed(theirs[1], mine[1]))


@pytest.mark.asyncio
async def test_server_over_nats() -> None:
    tally = Tally("nats/server.jsonl")
    async with NATSServer() as nats:
        for row in rows("server.jsonl"):
            async with asyncio.timeout(20):
                ours = await played(row, nats.port)
            theirs = [shown(step) for step in row["steps"]]
            tally.add(row, [shown(step) for step in ours], theirs, decision)
    tally.close()
