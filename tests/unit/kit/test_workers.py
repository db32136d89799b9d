"""A pool of threads: what runs, what waits, what is refused, and how it ends."""

import asyncio
import contextvars
import threading

import pytest
from bahamut._kit.workers import BusyError, Workers

pytestmark = pytest.mark.asyncio

VALUE = contextvars.ContextVar("VALUE", default="none")


def fail() -> None:
    raise KeyError("broken")


async def test_results_and_errors_come_back_and_threads_are_used_again() -> None:
    workers = Workers("test", maximum=1, waiting=0)
    VALUE.set("ours")
    assert await workers.run(VALUE.get) == "ours"
    first = await workers.run(threading.get_ident)
    assert await workers.run(threading.get_ident) == first != threading.get_ident()
    with pytest.raises(KeyError, match="broken"):
        await workers.run(fail)
    workers.stop()


async def test_e18_more_calls_than_may_wait_are_refused() -> None:
    workers, go_on = Workers("test", maximum=2, waiting=1), threading.Event()
    calls = [asyncio.ensure_future(workers.run(go_on.wait, 30)) for _ in range(4)]
    with pytest.raises(BusyError):
        await calls[3]
    go_on.set()
    assert await asyncio.gather(*calls[:3]) == [True] * 3
    assert await workers.run(lambda: 1) == 1
    workers.stop()


async def test_e18_a_call_that_is_cancelled_while_it_waits_never_runs() -> None:
    workers, go_on, ran = Workers("test", maximum=1, waiting=5), threading.Event(), list[int]()
    holding = asyncio.ensure_future(workers.run(go_on.wait, 30))
    waiting = asyncio.ensure_future(workers.run(ran.append, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    go_on.set()
    assert await holding
    await workers.run(ran.append, 2)
    assert ran == [2]
    workers.stop()


async def test_e18_threads_are_daemons_and_end_with_the_pool() -> None:
    workers, go_on = Workers("test", maximum=2, waiting=0), threading.Event()
    held = asyncio.ensure_future(workers.run(go_on.wait, 30))
    await asyncio.sleep(0)
    idle = await workers.run(threading.current_thread)
    assert idle.daemon
    workers.stop()
    await asyncio.to_thread(idle.join, 5)
    assert not idle.is_alive()
    go_on.set()
    assert await held  # what ran at the stop is still heard
    assert await workers.run(lambda: 1) == 1  # and another start finds new threads
    workers.stop()
