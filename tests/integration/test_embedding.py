"""The application without our server: pubsub and hub start and stop with it, and only once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import bahamut
import pytest
from aiohttp import web
from tests.integration.nats_support import NATSServer
from tests.integration.support import Note, registry, running
from tests.integration.test_push import (
    Notes,
    code_of,
    counted,
    create,
    event,
    event_of,
    listening,
)

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


class Counting:
    """A client that counts who starts and stops it.

    Args:
        client: does the work.
    """

    def __init__(self, client: bahamut.PubSubClient) -> None:
        self._client = client
        self.calls: list[str] = []

    def connect(self, *args, **kwargs):
        self.calls.append("connect")
        return self._client.connect(*args, **kwargs)

    async def disconnect(self) -> None:
        self.calls.append("disconnect")
        await self._client.disconnect()

    def subscribe(self, topic, *options):
        self.calls.append(f"subscribe {topic}")
        return self._client.subscribe(topic, *options)

    def __getattr__(self, name):
        return getattr(self._client, name)


ONCE = ["connect", "subscribe events", "disconnect"]


def made(client, *options: bahamut.Option) -> bahamut.Server:
    server = bahamut.new(
        bahamut.opt_model({0: registry()}),
        bahamut.opt_push_server(client, "events"),
        bahamut.opt_push_dispatch_handler(None),
        *options,
    )
    server.register_processor(Notes(), Note.IDENTITY)
    return server


@contextlib.asynccontextmanager
async def under_aiohttp(app: web.Application) -> AsyncIterator[str]:
    """Run an application under aiohttp's own runner; yields its URL."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def dispatching() -> int:
    return [task.get_name() for task in asyncio.all_tasks()].count("push hub")


async def test_an_application_alone_starts_and_stops_pubsub_and_hub():
    client = Counting(bahamut.new_local_pubsub_client())
    server = made(client)
    async with under_aiohttp(server.make_app()) as url:
        async with listening(url) as socket:
            await create(url, "n1")
            assert (await event_of(socket))["entity"]["text"] == "n1"
            await server.push(event("n2"))
            assert (await event_of(socket))["entity"]["text"] == "n2"
        await counted(server, 0)
        assert dispatching() == 1
        listener = listening(url)
        socket = await listener.__aenter__()
    assert await code_of(socket) == 1001
    await listener.__aexit__(None, None, None)
    assert dispatching() == 0
    assert client.calls == ONCE


async def test_a_mounted_application_starts_and_stops_pubsub_and_hub():
    client = Counting(bahamut.new_local_pubsub_client())
    server = made(client, bahamut.opt_enable_api_path_prefix("/inner"))
    outer = web.Application()
    outer.add_subapp("/inner", server.make_app())
    async with under_aiohttp(outer) as url:
        async with listening(f"{url}/inner") as socket:
            await create(f"{url}/inner", "n1")
            assert (await event_of(socket))["entity"]["text"] == "n1"
        assert dispatching() == 1
    assert dispatching() == 0
    assert client.calls == ONCE


async def test_what_is_mounted_twice_is_two_servers():
    clients = [Counting(bahamut.new_local_pubsub_client()) for _ in range(2)]
    outer = web.Application()
    for name, client in zip(("one", "two"), clients, strict=True):
        prefix = bahamut.opt_enable_api_path_prefix(f"/{name}")
        outer.add_subapp(f"/{name}", made(client, prefix).make_app())
    async with (
        under_aiohttp(outer) as url,
        listening(f"{url}/one") as one,
        listening(f"{url}/two") as two,
    ):
        await create(f"{url}/one", "n1")
        await create(f"{url}/two", "n2")
        assert (await event_of(one))["entity"]["text"] == "n1"
        assert (await event_of(two))["entity"]["text"] == "n2"
    assert [client.calls for client in clients] == [ONCE, ONCE]


async def test_under_our_server_neither_is_started_twice():
    client = Counting(bahamut.new_local_pubsub_client())
    server = made(client, bahamut.opt_rest_server("127.0.0.1:0"))
    async with running(server):
        async with listening(f"http://127.0.0.1:{server.addresses[0][1]}") as socket:
            await server.push(event("n1"))
            assert (await event_of(socket))["entity"]["text"] == "n1"
        assert dispatching() == 1
    assert dispatching() == 0
    assert client.calls == ONCE


async def test_an_application_whose_pubsub_does_not_connect_leaves_nothing_behind():
    async with NATSServer("--user", "ann", "--pass", "secret") as nats:
        wrong = bahamut.nats_opt_credentials("ann", "wrong")
        client = Counting(bahamut.new_nats_pubsub_client(nats.url, wrong))
        with pytest.raises(bahamut.NotConnectedError, match="Authorization Violation"):
            async with under_aiohttp(made(client).make_app()):
                raise AssertionError("the client cannot be connected")
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert client.calls == ["connect"]


async def test_applications_that_share_a_nats_hear_of_each_other():
    async with NATSServer() as nats:
        servers = [made(bahamut.new_nats_pubsub_client(nats.url)) for _ in range(2)]
        async with (
            under_aiohttp(servers[0].make_app()) as here,
            under_aiohttp(servers[1].make_app()) as there,
            listening(here) as socket,
        ):
            await create(there, "n1")
            assert (await event_of(socket))["entity"]["text"] == "n1"
