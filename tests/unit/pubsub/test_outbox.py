"""`Outbox`: order, bounds, and what is waited for."""

from __future__ import annotations

import asyncio

import pytest
from bahamut.pubsub.outbox import Outbox


@pytest.mark.asyncio
async def test_the_head_stays_until_it_is_confirmed():
    outbox = Outbox(10, 100)
    for number in range(3):
        await outbox.put(("t", bytes([number])))
    assert await outbox.head(2, 100) == [("t", b"\0"), ("t", b"\1")]
    outbox.confirm(1)
    assert await outbox.head(9, 100) == [("t", b"\1"), ("t", b"\2")]
    assert outbox.abandon() == 2
    assert len(outbox) == 0


@pytest.mark.asyncio
@pytest.mark.parametrize(("bound", "size"), [(2, 100), (10, 4)])
async def test_beyond_the_bound_putting_waits(bound, size):
    outbox = Outbox(bound, size)
    await outbox.put(("t", b"12"))
    await outbox.put(("t", b"34"))
    waiting = asyncio.create_task(outbox.put(("t", b"56")))
    await asyncio.sleep(0)
    assert not waiting.done()
    outbox.confirm(1)
    await waiting
    assert len(outbox) == 2


@pytest.mark.asyncio
async def test_a_letter_larger_than_the_outbox_goes_alone():
    outbox = Outbox(10, 4)
    await outbox.put(("t", bytes(100)))
    waiting = asyncio.create_task(outbox.put(("t", b"1")))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(await outbox.head(10, 4)) == 1
    outbox.confirm(1)
    await waiting


@pytest.mark.asyncio
async def test_draining_waits_for_what_was_there():
    outbox = Outbox(10, 100)
    await outbox.put(("t", b"1"))
    draining = asyncio.create_task(outbox.drained())
    await asyncio.sleep(0)
    await outbox.put(("t", b"2"))
    assert not draining.done()
    outbox.confirm(1)
    await draining
