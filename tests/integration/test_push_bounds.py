"""What one websocket session may ask for, and how often (cases L4 and L6)."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import bahamut
import msgpack
import pytest
from bahamut.elemental import push_config
from bahamut.web import masks
from tests.integration.raw_websocket import CONTINUATION, PING, TEXT, RawWebsocket
from tests.integration.support import running
from tests.integration.test_push import event, event_of, listening, pushing

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

LONG = 'text == "' + "x" * 40_000 + '"'
BEYOND = [
    {"identities": {f"n{n}": [] for n in range(60)}, "filters": {f"n{n}": LONG for n in range(60)}},
    {"identities": {"note": []}, "filters": {"note": f"text in [{', '.join(['1'] * 10_001)}]"}},
    {
        "identities": {"note": []},
        "filters": {"note": " or ".join([f"(text in [{', '.join(['1'] * 6000)}])"] * 2)},
    },
    {"identities": {f"n{n}": None for n in range(200_000)}},
    {"identities": {"note": [f"t{n}" for n in range(90_000)]}},
    {"identities": {"note": ["create" * 20_000]}},
    {"parameters": {"p": ["x"] * 90_000}},
    {"parameters": {f"p{n}": [] for n in range(90_000)}},
]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


async def closed(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    message = await socket.receive(timeout=30)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return message.data, message.extra


@pytest.mark.parametrize("config", BEYOND)
async def test_l4_a_configuration_beyond_the_bounds_closes_with_1008(config):
    async with pushing() as (_, url), listening(url) as socket:
        await socket.send_str(json.dumps(config))
        code, reason = await closed(socket)
        assert code == 1008
        assert reason.startswith("too much is asked for")


@pytest.mark.parametrize("config", BEYOND)
async def test_l4_it_is_an_error_event_where_errors_are_enabled(config):
    async with pushing() as (server, url), listening(url, params={"enableErrors": "1"}) as socket:
        await socket.send_str(json.dumps(config))
        told = await event_of(socket)
        assert told["type"] == "error"
        assert told["entity"]["description"].startswith("too much is asked for")
        (kept,) = server._push.hub.sessions
        assert kept.push_config is None
        await socket.send_str("{}")  # it can ask for something else
        await socket.ping()
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        await server.push(event("again"))
        assert (await event_of(socket))["entity"]["text"] == "again"


async def test_l4_a_message_is_counted_as_bodies_are():
    data = b"\x81\xaaidentities\xdd" + (4_000_000).to_bytes(4, "big") + b"\x90" * 4_000_000
    headers = {"Content-Type": "application/msgpack"}
    async with pushing() as (_, url), listening(url, headers=headers) as socket:
        await socket.send_bytes(data)
        code, reason = await closed(socket)
        assert (code, reason[-26:]) == (1008, "hold more than 100000 values"[-26:])


async def test_l4_identities_that_the_model_lacks_are_not_kept():
    many = {f"n{n}": ["create"] for n in range(40_000)} | {"note": ["create", "create"]}
    filters = {"n1": "a == 1"}
    async with pushing() as (server, url), listening(url) as socket:
        await socket.send_str(json.dumps({"identities": many, "filters": filters}))
        await socket.ping(b"done")
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        (session,) = server._push.hub.sessions
        assert session.push_config.identities == {"note": ["create"]}
        assert session.push_config.filters == {}
        assert server._push.hub.sessions[session] == (("note", "create"),)


@pytest.mark.parametrize("name", ["nothing", "n" * 100_000])
async def test_l4_a_session_that_asks_for_unknown_identities_alone_gets_nothing(name):
    async with pushing() as (server, url), listening(url) as socket:
        await socket.send_str(json.dumps({"identities": {name: []}}))
        await socket.ping(b"1")
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        await server.push(event("not for you"))
        (session,) = server._push.hub.sessions
        assert sum(map(len, session.push_config.identities)) <= 256
        await socket.send_str("{}")
        await socket.ping(b"2")
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        await server.push(event("for you"))
        assert (await event_of(socket))["entity"]["text"] == "for you"


async def test_l4_without_a_model_the_number_of_identities_is_bounded():
    def asking(count: int) -> dict[str, Any]:
        return {"identities": {f"n{n}": None for n in range(count)}}

    model = bahamut.opt_model({})
    async with pushing_without(model) as url, listening(url) as socket:
        await socket.send_str(json.dumps(asking(push_config.MAX_IDENTITIES)))
        await socket.ping()
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        await socket.send_str(json.dumps(asking(push_config.MAX_IDENTITIES + 1)))
        assert (await closed(socket))[0] == 1008


def pushing_without(model: bahamut.Option) -> Any:
    import contextlib

    @contextlib.asynccontextmanager
    async def served() -> Any:
        server = bahamut.new(
            bahamut.opt_rest_server("127.0.0.1:0"),
            model,
            bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
            bahamut.opt_push_dispatch_handler(None),
        )
        async with running(server):
            yield f"http://127.0.0.1:{server.addresses[0][1]}"

    return served()


async def test_l4_a_handshake_of_a_thousand_parameters_is_refused():
    async with pushing() as (_, url), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{url}/events?{'a&' * 1001}")
        assert refused.value.status == 400


# --- L6 --------------------------------------------------------------------------------------


@pytest.mark.parametrize("opcode", [TEXT, PING])
async def test_l6_messages_beyond_the_rate_close_with_1008(opcode):
    rate = bahamut.opt_push_message_rate(0.001, burst=10)
    async with pushing(rate) as (_, url):
        client = await RawWebsocket.connect(port_of(url))
        for _ in range(500):
            client.send(opcode, b"{}")
        frames, code = await client.until_close()
        assert code == 1008
        assert len(frames) == (10 if opcode == PING else 0)
        client.leave()


async def test_l6_the_default_is_a_burst_of_a_hundred():
    async with pushing() as (_, url), listening(url) as socket:
        for _ in range(2000):
            await socket.send_str("{}")
        assert await closed(socket) == (1008, "too many messages")


async def test_l6_pings_and_messages_are_counted_apart():
    rate = bahamut.opt_push_message_rate(0.001, burst=5)
    async with pushing(rate) as (_, url):
        client = await RawWebsocket.connect(port_of(url))
        for number in range(5):
            client.send(TEXT, b"{}")
            assert await client.until_pong(b"%d" % number) == []
        client.leave()


async def test_l6_zero_switches_the_rate_off():
    async with pushing(bahamut.opt_push_message_rate(0)) as (_, url):
        client = await RawWebsocket.connect(port_of(url))
        for _ in range(300):
            client.send(TEXT, b"{}")
            client.send(PING, b"")
        frames = await client.until_pong(b"still there")
        assert len(frames) == 300
        client.leave()


async def test_l6_handshakes_take_a_token_of_the_global_limit():
    options = (bahamut.opt_rate_limiting(0.001, 2), bahamut.opt_cors_origin("http://a.example"))
    headers = {"Origin": "http://a.example"}
    async with pushing(*options) as (_, url), aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/notes") as answer:
            assert answer.status == 501  # it has no such method, and took a token
        async with session.ws_connect(f"{url}/events"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{url}/events")
            assert refused.value.status == 429
            assert int(refused.value.headers["Retry-After"]) > 100
            assert refused.value.headers["Access-Control-Allow-Origin"] == "http://a.example"
            async with session.get(f"{url}/notes") as answer:
                assert answer.status == 429


async def test_l6_fragments_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(masks, "MAX_FRAGMENTS", 1000)
    async with pushing() as (_, url):
        client = await RawWebsocket.connect(port_of(url))
        client.send(TEXT, b"", fin=False)
        for _ in range(masks.MAX_FRAGMENTS + 1):
            client.send(CONTINUATION, b"", fin=False)
        assert (await client.until_close())[1] == 1002
        client.leave()


async def test_l6_a_message_in_many_fragments_is_taken(monkeypatch):
    monkeypatch.setattr(masks, "MAX_FRAGMENTS", 1000)
    text = json.dumps({"identities": {"note": ["create"]}}).encode()
    async with pushing() as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        for _ in range(3):
            client.send(TEXT, b"", fin=False)
            for _ in range(masks.MAX_FRAGMENTS - 100):
                client.send(CONTINUATION, b"", fin=False)
            client.send(CONTINUATION, text)
        assert await client.until_pong(b"done") == []
        (session,) = server._push.hub.sessions
        assert session.push_config.identities == {"note": ["create"]}
        client.leave()


async def test_a_packed_configuration_of_a_megabyte_is_taken():
    value = {"identities": {"note": []}, "ignored": "x" * 1_000_000}
    headers = {"Content-Type": "application/msgpack"}
    async with pushing() as (server, url), listening(url, headers=headers) as socket:
        await socket.send_bytes(msgpack.packb(value))
        await socket.ping()
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        (kept,) = server._push.hub.sessions
        assert kept.push_config.identities == {"note": []}
