"""Servers that share a NATS: a change made at one reaches who listens at any."""

from __future__ import annotations

import asyncio

import aiohttp
import bahamut
import pytest
from tests.integration.nats_support import NATSServer
from tests.integration.test_push import create, event, event_of, listening, pushing

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


def over(nats: NATSServer, *, hierarchies: bool) -> list[bahamut.Option]:
    client = bahamut.new_nats_pubsub_client(nats.url)
    options = [bahamut.opt_push_server(client, "events"), bahamut.opt_push_dispatch_handler(None)]
    if hierarchies:
        options.append(bahamut.opt_push_server_enable_subject_hierarchies())
    return options


@pytest.mark.parametrize("hierarchies", [False, True])
async def test_a_change_at_one_server_reaches_who_listens_at_both(hierarchies):
    async with (
        NATSServer() as nats,
        pushing(*over(nats, hierarchies=hierarchies)) as (_, here),
        pushing(*over(nats, hierarchies=hierarchies)) as (_, there),
        listening(here) as one,
        listening(there) as other,
    ):
        for url, text in ((here, "n1"), (there, "n2")):
            await create(url, text)
            for socket in (one, other):
                got = await event_of(socket)
                assert (got["type"], got["entity"]["text"]) == ("create", text)
                assert got["entity"]["secret"] == ""


async def test_sessions_outlive_a_server_of_nats_and_order_does_too():
    async with (
        NATSServer() as nats,
        pushing(*over(nats, hierarchies=False)) as (server, here),
        pushing(*over(nats, hierarchies=False)) as (_, there),
        listening(here) as one,
        listening(there) as other,
    ):
        await server.push(event("before"))
        for socket in (one, other):
            assert (await event_of(socket))["entity"]["text"] == "before"
        nats.kill()
        await nats.start()
        # Each server is back at its own time: what is published before that is not for it.
        for socket in (one, other):
            await until_back(server, socket)
        await server.push(*(event(f"{number}") for number in range(100)))
        for socket in (one, other):
            got = ""
            while got != "0":
                got = (await event_of(socket))["entity"]["text"]
            rest = [(await event_of(socket))["entity"]["text"] for _ in range(99)]
            assert rest == [f"{number}" for number in range(1, 100)]


async def until_back(server: bahamut.Server, socket: aiohttp.ClientWebSocketResponse) -> None:
    """Publish until a session hears it; what NATS had not confirmed may come once more before."""
    hearing = asyncio.create_task(probed(socket))
    while not hearing.done():
        await server.push(event("probe"))
        await asyncio.wait((hearing,), timeout=0.05)
    hearing.result()


async def probed(socket: aiohttp.ClientWebSocketResponse) -> None:
    while (await event_of(socket))["entity"]["text"] != "probe":
        pass
