"""What the health server answers: ``/``, ``/metrics`` and custom statistics."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from aiohttp import web
from prometheus_async.aio import time as timed
from prometheus_client import CollectorRegistry, Summary

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, log_failure
from bahamut.config import HealthConfig

log = get_logger(__name__)


class HealthDoor:
    """Serves the health server.

    Every method but GET is refused. ``/`` answers 204, 500 when the check raises, and 503 as long
    as the server has not started or has begun to stop.

    Args:
        config: the configuration.
        is_ready: tells whether everything runs.
    """

    def __init__(self, config: HealthConfig, is_ready: Callable[[], bool]) -> None:
        self._config = config
        self._is_ready = is_ready
        seconds = Summary(
            "health_check_seconds",
            "The duration of the health checks.",
            registry=getattr(config.metrics, "registry", None) or CollectorRegistry(),
        )
        self._check = timed(seconds)(self._check)  # type: ignore[method-assign]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer any request."""
        if request.method != "GET":
            return _plain(405, "Method Not Allowed\n")
        key = unquote(request.raw_path.partition("?")[0].removeprefix("/"))
        if not key:
            return await self._health()
        if key == "metrics":
            return self._metrics(request)
        stat = self._config.stats.get(key)
        if stat is None:
            return _plain(404, "Not Found\n")
        found: web.StreamResponse = await stat(request)
        return found

    async def _check(self) -> None:
        if self._config.check is not None:
            await self._config.check()

    async def _health(self) -> web.Response:
        if not self._is_ready():
            return web.Response(status=503)
        try:
            await self._check()
        except FAILURES as error:
            log_failure(log, error, "The service is not healthy")
            return web.Response(status=500)
        return web.Response(status=204)

    def _metrics(self, request: web.Request) -> web.Response:
        if self._config.metrics is None:
            return web.Response(status=501)
        content_type, body = self._config.metrics.write(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, headers={"X-Content-Type-Options": "nosniff"})
