"""Servers that share a NATS: a change made at one reaches who listens at any."""

from __future__ import annotations

import asyncio

import aiohttp
import bahamut
import pytest
from tests.integration.nats_support import NATSServer
from tests.integration.test_push import create, event, event_of, listening, pushing

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


def over(
    nats: NATSServer, *, hierarchies: bool = False, grace: float = 3.0
) -> list[bahamut.Option]:
    soon = bahamut.nats_opt_connect_retry_interval(0.1)
    grace_option = bahamut.nats_opt_reconnect_grace(grace)
    client = bahamut.new_nats_pubsub_client(nats.url, soon, grace_option)
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
        pushing(*over(nats)) as (server, here),
        pushing(*over(nats)) as (_, there),
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


async def test_x17_nats_that_dies_under_load_ends_no_session_and_reorders_nothing():
    async with (
        NATSServer() as nats,
        pushing(*over(nats, grace=0.1)) as (server, here),
        pushing(*over(nats, grace=0.1)) as (other, there),
        listening(here) as one,
        listening(there) as two,
    ):
        sessions = [*server._push.hub.sessions, *other._push.hub.sessions]
        reading = [asyncio.create_task(until_end(socket)) for socket in (one, two)]
        published = 0

        async def publish() -> None:
            nonlocal published
            for published in range(4000):
                await server.push(event(f"{published}"))
                if published % 20 == 0:
                    await asyncio.sleep(0.002)  # for the load to last

        publishing = asyncio.create_task(publish())
        for share in (500, 1500, 2500):
            while published < share:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.001)
            nats.kill()
            assert not publishing.done()
            await nats.start()
        await publishing
        while not all(task.done() for task in reading):
            await server.push(event("end"))
            await asyncio.wait(reading, timeout=0.05)
        for task in reading:
            # What NATS had not confirmed comes once more; what nobody was there for does not come.
            first_times = list(dict.fromkeys(task.result()))
            assert first_times == sorted(first_times)
            assert len(first_times) > 500
        assert [*server._push.hub.sessions, *other._push.hub.sessions] == sessions
        assert not any(session.dropped for session in sessions)


async def until_end(socket: aiohttp.ClientWebSocketResponse) -> list[int]:
    """Return the numbers that a session hears."""
    found = []
    while (text := (await event_of(socket))["entity"]["text"]) != "end":
        found.append(int(text))
    return found


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


async def test_p6_events_published_while_nats_is_away_reach_the_clients_of_all_servers():
    async with (
        NATSServer() as nats,
        pushing(*over(nats)) as (server, here),
        pushing(*over(nats)) as (other, there),
        listening(here) as one,
        listening(there) as two,
    ):
        nats.kill()
        for number in range(50):
            await server.push(event(f"here {number}"))
            await other.push(event(f"there {number}"))
        await nats.start()
        await server.push(event("here last"))
        await other.push(event("there last"))
        for socket in (one, two):
            heard: list[str] = []
            while not {"here last", "there last"} <= set(heard):
                heard.append((await event_of(socket))["entity"]["text"])
            for name in ("here", "there"):
                mine = [text for text in dict.fromkeys(heard) if text.startswith(name)]
                assert mine == [f"{name} {number}" for number in range(50)] + [f"{name} last"]
