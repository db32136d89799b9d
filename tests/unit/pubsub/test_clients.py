"""What clients share, seen at the local one."""

from __future__ import annotations

import asyncio

import bahamut
import pytest
from bahamut.pubsub import Publication, new_local_pubsub_client
from bahamut.pubsub.base import Waiter


def test_both_are_clients_and_pingers():
    for client in new_local_pubsub_client(), bahamut.new_nats_pubsub_client("nats://localhost"):
        assert isinstance(client, bahamut.PubSubClient)
        assert isinstance(client, bahamut.Pinger)


@pytest.mark.asyncio
async def test_a_full_queue_is_read_at_the_stop_or_counted(monkeypatch, caplog):
    monkeypatch.setattr("bahamut.pubsub.base.FEED_PATIENCE", 0.05)
    client = new_local_pubsub_client()
    full: asyncio.Queue[Publication] = asyncio.Queue(2)
    read: asyncio.Queue[Publication] = asyncio.Queue()
    for queue in full, read:
        await client.subscribe_queue(queue, asyncio.Queue(), "t")
    for number in range(5):
        await client.publish(Publication("t", partition=number))
    await client.disconnect()
    assert (full.qsize(), read.qsize()) == (2, 5)
    assert client.dropped == 3
    assert "3 publications were not read" in caplog.text


@pytest.mark.asyncio
async def test_a_full_queue_of_errors_loses_them_to_the_log(caplog):
    errors: asyncio.Queue[Exception] = asyncio.Queue(1)
    client = new_local_pubsub_client()
    for _ in range(3):
        await client.subscribe_queue(asyncio.Queue(), errors, "a b")
    assert errors.qsize() == 1
    assert caplog.text.count("invalid subject") == 3
    await client.disconnect()


@pytest.mark.asyncio
async def test_an_unsubscribe_that_nobody_waits_for_ends_with_the_client():
    client = new_local_pubsub_client()
    unsubscribe = await client.subscribe_queue(asyncio.Queue(), asyncio.Queue(), "t")
    first = unsubscribe()
    await client.disconnect()
    assert first.done()
    await unsubscribe()


@pytest.mark.asyncio
async def test_who_waits_for_an_attempt_and_is_cancelled_ends_it():
    attempt = asyncio.create_task(asyncio.sleep(60))
    waiter = Waiter(attempt)

    async def wait() -> None:
        await waiter

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert attempt.cancelled()
    assert not await waiter.wait(1)
    with pytest.raises(bahamut.NotConnectedError, match="given up"):
        await waiter


@pytest.mark.asyncio
async def test_x22_taking_may_be_cancelled_without_loss():
    client = new_local_pubsub_client()
    async with client.subscribe("t") as subscription:
        for number in range(100):
            taking = asyncio.create_task(subscription.take(1))
            await asyncio.sleep(0)
            await client.publish(Publication("t", partition=number))
            taking.cancel()
            try:
                found = await taking
            except asyncio.CancelledError:
                found = await subscription.take(1)
            assert [each.partition for each in found] == [number]
    await client.disconnect()


@pytest.mark.parametrize("option", ["ack", "response", "reply_timeout", "retry"])
def test_no_time_to_wait_is_refused(option):
    make = {
        "ack": lambda: bahamut.nats_opt_publish_require_ack(timeout=0),
        "response": lambda: bahamut.nats_opt_respond_to_channel(timeout=-1),
        "reply_timeout": lambda: bahamut.nats_opt_subscribe_reply_timeout(0),
        "retry": lambda: bahamut.nats_opt_connect_retry_interval(0),
    }
    with pytest.raises(ValueError, match="longer than 0 seconds"):
        make[option]()


def test_passwords_are_not_printed():
    from bahamut.pubsub import NATSConfig

    assert "secret" not in repr(bahamut.nats_opt_credentials("ann", "secret")(NATSConfig()))
