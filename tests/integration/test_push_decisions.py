"""The websocket where it differs from the original on purpose, and no recording says how."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import bahamut
import pytest
from bahamut.elemental import JSON, Event
from bahamut.pubsub import Publication
from tests.integration.raw_websocket import RawWebsocket
from tests.integration.support import Note
from tests.integration.test_push import counted, event, event_of, listening, pushing
from tests.integration.test_push_hostile import narrow, port_of

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


def holding(number: int, body: Any) -> Event:
    note = Note(id=f"{number}", text=f"{number}", body=body)
    return Event.new("update", note, timestamp=datetime.now(UTC))


BODIES = [
    {"n": 1, "tags": ["a"]},
    {"n": 2, "tags": ["a", "b"]},
    {"n": 3, "tags": []},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("body.n > 1", [1, 2]),
        ("body.n >= 2", [1, 2]),
        ("body.n < 2", [0]),
        ("body.n <= 2", [0, 1]),
        ("body.n in [1, 3]", [0, 2]),
        ("body.n not in [1, 3]", [1]),
        ('body.tags contains ["b"]', [1]),
        ('body.tags not contains ["b"]', [0, 2]),
        ('(body.n == 1) or (text matches "^[2-9]$")', [0, 2]),
    ],
)
async def test_x16_sessions_get_what_matches_by_every_comparator(text, expected):
    config = {"identities": {"note": []}, "filters": {"note": text}}
    async with (
        pushing() as (server, url),
        listening(url, config) as socket,
        listening(url) as everything,
    ):
        await server.push(*map(holding, range(len(BODIES)), BODIES))
        for _ in BODIES:
            await event_of(everything)
        await socket.ping()  # what comes before the pong is all
        got = []
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            got.append(int(json.loads(message.data)["entity"]["text"]))
        assert got == expected


@pytest.mark.parametrize("policy", ["drop", "close", "conflate"])
async def test_x18_what_a_slow_client_misses_is_a_metric(policy):
    metrics = bahamut.new_prometheus_metrics_manager()
    slow = bahamut.opt_push_slow_consumer(policy, bound=3)
    counting = bahamut.opt_health_server_metrics_manager(metrics)
    async with asyncio.timeout(20), pushing(slow, counting) as (server, url):
        deaf = await RawWebsocket.connect(port_of(url))
        await counted(server, 1)
        (session,) = server._push.hub.sessions
        narrow(session)
        while session.dropped + session.conflated < 3:
            await server.push(holding(1, "x" * 20_000), holding(2, "x" * 20_000))
        _, exposition = metrics.write()
        for reason, count in (("dropped", session.dropped), ("conflated", session.conflated)):
            line = f'push_events_missed_total{{reason="{reason}"}} {count:.1f}'
            assert (line in exposition.decode()) == (count > 0)
        deaf.leave()


async def test_x19_an_event_of_another_clock_arrives():
    async with pushing() as (server, url), listening(url) as socket:
        for days in (-400, 400):
            stamp = datetime.now(UTC) + timedelta(days=days)
            old = Event.new("update", Note(id="1", text=f"{days}"), timestamp=stamp)
            await server.push(old)
            assert (await event_of(socket))["entity"]["text"] == f"{days}"


async def test_x43_an_event_without_an_encoding_is_counted_and_one_without_a_time_arrives():
    client = bahamut.new_local_pubsub_client()
    options = (bahamut.opt_push_server(client, "events"),)
    async with pushing(*options) as (server, url), listening(url) as socket:
        for text, key in (("no encoding", "encoding"), ("no time", "timestamp")):
            given = event(text)
            given.convert(JSON)
            held = json.loads(given.to_bytes(JSON))
            del held[key]
            data = json.dumps(held).encode()
            await client.publish(Publication("events", data=data, encoding=JSON))
        assert (await event_of(socket))["entity"]["text"] == "no time"
        assert server._push.hub.losses.counts["unreadable"] == 1


HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (HANDSHAKE | {"Accept": "text/html"}, 415),
        (HANDSHAKE | {"Content-Type": "text/html"}, 415),
        (HANDSHAKE | {"Sec-WebSocket-Key": "short"}, 400),
        (HANDSHAKE | {"Sec-WebSocket-Version": "12"}, 400),
        ({}, 400),
    ],
)
async def test_x44_a_refused_handshake_is_answered_once_and_well_formed(headers, status):
    async with pushing() as (server, url), aiohttp.ClientSession() as session:
        async with session.get(f"{url}/events", headers=headers) as answer:
            assert answer.status == status
            (error,) = await answer.json()
        assert error["code"] == status
        assert not server._push.hub.sessions
        async with listening(url) as socket, asyncio.timeout(5):
            await server.push(event("still there"))
            assert (await event_of(socket))["entity"]["text"] == "still there"
