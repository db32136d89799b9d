"""A thousand sessions on one server, and one client among them that never reads."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime

import bahamut
import pytest
from bahamut.elemental import Event
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


async def test_x18_a_thousand_get_every_event_until_one_that_never_reads_is_cut_off(caplog):
    slow = bahamut.opt_push_slow_consumer(deadline=0.5)
    async with (
        asyncio.timeout(120),
        pushing(slow) as (server, url),
        contextlib.AsyncExitStack() as stack,
    ):

        async def connect() -> RawWebsocket:
            client = await RawWebsocket.connect(port_of(url))
            stack.callback(client.leave)
            return client

        crowd = [await connect() for _ in range(CROWD)]
        await counted(server, CROWD)
        deaf = await connect()
        await counted(server, CROWD + 1)
        *others, session = sessions = server._push.hub.sessions
        narrow(session)
        published = 0
        while session in sessions:
            await server.push(long(published))
            (seen,) = set(await asyncio.gather(*map(text_of, crowd)))
            assert json.loads(seen)["entity"]["text"] == f"{published}"
            published += 1
            deaf.send(PONG)  # it is not for silence that it is cut off
        assert list(sessions) == others
        assert not any(other.dropped for other in others)
    assert f"Session {session.identifier} is cut off" in caplog.text
