"""Helpers for tasks: jobs with a deadline, an ordered queue, stray cancellations."""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar, cast

from bahamut._kit.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")
Job = Callable[[], Awaitable[Any]]
"""Something to do, once."""

FAILURES = (Exception, asyncio.CancelledError)
"""What users' code may raise; hand what was caught to `failure`."""


class StrayCancellationError(RuntimeError):
    """Users' code raised `asyncio.CancelledError` though nobody cancelled the task."""


def failure(error: BaseException) -> Exception:
    """Return what users' code raised, as an exception to log or to answer.

    A `asyncio.CancelledError` becomes a `StrayCancellationError` if nobody cancelled the current
    task: it comes from a child task or a future that was cancelled, or was raised by hand.

    Raises:
        asyncio.CancelledError: the current task is being cancelled.
    """
    if isinstance(error, Exception):
        return error
    task = asyncio.current_task()
    if not isinstance(error, asyncio.CancelledError) or task is None or task.cancelling():
        raise error
    stray = StrayCancellationError("asyncio.CancelledError was raised, but nothing was cancelled")
    stray.__cause__ = error
    return stray


def log_failure(logger: logging.Logger, error: BaseException, text: str, *args: object) -> None:
    """Log what users' code raised, with its trace.

    Raises:
        asyncio.CancelledError: the current task is being cancelled.
    """
    logger.error(text, *args, exc_info=failure(error))


async def run_job(done: Awaitable[Any], job: Job) -> bool:
    """Run *job* until it ends or *done* does (Go: RunJob).

    Args:
        done: ends when the job is no longer wanted; the job is then cancelled.
        job: what to run.

    Returns:
        Whether it was interrupted.

    Raises:
        Exception: what the job raised, or else what *done* did, which interrupts the job, too.
    """
    both = asyncio.ensure_future(job()), asyncio.ensure_future(done)
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        await cancel_and_wait(*both)
        raise
    await cancel_and_wait(*(task for task in both if not task.done()))
    errors = [task.exception() for task in both if not task.cancelled()]
    failed = [error for error in errors if error is not None]
    if failed:
        raise failed[0] from (failed[1] if len(failed) > 1 else failed[0].__cause__)
    return both[0].cancelled()


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await *work* for so long.

    The deadline is set when *work* has to wait for something: what ends at once pays for none.

    Raises:
        TimeoutError: it took longer, and was cancelled.
    """
    try:
        waiting = work.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    async with asyncio.timeout(seconds):
        return await _resumed(work, waiting)


@types.coroutine
def _resumed(work: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that waits for something, as ``await`` would."""
    while True:
        try:
            came = yield waiting
        except BaseException as error:  # noqa: BLE001 - cancellation is its own to handle
            step = partial(work.throw, error)
        else:
            step = partial(work.send, came)
        try:
            waiting = step()
        except StopIteration as end:
            return cast("T", end.value)


async def cancel_and_wait(*tasks: asyncio.Future[Any]) -> None:
    """Cancel *tasks* and wait until they have ended; what they raise is logged."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            log.error("A task failed while it was cancelled", exc_info=result)


def atomic(job: Callable[[], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """Return a function whose concurrent callers share one run of *job* (Go: AtomicJob).

    A caller that is cancelled leaves the run to the others.
    """
    running: asyncio.Future[T] | None = None

    async def shared() -> T:
        nonlocal running
        if running is None or running.done():
            running = asyncio.ensure_future(job())
        return await asyncio.shield(running)

    return shared


class OrderedQueue:
    """A bounded queue in front of one consumer, which takes the entries in their order.

    Args:
        consume: awaited with each entry; what it raises is logged.
        bound: entries that may wait; beyond, `put` waits.
        name: for the log.
    """

    def __init__(self, consume: Callable[[Any], Awaitable[None]], *, bound: int, name: str) -> None:
        self._consume = consume
        self._name = name
        self._queue: asyncio.Queue[Any] = asyncio.Queue(bound)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start consuming."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def put(self, entry: Any) -> None:
        """Add an entry, waiting while the queue is full."""
        await self._queue.put(entry)

    async def stop(self, *, deadline: float = 10.0) -> None:
        """Wait until all entries are consumed, at most *deadline* seconds, then stop."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(deadline):
                await self._queue.join()
        except TimeoutError:
            log.error(  # noqa: TRY400 - there is nothing to learn from the trace
                "%s: %d entries are lost at the stop", self._name, self._queue.qsize()
            )
        await cancel_and_wait(self._task)
        self._task = None

    async def _run(self) -> None:
        while True:
            entry = await self._queue.get()
            try:
                await self._consume(entry)
            except FAILURES as error:
                log_failure(log, error, "%s failed", self._name)
            finally:
                self._queue.task_done()
