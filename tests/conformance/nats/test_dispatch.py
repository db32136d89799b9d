"""nats/dispatch.jsonl: what sessions get of what other processes publish."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from bahamut._kit.gotime import parse_rfc3339
from bahamut.elemental import DecodeError, Error, Event, decode, encode
from bahamut.pubsub import Publication, ResponseMode
from tests.conformance.nats.support import data_of, declared, rows, text_of
from tests.conformance.nats.wire import Peer
from tests.conformance.tables.support import JSON, MSGPACK, Tally, inner_read, readable
from tests.golden.server import OVER_NATS
from tests.integration.nats_support import NATSServer
from tests.integration.support import running
from tests.integration.test_push import listening

MARK, MARKED = "the end of the row", "marked"
SUBJECTS = {"pushnats": "events", "pushhier": "events.mark"}
ANSWERED = "answered"
SESSIONS = {"json_session_receives": JSON, "msgpack_session_receives": MSGPACK}
OPCODES = {aiohttp.WSMsgType.TEXT: "text", aiohttp.WSMsgType.BINARY: "binary"}


class Scene:
    """A server over NATS, a session of each encoding, and a peer that publishes."""

    def __init__(self, variant: str, peer: Peer, *sessions: aiohttp.ClientWebSocketResponse):
        self._peer = peer
        self._sessions = dict(zip(SESSIONS, sessions, strict=True))
        self._mark = {
            "subject": SUBJECTS[variant],
            "reply": MARKED,
            "payload_base64": text_of(mark()),
        }

    async def played(self, row: dict[str, Any]) -> dict[str, Any]:
        """Publish what a row publishes and, behind it, an event that tells us that it is over."""
        await self._peer.publish(row)
        await self._peer.publish(self._mark)
        found = {name: await until_mark(each) for name, each in self._sessions.items()}
        replies = await self._peer.received(len(row[ANSWERED]) + 1)
        answers = [each["payload_base64"] for each in replies if each["subject"] == row["reply"]]
        return {**found, ANSWERED: answers}


def mark() -> bytes:
    event = Event.new_error(Error(MARK, ""), timestamp=datetime.now(UTC))
    data = event.to_bytes(MSGPACK)
    asks = ResponseMode.ACK
    return Publication("", data=data, encoding=MSGPACK, response_mode=asks).to_envelope()


async def until_mark(session: aiohttp.ClientWebSocketResponse) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    while True:
        message = await session.receive()
        if message.type is aiohttp.WSMsgType.PING:
            await session.pong(message.data)
            continue
        opcode, data = OPCODES[message.type], message.data
        data = data.encode() if isinstance(data, str) else data
        if MARK.encode() in data:
            return found
        found.append({"opcode": opcode, "base64": text_of(data)})


@contextlib.asynccontextmanager
async def stage(variant: str, replies: set[str]) -> AsyncIterator[Scene]:
    async with NATSServer() as nats, Peer() as peer:
        await peer.connect(nats.url)
        for subject in (*replies, MARKED):
            await peer.subscribe({"subject": subject, "queue": None})
        server = OVER_NATS[variant](0, nats.url)
        async with running(server):
            url = f"http://127.0.0.1:{server.addresses[0][1]}"
            async with (
                listening(url) as plain,
                listening(url, headers={"Accept": MSGPACK}) as packed,
            ):
                yield Scene(variant, peer, plain, packed)


def shown(result: dict[str, Any]) -> dict[str, Any]:
    """Return what was received, comparable."""
    frames = {
        name: [(each["opcode"], meant(each, kind)) for each in result[name]]
        for name, kind in SESSIONS.items()
    }
    return {**frames, ANSWERED: result[ANSWERED]}


def meant(frame: dict[str, str], kind: str) -> Any:
    data = frame["text"].encode() if "text" in frame else data_of(frame["base64"])
    return inner_read(readable(data, kind))


# --- differences on purpose ------------------------------------------------------------------

ENVELOPE = {"topic": str, "encoding": str, "trackingName": str, "trackingData": {str: str}}
EVENT = {"type": str, "identity": str, "encoding": str}


class Published:
    """What a row publishes.

    Raises:
        DecodeError: envelope, event or object are not valid values of their declared types.
    """

    def __init__(self, row: dict[str, Any]) -> None:
        envelope = declared(MSGPACK, data_of(row["payload_base64"]), ENVELOPE)
        self.kind = envelope.get("encoding") or JSON
        self.event = declared(self.kind, envelope.get("data") or b"", EVENT)
        self.encoding = self.event.get("encoding", "")
        held = self.event.get("entity")
        in_bytes = MSGPACK in (self.kind, self.encoding)
        self.is_readable = self.encoding in (JSON, MSGPACK)
        self.entity = decode(self.encoding, held) if in_bytes and self.is_readable else held

    def is_told_by(self, frames: list[dict[str, str]], kind: str) -> bool:
        """Tell whether the frames of a session are this event and nothing else."""
        if len(frames) != 1:
            return False
        told = Event.from_bytes(kind, data_of(frames[0]["base64"]))
        fields = (told.type, told.identity, encode(JSON, [decode(kind, told.data)]))
        wanted = (self.event.get(key) or "" for key in ("type", "identity"))
        return fields == (*wanted, encode(JSON, [self.entity]))

    def why_dropped(self) -> str | None:
        """Return the decision by which ours delivers what the original drops."""
        when = self.event.get("timestamp")
        if self.kind == MSGPACK and self.encoding == JSON:
            return "X41"
        if isinstance(when, str):
            if self.kind == MSGPACK:
                return "X35"
            when = parse_rfc3339(when)
        if when is None:
            return "X43"
        if when < datetime.now(UTC):
            return "X19"  # the original drops what is older than the session
        return "D17" if not isinstance(self.entity, dict) else None


def decision(ours: dict[str, Any], row: dict[str, Any], _shown: Any) -> str | None:
    """Return the decisions that explain all that differs."""
    theirs, mine = shown(row), shown(ours)
    if theirs[ANSWERED] != mine[ANSWERED]:
        return None
    found = {why(row, ours, name) for name in SESSIONS if theirs[name] != mine[name]}
    return None if None in found else ", ".join(sorted(found))


def why(row: dict[str, Any], ours: dict[str, Any], name: str) -> str | None:
    """Return the decision that explains what one session receives."""
    theirs, mine, kind = row[name], ours[name], SESSIONS[name]
    if kind == MSGPACK and [meant(each, kind) for each in theirs] == [
        meant(each, kind) for each in mine
    ]:
        return "X15"
    try:
        published = Published(row)
        is_told = published.is_readable and published.is_told_by(mine, kind)
    except DecodeError:
        return "X35" if theirs and not mine else None
    if not published.is_readable:
        is_empty = all(not meant(each, kind) for each in theirs)
        return "X43" if is_empty and not mine else None
    return published.why_dropped() if is_told and not theirs else None


@pytest.mark.asyncio
async def test_dispatch() -> None:
    tally = Tally("nats/dispatch.jsonl")
    listed = list(rows("dispatch.jsonl"))
    for variant in OVER_NATS:
        here = [row for row in listed if row["variant"] == variant]
        async with stage(variant, {row["reply"] for row in here}) as scene:
            for row in here:
                async with asyncio.timeout(20):
                    ours = await scene.played(row)
                tally.add(row, shown(ours), shown(row), functools.partial(decision, ours))
    assert tally.total == len(listed)
    tally.close()
