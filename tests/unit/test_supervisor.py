"""Services start in order and stop in reverse, whatever happens."""

import asyncio
import threading
from typing import Self

import pytest
from bahamut.supervisor import RunContext, supervise

pytestmark = pytest.mark.asyncio


class Service:
    """Notes when it starts and stops; may fail to start, or die when it is told."""

    def __init__(self, name: str, seen: list[str], *, fails: bool = False) -> None:
        self.name, self.seen, self.fails = name, seen, fails
        self.death: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        if self.fails:
            raise OSError(f"{self.name} cannot start")
        self.seen.append(f"+{self.name}")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.sleep(0)
        self.seen.append(f"-{self.name}")

    async def wait_failed(self) -> None:
        await self.death


class Run:
    """Three services, and what happened to them."""

    def __init__(self, *, failing: str = "") -> None:
        self.seen: list[str] = []
        self.ctx = RunContext()
        self.services = [Service(name, self.seen, fails=name == failing) for name in "abc"]

    async def started(self) -> None:
        self.seen.append("started")

    async def stopping(self) -> None:
        self.seen.append("stopping")

    async def go(self) -> None:
        await supervise(self.ctx, self.services, started=self.started, stopping=self.stopping)


ALL = ["+a", "+b", "+c", "started", "stopping", "-c", "-b", "-a"]


async def test_a_run_that_is_cancelled_stops_in_reverse() -> None:
    run = Run()
    run.ctx.cancel()
    await run.go()
    assert run.seen == ALL


async def test_a_run_is_cancelled_from_any_thread() -> None:
    run, started = Run(), asyncio.Event()
    running = asyncio.create_task(supervise(run.ctx, run.services, started=_setter(started)))
    await started.wait()
    threading.Thread(target=run.ctx.cancel).start()
    await running
    assert run.ctx.cancelled
    assert run.seen[-1] == "-a"


class Stuck(Service):
    """Tries to start for ever."""

    tries = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.tries.set()
        return await asyncio.get_running_loop().create_future()  # type: ignore[no-any-return]


async def test_a_run_that_is_cancelled_while_it_starts_stops_what_had_started() -> None:
    run, stuck = Run(), Stuck("b", [])
    run.services[1] = stuck
    running = asyncio.create_task(run.go())
    await stuck.tries.wait()
    run.ctx.cancel()
    await running
    assert run.seen == ["+a", "-a"]


def _setter(event: asyncio.Event):  # type: ignore[no-untyped-def]
    async def started() -> None:
        event.set()

    return started


async def test_what_has_started_is_stopped_when_another_cannot_start() -> None:
    run = Run(failing="c")
    with pytest.raises(OSError, match="c cannot start"):
        await run.go()
    assert run.seen == ["+a", "+b", "-b", "-a"]


async def test_a_service_that_dies_ends_the_run_with_its_error() -> None:
    run = Run()
    run.services[1].death.set_exception(KeyError("b died"))
    with pytest.raises(KeyError, match="b died"):
        await run.go()
    assert run.seen == ALL


async def test_what_the_hook_raises_ends_the_run() -> None:
    run = Run()

    async def fail() -> None:
        raise KeyError("no")

    with pytest.raises(KeyError, match="no"):
        await supervise(run.ctx, run.services, started=fail)
    assert run.seen == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_cancelled_task_stops_everything_and_stays_cancelled() -> None:
    run, started = Run(), asyncio.Event()
    running = asyncio.create_task(
        supervise(run.ctx, run.services, started=_setter(started), stopping=run.stopping)
    )
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert run.seen == ["+a", "+b", "+c", "stopping", "-c", "-b", "-a"]


async def test_waiting_for_what_is_cancelled_already_ends_at_once() -> None:
    ctx = RunContext()
    waiting = asyncio.create_task(ctx.done())
    await asyncio.sleep(0)
    ctx.cancel()
    ctx.cancel()
    await waiting
    await ctx.done()
