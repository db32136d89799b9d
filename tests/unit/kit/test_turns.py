"""Large work: what is large, and how it leaves the loop to others."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar
from typing import Any

import pytest
from bahamut._kit.turns import in_worker, is_large

CALLER: ContextVar[str] = ContextVar("caller")


class Thing:
    def __init__(self, value: Any) -> None:
        self.value = value


@pytest.mark.parametrize(
    "value",
    [
        ["x"] * 200,
        {str(n): n for n in range(200)},
        {"k" * 20_000: 1},
        "x" * 20_000,
        b"x" * 20_000,
        {"a": [{"b": [[]] * 200}]},
        Thing({"a": Thing([Thing("x" * 20_000)])}),
        (1,) * 200,
    ],
)
def test_large_values_are_found_wherever_they_stand(value):
    assert is_large(value, 100)
    assert is_large([Thing(value)], 100)


@pytest.mark.parametrize("value", [None, 1, "x" * 100, ["x"] * 20, Thing({"a": [1, 2]}), {}])
def test_ordinary_values_are_not_large(value):
    assert not is_large(value, 100)


@pytest.mark.asyncio
async def test_work_runs_in_one_thread_with_the_context_of_its_caller():
    CALLER.set("me")
    found = await asyncio.gather(
        *(in_worker(lambda: (threading.get_ident(), CALLER.get())) for _ in range(5))
    )
    assert len(set(found)) == 1
    assert found[0][0] != threading.get_ident()
    assert found[0][1] == "me"


@pytest.mark.asyncio
async def test_what_the_work_raises_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        await in_worker(lambda: 1 // 0)


@pytest.mark.asyncio
async def test_work_whose_caller_is_gone_does_not_start():
    begin, started = threading.Event(), []
    first = asyncio.create_task(in_worker(begin.wait, 10))
    second = asyncio.create_task(in_worker(started.append, 1))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    begin.set()
    assert await first
    await in_worker(lambda: None)
    assert started == []


@pytest.mark.asyncio
async def test_a_stop_iteration_reaches_the_caller_as_an_error():
    with pytest.raises(RuntimeError, match="StopIteration"):
        async with asyncio.timeout(10):
            await in_worker(next, iter(()))


def test_work_that_does_not_return_holds_up_neither_the_loop_nor_the_process():
    script = """
import asyncio, threading
from bahamut._kit.turns import in_worker

async def main():
    begun = threading.Event()

    def hang():
        begun.set()
        threading.Event().wait()

    work = asyncio.create_task(in_worker(hang))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    work.cancel()

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
