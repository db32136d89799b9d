"""The `web.Application` of a server: what is mounted, and what starts and stops with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import TYPE_CHECKING

from aiohttp import web

from bahamut.config import Config
from bahamut.interfaces import CustomHandler
from bahamut.pipeline import Pipeline
from bahamut.rest.meta import RouteInfo
from bahamut.rest.routes import RestDoor

if TYPE_CHECKING:
    from bahamut.push.service import Push

PIPELINE = web.AppKey("bahamut.pipeline", Pipeline)
"""Where the pipeline of an application is found."""


def make_application(
    config: Config,
    pipeline: Pipeline,
    routes: Callable[[], Mapping[int, list[RouteInfo]]],
    custom_handlers: Mapping[str, CustomHandler],
    push: Push | None = None,
) -> tuple[web.Application, RestDoor]:
    """Return an application and its door: it serves the API, its meta routes and the custom routes.

    It starts and stops what it needs by itself, wherever it runs: under `Server.run`, under
    ``python -m aiohttp.web``, or mounted in another application.

    Args:
        config: the configuration.
        pipeline: serves the operations.
        routes: lists the routes of each version for ``/_meta/routes``.
        custom_handlers: by path.
        push: serves the websocket, if there is one.
    """
    app = web.Application(client_max_size=config.rest.max_body_size)
    app[PIPELINE] = pipeline
    door = RestDoor(config, pipeline, routes, custom_handlers)
    if push is not None:
        push.install(app)
    door.install(app)

    async def running(_app: web.Application) -> AsyncIterator[None]:
        await pipeline.start()
        yield
        await pipeline.stop()

    app.cleanup_ctx.append(running)
    return app, door
