"""`Workers`: a bounded pool of daemon threads, which hold up neither a loop nor the interpreter."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")
_Job = Callable[[], None]


class BusyError(RuntimeError):
    """All threads work and as much waits for them as may."""


class Workers:
    """Runs plain functions in threads.

    The threads of an executor are joined when the loop or the interpreter ends; these are not: a
    function that does not return is left behind.

    Args:
        name: of the threads.
        maximum: threads, each started when it is first needed.
        waiting: calls that may wait for a thread; beyond, `run` raises.
    """

    def __init__(self, name: str, *, maximum: int, waiting: int) -> None:
        self._name = name
        self._maximum = maximum
        self._waiting = waiting
        self._lock = threading.Lock()
        self._crew = _Crew()

    async def run(self, function: Callable[..., T], *args: Any) -> T:
        """Return what *function* returns; it runs in a thread, in a copy of the context.

        Raises:
            BusyError: all threads work, and no further call may wait.
            Exception: what *function* raised.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        call = partial(contextvars.copy_context().run, function, *args)
        with self._lock:
            crew = self._crew
            if crew.calls >= self._maximum + self._waiting:
                raise BusyError(f"{self._name}: all threads work")
            crew.calls += 1
            if crew.calls > crew.threads and crew.threads < self._maximum:
                crew.threads += 1
                threading.Thread(target=crew.work, name=self._name, daemon=True).start()
        crew.jobs.put(partial(self._work, crew, loop, done, call))
        return await done

    def stop(self) -> None:
        """Let idle threads end now, and the others when their function returns."""
        with self._lock:
            crew, self._crew = self._crew, _Crew()
        for _ in range(crew.threads):
            crew.jobs.put(None)

    def _work(
        self,
        crew: _Crew,
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[Any],
        call: Callable[[], Any],
    ) -> None:
        settle: _Job | None = None
        try:
            if not done.cancelled():
                settle = _settling(done, call)
        finally:
            with self._lock:
                crew.calls -= 1
        if settle is not None:
            try:
                loop.call_soon_threadsafe(settle)
            except RuntimeError:  # the loop has been closed, and nobody waits
                return


class _Crew:
    """Threads and what they have to do."""

    def __init__(self) -> None:
        self.jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.threads = 0
        self.calls = 0
        """Calls that run or wait."""

    def work(self) -> None:
        while (job := self.jobs.get()) is not None:
            job()
            del job  # what it holds must not live until the next comes


def _settling(done: asyncio.Future[Any], call: Callable[[], Any]) -> _Job:
    """Run *call*, and return what tells its outcome on the loop."""
    try:
        settle = partial(done.set_result, call())
    except StopIteration as error:  # futures refuse it
        stopped = RuntimeError("a function in a worker thread raised StopIteration")
        stopped.__cause__ = error
        settle = partial(done.set_exception, stopped)
    except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
        settle = partial(done.set_exception, error)
    return lambda: None if done.done() else settle()
