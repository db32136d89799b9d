"""`Site`: an application and an address, as a service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Self

from aiohttp import web
from aiohttp.log import server_logger

from bahamut._kit.logs import escaping
from bahamut.checks import split_listen
from bahamut.config import HealthConfig, RestConfig, Timeouts
from bahamut.telemetry.metrics import MetricsManager
from bahamut.web.connection import Connections, Door, Runner

BACKLOG = 1024
MAX_HEADERS = 1000
"""Header fields of one request."""


def _header_timeout(timeouts: Timeouts) -> float:
    """Return the shorter of the deadlines for headers and for whole requests, 0 for neither."""
    return min((t for t in (timeouts.header, timeouts.read) if t), default=0.0)


def http_logger(config: RestConfig) -> logging.Logger:
    """Return the logger of the HTTP server; what it says of clients is made printable."""
    return escaping(config.logger or server_logger)


class Site:
    """Serves an application; entering it returns when it accepts connections.

    Args:
        name: for the log.
        app: the application.
        config: where and how.
        metrics: counts the connections.
        shortcut: gets the handler of the application, returns what is called instead.
        door: answers its own requests in their place, where they can take the short way.
    """

    def __init__(
        self,
        name: str,
        app: web.Application,
        config: RestConfig | HealthConfig,
        *,
        metrics: MetricsManager | None = None,
        shortcut: Callable[[Any], Any] | None = None,
        door: Door | None = None,
    ) -> None:
        self.name = name
        self._config = config
        rest = config if isinstance(config, RestConfig) else RestConfig()
        timeouts = config.timeouts
        self._listener = rest.listener
        self._runner = Runner(
            app,
            Connections(rest.max_connections, _header_timeout(timeouts), timeouts.write, metrics),
            shortcut,
            door,
            access_log=None,
            logger=http_logger(rest),
            keepalive_timeout=timeouts.idle,
            max_line_size=rest.max_header_size,
            max_field_size=rest.max_header_size,
            max_headers=MAX_HEADERS,
            auto_decompress=False,
            shutdown_timeout=rest.shutdown_timeout if rest is config else 1.0,
        )

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each socket it listens on."""
        return [address[:2] for address in self._runner.addresses]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        try:
            await self._site().start()
        except OSError as error:
            await self._runner.cleanup()
            where = self._config.listen
            raise OSError(error.errno, f"cannot listen on {where}: {error.strerror}") from error
        except BaseException:
            await self._runner.cleanup()
            raise
        return self

    def _site(self) -> web.BaseSite:
        if self._listener is not None:
            return web.SockSite(self._runner, self._listener, backlog=BACKLOG)
        host, port = split_listen(self._config.listen)
        return web.TCPSite(self._runner, host, port, backlog=BACKLOG, reuse_address=True)

    async def __aexit__(self, *exc: object) -> None:
        await self._runner.cleanup()

    async def wait_failed(self) -> None:
        """Wait for ever: a site does not die by itself."""
        await asyncio.get_running_loop().create_future()
