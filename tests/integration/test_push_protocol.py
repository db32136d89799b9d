"""The websocket's protocol: clients that break it, or have it do more than they should."""

from __future__ import annotations

import asyncio
import json
import struct

import bahamut
import pytest
from bahamut.push import heartbeat
from tests.integration.raw_websocket import CLOSE, CONTINUATION, PING, PONG, TEXT, RawWebsocket
from tests.integration.test_push import counted, event, pushing
from tests.integration.test_push_hostile import port_of

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

MiB = 1 << 20


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        *((code, code) for code in (1000, 1001, 1014, 3000, 4999)),
        *((code, 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)),
    ],
)
async def test_x42_a_client_hears_its_own_code_unless_nobody_may_send_it(code, answer):
    async with pushing() as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        client.send(CLOSE, struct.pack("!H", code) + b"bye")
        assert await client.until_close() == ([], answer)
        await counted(server, 0)
        client.leave()


def head(opcode: int, size: int, *, fin: bool = True) -> bytes:
    """Return what announces a frame of that size.

    The server hangs up on what follows a head that it refuses: who still sends may see no close.
    """
    return struct.pack("!BBQ", opcode | (0x80 if fin else 0), 0xFF, size)


@pytest.mark.parametrize("size", [4 * MiB + 1, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
async def test_x11_a_frame_that_says_it_is_too_large_ends_its_session(size):
    async with pushing() as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        client.write(head(TEXT, size))
        assert await client.until_close() == ([], 1009)
        await counted(server, 0)
        client.leave()


@pytest.mark.parametrize("step", [1 << 10, 1 << 16])
async def test_x11_fragments_without_end_are_a_message_beyond_the_limit(step):
    limit = bahamut.opt_push_max_message_size(1 << 18)
    async with pushing(limit) as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        client.send(TEXT, fin=False)
        for _ in range((1 << 18) // step):
            client.send(CONTINUATION, b" " * step, fin=False)
        client.write(head(CONTINUATION, step, fin=False))
        assert await client.until_close() == ([], 1009)
        await counted(server, 0)
        client.leave()


async def test_empty_fragments_neither_end_a_session_nor_keep_another_waiting():
    async with pushing() as (server, url):
        flooding, other = [await RawWebsocket.connect(port_of(url)) for _ in range(2)]
        config = json.dumps({"identities": {"note": ["create"]}}).encode()
        flooding.send(TEXT, config[:5], fin=False)
        for _ in range(20_000):
            flooding.send(CONTINUATION, fin=False)
        flooding.send(CONTINUATION, config[5:])
        await flooding.until_pong(b"taken")
        await server.push(event("one", "update"), event("two", "create"))
        assert [b'"two"' in data for _, data in await frames(flooding, 1)] == [True]
        assert len(await frames(other, 2)) == 2
        flooding.leave()
        other.leave()


async def frames(client: RawWebsocket, count: int) -> list[tuple[int, bytes]]:
    async with asyncio.timeout(5):
        return [await client.frame() for _ in range(count)]


async def test_x11_a_configuration_of_4_mib_is_taken():
    async with pushing() as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        config = json.dumps({"identities": {"note": ["create"], "": [""]}})
        long = "x" * (4 * MiB - len(config))
        client.send(TEXT, config.replace('""', f'"{long}"', 1).encode())
        await client.until_pong(b"taken")
        await server.push(event("one", "update"), event("two", "create"))
        ((_, data),) = await frames(client, 1)
        assert b'"two"' in data
        client.leave()


async def test_x42_a_text_that_is_no_utf8_ends_the_session_of_json_alone():
    text = b'{"parameters": {"x": ["\xc3("]}}'
    async with pushing() as (_, url):
        plain, packed = [
            await RawWebsocket.connect(port_of(url), content=kind)
            for kind in ("application/json", "application/msgpack")
        ]
        plain.send(TEXT, text)
        assert await plain.until_close() == ([], 1007)
        packed.send(TEXT, b"\x81\xaaparameters\x80")  # MessagePack, in a text frame
        packed.send(TEXT, b"\x80")
        assert await packed.until_pong(b"taken") == []
        plain.leave()
        packed.leave()


async def test_a_client_that_pings_and_does_not_read_the_pongs_is_ended(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.1)
    monkeypatch.setattr(heartbeat, "SILENCE", 1.0)
    async with pushing() as (server, url):
        deaf = await RawWebsocket.connect(port_of(url))
        await counted(server, 1)
        async with asyncio.timeout(20):
            while server._push.hub.sessions:
                deaf.send(PING, b"x" * 125)
                await asyncio.sleep(0)
        deaf.leave()


async def test_pongs_that_nobody_asked_for_change_nothing():
    async with pushing() as (_, url):
        client = await RawWebsocket.connect(port_of(url))
        for _ in range(5000):
            client.send(PONG, b"?")
        assert await client.until_pong(b"still there") == []
        client.leave()
