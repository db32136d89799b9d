"""The websocket: who gets what, in which order, and what hostile or slow clients can do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import bahamut
import msgpack
import pytest
from bahamut.elemental import JSON, MSGPACK, Event
from bahamut.pubsub import Publication
from bahamut.web import internals
from tests.integration.support import Note, registry, running

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


@pytest.fixture(params=["straight to the transport", "public names only"], autouse=True)
def way(request, monkeypatch):
    is_known = request.param != "public names only"
    monkeypatch.setattr(internals, "IS_KNOWN", is_known)
    monkeypatch.setattr(internals, "IS_SHORT", is_known)


class Notes:
    """Answers with what it is given, under the identifier that its text begins with."""

    async def process_create(self, ctx: bahamut.Context) -> None:
        ctx.output_data = ctx.input_data
        ctx.output_data.id = ctx.input_data.text[:2]

    async def process_delete(self, ctx: bahamut.Context) -> None:
        ctx.output_data = Note(id=ctx.request.object_id, text="gone", secret="hidden")


@contextlib.asynccontextmanager
async def pushing(
    *options: bahamut.Option, handler: Any = None
) -> AsyncIterator[tuple[bahamut.Server, str]]:
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: registry()}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(handler),
        *options,
    )
    server.register_processor(Notes(), Note.IDENTITY)
    async with running(server):
        yield server, f"http://127.0.0.1:{server.addresses[0][1]}"


@contextlib.asynccontextmanager
async def listening(
    url: str, config: Any = None, **options: Any
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/events", autoping=False, **options) as socket,
    ):
        if config is not None:
            await socket.send_str(json.dumps(config))
        await socket.ping()  # whoever answers has a session, and has read the configuration
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        yield socket


async def event_of(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(5):
        message = await socket.receive()
        while message.type is aiohttp.WSMsgType.PONG:
            message = await socket.receive()
    assert message.type is aiohttp.WSMsgType.TEXT, message
    return json.loads(message.data)


async def code_of(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    async with asyncio.timeout(10):
        async for message in iter_all(socket):
            if message.type is aiohttp.WSMsgType.CLOSE:
                return int(message.data)
    return socket.close_code


async def iter_all(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[aiohttp.WSMessage]:
    while not socket.closed:
        yield await socket.receive()


def event(text: str, kind: str = "update") -> Event:
    note = Note(id=text, text=text, secret="hidden")
    return Event.new(kind, note, timestamp=datetime.now(UTC))


async def counted(server: bahamut.Server, sessions: int) -> None:
    """Wait until that many sessions are there."""
    hub = server._push.hub
    async with asyncio.timeout(5):
        while len(hub.sessions) != sessions:  # noqa: ASYNC110 - it gives no sign
            await asyncio.sleep(0)


async def create(url: str, text: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/notes", json={"text": text}) as answer,
    ):
        assert answer.status == 200


async def test_a_change_reaches_who_listens_without_its_secrets():
    async with pushing() as (_, url), listening(url) as socket:
        await create(url, "n1")
        got = await event_of(socket)
        assert (got["type"], got["identity"], got["entity"]["text"]) == ("create", "note", "n1")
        async with aiohttp.ClientSession() as session, session.delete(f"{url}/notes/n1"):
            got = await event_of(socket)
        assert (got["type"], got["entity"]["text"]) == ("delete", "gone")
        assert got["entity"]["secret"] == ""


async def test_x16_filters_and_types_decide():
    config = {"identities": {"note": ["update"]}, "filters": {"note": 'text matches "^yes"'}}
    async with pushing() as (server, url), listening(url, config) as socket:
        await server.push(event("no"), event("yes 1", "create"), event("yes 2"))
        assert (await event_of(socket))["entity"]["text"] == "yes 2"


async def test_x17_events_come_in_the_order_of_publication():
    async with pushing() as (server, url), listening(url) as one, listening(url) as other:
        await server.push(*(event(f"{number}") for number in range(300)))
        for socket in (one, other):
            got = [(await event_of(socket))["entity"]["text"] for _ in range(300)]
            assert got == [f"{number}" for number in range(300)]


async def test_x15_messagepack_comes_in_binary_frames():
    headers = {"Accept": "application/msgpack"}
    async with pushing() as (server, url), listening(url, headers=headers) as socket:
        await server.push(event("packed"))
        message = await socket.receive()
        assert message.type is aiohttp.WSMsgType.BINARY
        held = msgpack.unpackb(msgpack.unpackb(message.data, timestamp=3)["entity"])
        assert (held["text"], held["secret"]) == ("packed", "")


async def test_a_publication_that_names_no_encoding_is_json():
    client, told = bahamut.new_local_pubsub_client(), event("in JSON")
    packed = event("in MessagePack").to_bytes(MSGPACK)
    told.convert(JSON)
    options = (bahamut.opt_push_server(client, "events"),)
    async with pushing(*options) as (server, url), listening(url) as socket:
        await client.publish(Publication("events", data=packed))
        await client.publish(Publication("events", data=told.to_bytes(JSON)))
        assert (await event_of(socket))["entity"]["text"] == "in JSON"
        assert server._push.hub.losses.counts["unreadable"] == 1


@pytest.mark.parametrize(
    ("origin", "status"),
    [("", 101), ("{own}", 101), ("https://evil.example", 403), ("https://app.example.org", 101)],
)
async def test_x14_pages_of_foreign_origins_are_refused(origin, status):
    cors = bahamut.opt_cors_origin("https://app.example.org")
    async with pushing(cors) as (_, url), aiohttp.ClientSession() as session:
        headers = {"Origin": origin.format(own=url)} if origin else {}
        upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
        async with session.get(f"{url}/events", headers=headers | upgrade | key) as answer:
            assert answer.status == status


class Handler:
    """Tells lists from notes, and knows who is there."""

    def __init__(self) -> None:
        self.there: list[str] = []

    async def on_push_session_init(self, session: bahamut.PushSession) -> bool:
        return session.parameter("name") != "nobody"

    async def on_push_session_start(self, session: bahamut.PushSession) -> None:
        self.there.append(session.parameter("name"))
        session.direct_push(event("welcome"))

    async def on_push_session_stop(self, session: bahamut.PushSession) -> None:
        self.there.remove(session.parameter("name"))

    async def should_dispatch(self, session: Any, given: Event, summary: Any) -> bool:
        if summary == "broken":
            raise RuntimeError("the handler of a user")
        return summary == session.parameter("name")

    async def summarize_event(self, given: Event) -> str:
        target = Note()
        given.decode(target)
        return target.text


async def test_a_dispatch_handler_decides():
    handler = Handler()
    async with pushing(handler=handler) as (server, url), aiohttp.ClientSession() as session:
        async with session.get(f"{url}/events?name=nobody") as answer:
            assert answer.status == 403
        async with session.ws_connect(f"{url}/events?name=ann") as socket:
            assert (await event_of(socket))["entity"]["text"] == "welcome"
            assert handler.there == ["ann"]
            await server.push(event("bob"), event("broken"), event("ann"))
            assert (await event_of(socket))["entity"]["text"] == "ann"
        await counted(server, 0)
    assert handler.there == []


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no JSON", 1003),
        ('{"identities": {"note": []}, "filters": {"note": "((("}}', 1003),
        ('{"identities": {}, "filters": {"note": "text == 1"}}', 1003),
        ("[" * 100_000, 1003),
    ],
    ids=["no JSON", "no filter", "undeclared", "deep"],
)
async def test_hostile_messages_end_one_session_only(message, code):
    async with pushing() as (server, url), listening(url) as other, listening(url) as socket:
        await socket.send_str(message)
        assert await code_of(socket) == code
        await counted(server, 1)
        await server.push(event("still there"))
        assert (await event_of(other))["entity"]["text"] == "still there"


async def test_x11_a_message_beyond_the_limit_closes_with_1009():
    limit = bahamut.opt_push_max_message_size(1000)
    async with pushing(limit) as (_server, url), listening(url) as socket:
        await socket.send_str("x" * 2000)
        assert await code_of(socket) == 1009


async def test_a_thousand_filters_and_pings_without_end():
    names = {f"kind{number}": [] for number in range(1000)} | {"note": []}
    filters = dict.fromkeys(names, "text == 'x'")
    config = {"identities": names, "filters": filters}
    async with pushing() as (server, url), listening(url, config) as socket:
        for _ in range(2000):
            await socket.ping()
        await server.push(event("y"), event("x"))
        assert (await event_of(socket))["entity"]["text"] == "x"


@pytest.mark.parametrize("policy", ["drop", "close", "conflate"])
async def test_x18_a_client_that_never_reads_does_not_delay_the_others(policy):
    slow = bahamut.opt_push_slow_consumer(policy, bound=8, deadline=0.5)
    async with pushing(slow) as (server, url), listening(url) as socket:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(
            b"GET /events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()
        await counted(server, 2)
        deaf = list(server._push.hub.sessions)[1]
        seen = 0
        while len(server._push.hub.sessions) == 2:  # until it is evicted
            big = Note(id=f"{seen % 3}", text="x" * 100, body="x" * 60_000)
            await server.push(Event.new("update", big, timestamp=datetime.now(UTC)))
            await event_of(socket)
            seen += 1
        assert deaf.dropped + deaf.conflated > 0
        writer.close()


async def test_a_server_that_stops_says_goodbye():
    async with pushing() as (_, url):
        listener = listening(url)
        socket = await listener.__aenter__()
    assert await code_of(socket) == 1001
    await listener.__aexit__(None, None, None)
