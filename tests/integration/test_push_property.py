"""What a session sees is an ordered part of what was published, and every gap is counted."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime

import bahamut
import msgpack
import pytest
from bahamut.elemental import Event
from tests.integration.raw_websocket import BINARY, TEXT, RawWebsocket
from tests.integration.support import Note
from tests.integration.test_push import counted, pushing
from tests.integration.test_push_hostile import narrow

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

ENCODINGS = ("application/json", "application/msgpack")


def number_in(frame: tuple[int, bytes], encoding: str) -> int:
    opcode, payload = frame
    if encoding == ENCODINGS[0]:
        assert opcode == TEXT
        return int(json.loads(payload)["entity"]["text"])
    assert opcode == BINARY
    return int(msgpack.unpackb(msgpack.unpackb(payload, timestamp=3)["entity"])["text"])


class Client:
    """A session, and what it has seen since it came."""

    def __init__(self, raw: RawWebsocket, session: bahamut.PushSession, encoding: str) -> None:
        self.raw, self.session, self.encoding = raw, session, encoding
        self.published: list[int] = []
        self.seen: list[int] = []

    async def read(self) -> None:
        frames = await self.raw.until_pong(b"so far")
        self.seen += [number_in(frame, self.encoding) for frame in frames]
        assert self.seen == sorted(set(self.seen))
        assert set(self.seen) <= set(self.published)

    async def check(self) -> None:
        while self.session._drainer is not None:
            await self.read()
        await self.read()
        lost = self.session.dropped + self.session.conflated
        assert len(self.seen) + lost == len(self.published)


@pytest.mark.parametrize("policy", ["drop", "conflate"])
@pytest.mark.parametrize("seed", range(6))
async def test_sessions_see_an_ordered_part_and_gaps_are_counted(policy, seed):
    chance = random.Random(seed)
    slow = bahamut.opt_push_slow_consumer(policy, bound=20)
    clients: list[Client] = []
    published = 0
    unlimited = bahamut.opt_push_message_rate(0)  # pings tell how far a client has read
    async with pushing(slow, unlimited) as (server, url):
        hub = server._push.hub
        for _ in range(60):
            step = chance.choice(["publish", "publish", "publish", "connect", "read", "leave"])
            if step == "connect" and len(clients) < 6:
                encoding = chance.choice(ENCODINGS)
                port = int(url.rpartition(":")[2])
                raw = await RawWebsocket.connect(port, accept=encoding)
                await counted(server, len(clients) + 1)
                session = list(hub.sessions)[-1]
                narrow(session)
                clients.append(Client(raw, session, encoding))
                await clients[-1].read()
            elif step == "read" and clients:
                await chance.choice(clients).read()
            elif step == "leave" and len(clients) > 2:
                gone = clients.pop(chance.randrange(len(clients)))
                await gone.check()
                gone.raw.leave()
                await counted(server, len(clients))
            elif step == "publish":
                for _ in range(chance.randrange(1, 20)):
                    body = "x" * chance.choice([10, 20_000])
                    note = Note(id=f"{chance.randrange(12)}", text=f"{published}", body=body)
                    for client in clients:
                        client.published.append(published)
                    published += 1
                    await server.push(Event.new("update", note, timestamp=datetime.now(UTC)))
                await dispatched()
        for client in clients:
            await client.check()
            client.raw.leave()


async def dispatched() -> None:
    """Let the hub dispatch what was published: at most some turns of the loop."""
    for _ in range(60):
        await asyncio.sleep(0)
