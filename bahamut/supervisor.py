"""`supervise` runs services: they start in order and stop in reverse, whatever happens."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol, Self

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import run_job

log = get_logger(__name__)

Hook = Callable[[], Awaitable[None]]


class RunContext:
    """How long something runs: until somebody cancels it (Go: a cancellable context).

    It may be made before there is an event loop, and cancelled from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    @property
    def cancelled(self) -> bool:
        """Whether it has been cancelled."""
        return self._cancelled

    def cancel(self) -> None:
        """End it; a second call changes nothing."""
        with self._lock:
            self._cancelled = True
            waiters, self._waiters = self._waiters, []
        for loop, waiter in waiters:
            loop.call_soon_threadsafe(_finish, waiter)

    async def done(self) -> None:
        """Wait until it is cancelled."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._cancelled:
                return
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.append((loop, waiter))
        await waiter


def _finish(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class Service(Protocol):
    """Something that runs: entering it returns when it is ready, leaving stops it politely."""

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def wait_failed(self) -> None:
        """Return or raise only if the service ends by itself."""
        ...


async def supervise(
    ctx: RunContext,
    services: Sequence[Service],
    *,
    started: Hook | None = None,
    stopping: Hook | None = None,
) -> None:
    """Run *services* until *ctx* is cancelled, one of them dies, or the task is cancelled.

    When *ctx* is cancelled before all are ready, neither *started* nor *stopping* is called.

    Args:
        ctx: ends the run.
        services: started in this order, stopped in reverse.
        started: awaited when all are ready; what it raises ends the run.
        stopping: awaited before the first is stopped.

    Raises:
        Exception: what kept a service from starting, what one died of, or what *started* raised,
            once all that had started has been stopped.
    """
    async with AsyncExitStack() as stack:
        if await run_job(ctx.done(), lambda: _start(stack, services)):
            return
        if started is not None:
            await started()
        try:
            await _first_of(ctx.done(), *(service.wait_failed() for service in services))
        finally:
            if stopping is not None:
                await stopping()


async def _start(stack: AsyncExitStack, services: Sequence[Service]) -> None:
    for service in services:
        await stack.enter_async_context(service)
        log.debug("%s has started", service.name)


async def _first_of(*awaitables: Awaitable[Any]) -> None:
    """Wait for the first to end; raise what it raised."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def install_sigint_handler(cancel: Callable[[], None]) -> None:
    """Call *cancel* at the first SIGINT or SIGTERM; the second kills the process.

    Go: InstallSIGINTHandler. Works inside a running event loop and outside of one.
    """
    signals = (signal.SIGINT, signal.SIGTERM)

    def handle(*_: object) -> None:
        for number in signals:
            if loop is not None:
                loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        cancel()

    try:
        loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    for number in signals:
        if loop is not None:
            try:
                loop.add_signal_handler(number, handle)
                continue
            except NotImplementedError:  # no such thing on this platform
                loop = None
        signal.signal(number, handle)
