"""Pingers, and the health of all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from bahamut._kit.logs import get_logger

log = get_logger(__name__)

PING_STATUS_OK = "ok"
PING_STATUS_TIMEOUT = "timeout"
PING_STATUS_ERROR = "error"


@runtime_checkable
class Pinger(Protocol):
    """Something whose health can be asked for (Go: Pinger)."""

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - the original's argument
        """Raise unless it answers within *timeout* seconds."""
        ...


async def retrieve_health_status(
    timeout: float,  # noqa: ASYNC109 - handed on to the pingers
    pingers: Mapping[str, Pinger],
) -> None:
    """Ping all at once and wait for all (Go: RetrieveHealthStatus).

    Args:
        timeout: seconds that each has; enforced.
        pingers: by the name that the log gives them.

    Raises:
        Exception: what the first to fail raised.
    """
    failures: list[BaseException] = []

    async def ping(name: str, pinger: Pinger) -> None:
        begin, status = time.monotonic(), PING_STATUS_OK
        failure: Exception | None = None
        try:
            async with asyncio.timeout(timeout):
                await pinger.ping(timeout)
        except TimeoutError as error:
            status, failure = PING_STATUS_TIMEOUT, error
        except Exception as error:  # noqa: BLE001 - whatever it is, the service is not healthy
            timed_out = str(error) == PING_STATUS_TIMEOUT
            status, failure = PING_STATUS_TIMEOUT if timed_out else PING_STATUS_ERROR, error
        duration = time.monotonic() - begin
        facts = {"service": name, "status": status, "duration": duration, "error": failure}
        log.info("Ping", extra=facts)
        if failure is not None:
            failures.append(failure)

    await asyncio.gather(*(ping(name, pinger) for name, pinger in pingers.items()))
    if failures:
        raise failures[0]
