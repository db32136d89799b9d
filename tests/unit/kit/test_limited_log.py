"""`LimitedLog` writes a line again whatever became of the loop or the thread of the last one."""

from __future__ import annotations

import asyncio
import threading

import pytest
from bahamut._kit import logs
from bahamut._kit.logs import LimitedLog, get_logger


def limited() -> LimitedLog:
    return LimitedLog(get_logger("bahamut.test.limited"), "Faults")


async def write(log: LimitedLog, *lines: str) -> None:
    for line in lines:
        log.write("%s", line)


def test_a_log_outlives_the_event_loop_in_which_it_wrote(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    log = limited()
    asyncio.run(write(log, "first", "held", "held"))
    now[0] += 2
    asyncio.run(write(log, "second"))
    assert caplog.messages == ["first", "Faults: 2 more within a second", "second"]


def test_a_log_can_be_written_in_a_thread_without_a_loop(caplog: pytest.LogCaptureFixture) -> None:
    log, raised = limited(), list[Exception]()

    def work() -> None:
        try:
            log.write("%s", "from a thread")
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert (raised, caplog.messages) == ([], ["from a thread"])


@pytest.mark.asyncio
async def test_what_was_held_back_is_told_without_another_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = asyncio.Event()

    class Watched(LimitedLog):
        def _tell(self) -> None:
            super()._tell()
            if len(caplog.messages) > 1:
                told.set()

    monkeypatch.setattr(logs, "WINDOW", 0.01)
    await write(Watched(get_logger("bahamut.test.limited"), "Faults"), "first", "held")
    async with asyncio.timeout(10):
        await told.wait()
    assert caplog.messages == ["first", "Faults: 1 more within a second"]
