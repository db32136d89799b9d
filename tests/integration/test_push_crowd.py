"""A thousand sessions on one server, and one client among them that never reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import bahamut
import pytest
from bahamut.elemental import Event
from bahamut.push import endpoint
from tests.integration.raw_websocket import PONG, TEXT, RawWebsocket
from tests.integration.support import Note
from tests.integration.test_push import counted, pushing
from tests.integration.test_push_hostile import narrow, port_of

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

CROWD = 1000


def long(number: int) -> Event:
    note = Note(id=f"{number}", text=f"{number}", body="x" * 2000)
    return Event.new("update", note, timestamp=datetime.now(UTC))


async def text_of(client: RawWebsocket) -> bytes:
    """Return the next event, and answer what the server asks meanwhile."""
    while (frame := await client.frame())[0] != TEXT:
        client.send(PONG, frame[1])
    return frame[1]


async def test_x18_a_thousand_get_every_event_until_one_that_never_reads_is_cut_off(
    caplog, monkeypatch
):
    monkeypatch.setattr(endpoint, "PATIENCE", 600.0)  # or the missing pongs would end it
    slow = bahamut.opt_push_slow_consumer(deadline=0.5)
    async with (
        asyncio.timeout(240),
        pushing(slow) as (server, url),
        contextlib.AsyncExitStack() as s,
    ):
        crowd = []
        for _ in range(CROWD + 1):
            crowd.append(await RawWebsocket.connect(port_of(url)))
            s.callback(crowd[-1].leave)
        await counted(server, CROWD + 1)
        *others, deaf = sessions = server._push.hub.sessions
        narrow(deaf)
        published = 0
        while deaf in sessions:
            await server.push(long(published))
            (seen,) = set(await asyncio.gather(*map(text_of, crowd[:-1])))
            assert json.loads(seen)["entity"]["text"] == f"{published}"
            published += 1
        assert list(sessions) == others
        assert not any(other.dropped for other in others)
    assert f"Session {deaf.identifier} is cut off" in caplog.text
