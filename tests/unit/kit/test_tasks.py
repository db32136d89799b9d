"""Jobs, shared runs and queues: nothing is forgotten, nothing is done twice."""

import asyncio
import gc
from typing import Any

import pytest
from bahamut._kit.tasks import OrderedQueue, atomic, cancel_and_wait, run_job, within

pytestmark = pytest.mark.asyncio


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


async def test_a_job_that_ends_was_not_interrupted() -> None:
    assert await run_job(forever(), lambda: asyncio.sleep(0)) is False


async def test_a_job_that_is_not_wanted_any_more_is_cancelled() -> None:
    ended = []

    async def job() -> None:
        try:
            await forever()
        finally:
            ended.append(True)

    assert await run_job(asyncio.sleep(0), job) is True
    assert ended == [True]


async def test_what_a_job_raises_is_raised() -> None:
    async def job() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await run_job(forever(), job)


@pytest.mark.parametrize("job_fails", [False, True])
async def test_what_the_end_of_a_job_raises_is_heard(job_fails: bool) -> None:
    unheard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
    ended = []

    async def done() -> None:
        raise KeyError("done")

    async def job() -> None:
        try:
            if job_fails:
                raise ValueError("job")
            await forever()
        finally:
            ended.append(True)

    with pytest.raises(ValueError if job_fails else KeyError) as caught:
        await run_job(done(), job)
    if job_fails:
        assert isinstance(caught.value.__cause__, KeyError)
    assert ended == [True]
    del caught
    gc.collect()
    assert unheard == []


async def test_a_cancelled_caller_leaves_no_job_behind() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def job() -> None:
        started.set()
        try:
            await forever()
        finally:
            ended.set()

    running = asyncio.create_task(run_job(forever(), job))
    await started.wait()
    await cancel_and_wait(running)
    assert ended.is_set()


async def test_concurrent_callers_share_one_run() -> None:
    runs, go = [], asyncio.Event()

    async def job() -> int:
        runs.append(True)
        await go.wait()
        return len(runs)

    shared = atomic(job)
    first, second, third = (asyncio.create_task(shared()) for _ in range(3))
    await asyncio.sleep(0)
    await cancel_and_wait(first)
    go.set()
    assert await asyncio.gather(second, third) == [1, 1]
    assert await shared() == 2


async def test_a_run_that_fails_fails_for_all_and_is_tried_again() -> None:
    runs = []

    async def job() -> int:
        runs.append(True)
        if len(runs) == 1:
            raise KeyError("x")
        return len(runs)

    shared = atomic(job)
    assert [type(r) for r in await asyncio.gather(shared(), shared(), return_exceptions=True)] == [
        KeyError,
        KeyError,
    ]
    assert await shared() == 2


async def test_entries_are_consumed_in_order_whatever_becomes_of_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[Any] = []

    async def consume(entry: int) -> None:
        await asyncio.sleep(0)
        seen.append(entry)
        if entry == 1:
            raise KeyError("x")

    queue = OrderedQueue(consume, bound=2, name="the queue")
    await queue.start()
    await queue.start()
    for entry in range(5):
        await queue.put(entry)
    await queue.stop()
    assert seen == list(range(5))
    assert "the queue failed" in caplog.text


async def test_a_full_queue_makes_its_callers_wait() -> None:
    go = asyncio.Event()
    queue = OrderedQueue(lambda _: go.wait(), bound=1, name="the queue")  # type: ignore[arg-type, return-value]
    await queue.start()
    putting = [asyncio.create_task(queue.put(entry)) for entry in range(5)]
    done, waiting = await asyncio.wait(putting, timeout=0.01)
    assert waiting
    go.set()
    await asyncio.gather(*putting)
    await queue.stop()
    assert len(done) < 5


async def test_what_is_not_consumed_in_time_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    queue = OrderedQueue(lambda _: forever(), bound=5, name="the queue")
    await queue.start()
    for entry in range(3):
        await queue.put(entry)
    await queue.stop(deadline=0.01)
    assert "the queue: 2 entries are lost at the stop" in caplog.text
    await queue.stop()


async def test_work_that_ends_at_once_is_within_any_time() -> None:
    async def work() -> str:
        return "done"

    async def fails() -> None:
        raise KeyError("at once")

    assert await within(60, work()) == "done"
    with pytest.raises(KeyError, match="at once"):
        await within(60, fails())


async def test_work_goes_on_with_what_it_waited_for() -> None:
    found = asyncio.get_running_loop().create_future()

    async def work() -> list[Any]:
        first = await found
        await asyncio.sleep(0)
        with pytest.raises(KeyError):
            await missing
        return [first]

    missing = asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(within(60, work()))
    await asyncio.sleep(0)
    found.set_result("found")
    missing.set_exception(KeyError("missing"))
    assert await waiting == ["found"]


async def test_work_that_takes_too_long_is_cancelled() -> None:
    seen = []

    async def work() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0)
            seen.append(True)

    with pytest.raises(TimeoutError):
        await within(0.01, work())
    assert seen == [True]


async def test_who_waits_for_work_can_be_cancelled() -> None:
    waiting = asyncio.ensure_future(within(60, forever()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_work_may_answer_its_cancellation_itself() -> None:
    async def work() -> str:
        try:
            await forever()
        except asyncio.CancelledError:
            return "saved"
        return "never"

    waiting = asyncio.ensure_future(within(60, work()))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await waiting == "saved"
