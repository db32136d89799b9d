"""`Push`: publisher, hub and websocket of one server, and what starts and stops them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Self

from aiohttp import web

from bahamut.config import Config
from bahamut.pubsub import PubSubClient
from bahamut.push.endpoint import Endpoint
from bahamut.push.hub import Hub
from bahamut.push.outgoing import Models
from bahamut.push.publisher import Publisher
from bahamut.supervisor import Service


class PubSubService:
    """Connects a client, and disconnects it at the end."""

    name = "pubsub"

    def __init__(self, client: PubSubClient) -> None:
        self._client = client

    async def __aenter__(self) -> Self:
        await self._client.connect()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._client.disconnect()

    async def wait_failed(self) -> None:
        """Wait for ever: a client reconnects by itself."""
        await asyncio.get_running_loop().create_future()


class Push:
    """The push side of a server.

    Args:
        config: has a client.
    """

    def __init__(self, config: Config) -> None:
        assert config.push.client is not None  # noqa: S101 - made only where there is one
        self._config = config.push
        self._pubsub = PubSubService(config.push.client)
        models = Models(config.model.registries)
        self.publisher = Publisher(config, models)
        self.hub: Hub | None = None
        self.endpoint: Endpoint | None = None
        if config.push.is_dispatching:
            self.hub = Hub(config, models)
            self.endpoint = Endpoint(config, self.hub)

    def services(self) -> tuple[list[Service], list[Service]]:
        """Return what starts before the API, and what starts behind it."""
        return [self._pubsub], [self.hub] if self.hub is not None else []

    def install(self, app: web.Application) -> None:
        """Add the websocket to an application."""
        if self.endpoint is not None:
            app.router.add_route("GET", self._config.endpoint, self.endpoint.serve)

    def embed(self, app: web.Application) -> None:
        """Let an application that runs without us start and stop all this (decisions, 3)."""

        async def running(_app: web.Application) -> AsyncIterator[None]:
            before, behind = self.services()
            async with contextlib.AsyncExitStack() as stack:
                for service in (*before, *behind):
                    await stack.enter_async_context(service)
                yield

        app.cleanup_ctx.append(running)
        if self.hub is not None:
            app.on_shutdown.append(self._close_sessions)

    async def _close_sessions(self, _app: Any) -> None:
        # aiohttp waits for open handlers before it cleans up.
        if self.hub is not None:
            await self.hub.close_sessions()
