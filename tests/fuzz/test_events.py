"""Whatever is published on the topic of a hub, sessions get valid frames and the hub lives on."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
import bahamut
import msgpack
import pytest
from bahamut.pubsub import Publication
from hypothesis import given, strategies as st
from tests.conformance.nats.support import rows
from tests.fuzz.support import KINDS, damaged, free, mostly, packed
from tests.integration.test_push import event, listening, pushing

pytestmark = pytest.mark.fuzz
JSON, MSGPACK = KINDS
MARK = "the end of the example"
FIELDS = {"encoding", "entity", "identity", "timestamp", "type"}


class Hub:
    """A running server, and a session of each encoding."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.client = bahamut.new_local_pubsub_client()
        self._began = self._ends = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._began, self._ends = asyncio.Event(), asyncio.Event()
        self._task = asyncio.create_task(self._run())
        await self._began.wait()

    async def _run(self) -> None:
        options = (bahamut.opt_push_server(self.client, "events"),)
        packed_one = {"Accept": MSGPACK}
        async with (
            pushing(*options) as (self.server, url),
            listening(url) as self.plain,
            listening(url, headers=packed_one) as self.packed,
        ):
            self._began.set()
            await self._ends.wait()

    async def stop(self) -> None:
        self._ends.set()
        assert self._task is not None
        await self._task

    async def play(self, publication: Publication) -> None:
        await self.client.publish(publication)
        await self.server.push(event(MARK))
        async with asyncio.timeout(20):
            while not told(await self.plain.receive(), is_json=True):
                pass
            while not told(await self.packed.receive(), is_json=False):
                pass
        counts = self.server._push.hub.losses.counts
        assert not counts["failed"], counts


def told(message: aiohttp.WSMessage, *, is_json: bool) -> bool:
    """Check a frame; tell whether it is the event that ends the example."""
    if message.type in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG):
        return False
    if is_json:
        assert message.type is aiohttp.WSMsgType.TEXT
        found = json.loads(message.data, parse_constant=forbidden)
        entity = found["entity"]
    else:
        assert message.type is aiohttp.WSMsgType.BINARY
        found = msgpack.unpackb(message.data)
        entity = msgpack.unpackb(found["entity"])
    assert set(found) == FIELDS
    assert found["encoding"] == (JSON if is_json else MSGPACK)
    assert isinstance(found["type"], str)
    assert isinstance(found["identity"], str)
    return isinstance(entity, dict) and entity.get("text") == MARK


def forbidden(name: str) -> Any:
    raise ValueError(name)


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    found = Hub()
    logging.getLogger("bahamut").setLevel(logging.CRITICAL)
    found.loop.run_until_complete(found.start())
    yield found
    found.loop.run_until_complete(found.stop())
    found.loop.close()
    logging.getLogger("bahamut").setLevel(logging.NOTSET)


def recorded() -> list[bytes]:
    found = []
    for row in rows("dispatch.jsonl"):
        try:
            envelope = msgpack.unpackb(base64.b64decode(row["payload_base64"]))
        except ValueError:
            continue
        if isinstance(envelope, dict) and isinstance(envelope.get("data"), bytes):
            found.append(envelope["data"])
    return sorted({data for data in found if len(data) < 10_000})


kinds = mostly(KINDS, st.sampled_from(["", "text/plain", "\0"]))
texts = st.one_of(st.sampled_from(["note", "create", "update", "delete", ""]), st.text(), free)


@st.composite
def structured(draw: st.DrawFn) -> tuple[str, bytes]:
    kind, inner = draw(st.sampled_from(KINDS)), draw(kinds)
    entity: Any = draw(free)
    if kind == MSGPACK:
        form = draw(st.sampled_from(KINDS))
        entity = draw(damaged(st.just(packed(form, entity)), st.binary(max_size=4)))
    held = {
        "type": draw(texts),
        "identity": draw(texts),
        "encoding": inner,
        "entity": entity,
        "timestamp": draw(st.one_of(st.none(), st.just("2024-01-01T00:00:00Z"), free)),
        **draw(st.dictionaries(st.text(max_size=5), free, max_size=2)),
    }
    return kind, packed(kind, held)


@given(st.one_of(
    st.tuples(kinds, st.binary(max_size=60)),
    st.tuples(kinds, damaged(st.sampled_from(recorded()), st.binary(max_size=4))),
    structured(),
))  # fmt: skip
def test_sessions_get_valid_frames_only(hub: Hub, given_one: tuple[str, bytes]) -> None:
    kind, data = given_one
    hub.loop.run_until_complete(hub.play(Publication("events", data=data, encoding=kind)))
