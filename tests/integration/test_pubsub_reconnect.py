"""What a client of NATS does after a reconnection, and what hostile peers can do to it."""

from __future__ import annotations

import asyncio

import nats as nats_py
import pytest
from bahamut.pubsub import (
    Publication,
    PubSubError,
    ResponseMode,
    TooLargeError,
    nats_opt_connect_retry_interval,
    nats_opt_publish_require_ack,
    nats_opt_reconnect_grace,
    nats_opt_respond_to_channel,
    new_nats_pubsub_client,
)
from bahamut.testing.conformance import pubsub
from tests.integration.nats_support import NATSServer
from tests.integration.test_pubsub_nats import SOON, _until

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

LONG = nats_opt_reconnect_grace(600)


async def restarted(server: NATSServer, client) -> None:
    server.kill()
    await _until(lambda: not client._link)
    await client.publish(Publication("t", partition=1))
    await server.start()
    await _until(lambda: client._link)
    await client.publish(Publication("t", partition=2))


async def test_p6_a_disconnection_ends_the_grace_and_sends_everything_in_order():
    async with NATSServer() as server:
        here, there = (new_nats_pubsub_client(server.url, SOON, LONG) for _ in range(2))
        await here.connect(timeout=5)
        await there.connect(timeout=5)
        async with there.subscribe("t") as subscription:
            await restarted(server, here)
            await _until(lambda: there._link)
            assert len(here._outbox) == 2
            await here.disconnect()
            assert [each.partition for each in await pubsub.received(subscription, 2)] == [1, 2]
        assert here.dropped == 0
        await there.disconnect()


async def test_p6_a_publication_that_waits_for_an_answer_keeps_its_timeout():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, LONG)
        await client.connect(timeout=5)
        async with client.subscribe("t"):
            await restarted(server, client)
            with pytest.raises(TimeoutError, match="deadline"):
                await client.publish(Publication("t"), nats_opt_publish_require_ack(timeout=0.1))
        await client.disconnect()


@pytest.mark.parametrize("grace", [0, 0.2])
async def test_p6_own_subscriptions_hear_what_was_published_meanwhile(grace):
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, nats_opt_reconnect_grace(grace))
        await client.connect(timeout=5)
        async with client.subscribe("t") as subscription:
            await restarted(server, client)
            assert [each.partition for each in await pubsub.received(subscription, 2)] == [1, 2]
        await client.disconnect()


async def test_p6_the_first_connection_does_not_wait():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON, LONG)
        await client.connect(timeout=5)
        async with client.subscribe("t") as subscription:
            await client.publish(Publication("t", partition=1))
            await pubsub.received(subscription, 1)
        await client.disconnect()


async def test_p6_subscriptions_are_restored_before_anything_is_published():
    said: list[list[bytes]] = []
    ends = asyncio.Event()

    async def serve(reader, writer):
        mine: list[bytes] = []
        said.append(mine)
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576}\r\n')
        reading = asyncio.ensure_future(reader.readline())
        ending = asyncio.ensure_future(ends.wait())
        while True:
            await asyncio.wait((reading, ending), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() or not (line := reading.result()):
                break
            mine.append(line.split()[0])
            if mine[-1] == b"PING":
                writer.write(b"PONG\r\n")
            reading = asyncio.ensure_future(reader.readline())
        reading.cancel()
        ending.cancel()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    client = new_nats_pubsub_client(url, SOON, nats_opt_reconnect_grace(0))
    await client.connect(timeout=5)
    async with client.subscribe("t"):
        ends.set()
        await _until(lambda: not client._link)
        await client.publish(Publication("u"))
        ends.clear()
        await _until(lambda: b"PUB" in said[-1])
        words = [word for word in said[-1] if word in (b"SUB", b"PING", b"PUB")]
        before = words[: words.index(b"PUB")]
        assert b"SUB" in before
        assert b"PING" in before[before.index(b"SUB") :]
    await client.disconnect()
    server.close()


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
async def test_p6_a_grace_must_be_a_time(seconds):
    with pytest.raises(ValueError, match="grace"):
        nats_opt_reconnect_grace(seconds)


# --- hostile peers -----------------------------------------------------------------------------


ENVELOPE = Publication("t", response_mode=ResponseMode.ACK, partition=5).to_envelope()


@pytest.mark.parametrize(
    ("reply", "payload", "headers"),
    [
        ("", b"", None),
        ("", b"\xff" * 1000, None),
        ("", b"\x91" * 10_000, None),
        ("", b"\x81\xacresponseMode\xa1x", None),
        ("", b"\x81\xactrackingData\x81\xa2\n\x1b\x05", None),
        ("t", b"\xc1", None),
        ("a.>", b"\x80\x80", None),
        ("t.*", b"x", {"Status": "503", "a": "b"}),
    ],
)
async def test_a_message_that_is_no_publication_is_counted(reply, payload, headers, caplog):
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        stranger = await nats_py.connect(server.url)
        async with client.subscribe("t") as subscription:
            await stranger.publish("t", payload, reply=reply, headers=headers)
            await stranger.publish("t", Publication("t", partition=7).to_envelope())
            assert [each.partition for each in await pubsub.received(subscription, 1)] == [7]
            assert subscription.unreadable == client.dropped == 1
        await stranger.close()
        await client.disconnect()
    lines = [each.getMessage() for each in caplog.records if "dropped" in each.getMessage()]
    assert all(line.isprintable() and len(line) < 400 for line in lines)


@pytest.mark.parametrize("reply", ["a.>", "*", "..", "t", "x" * 2000])
async def test_odd_reply_subjects_lose_nothing(reply):
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        stranger = await nats_py.connect(server.url)
        async with client.subscribe("t") as subscription:
            await stranger.publish("t", ENVELOPE, reply=reply, headers={"a": "b"})
            asking = Publication("t", response_mode=ResponseMode.PUBLICATION, partition=6)
            await stranger.publish("t", asking.to_envelope(), reply=reply)
            first, second = await pubsub.received(subscription, 2)
            assert (first.partition, second.partition) == (5, 6)
            await second.reply(Publication(partition=8))
            await client.ping(5)
            await client.publish(Publication("t", partition=7))
            numbers = []
            while 7 not in numbers:
                numbers += [each.partition for each in await subscription.take(9)]
        await stranger.close()
        await client.disconnect()


@pytest.mark.parametrize("payload", [b"", b"no\n", b"\xff" * 100_000])
async def test_a_wrong_acknowledgement_or_answer_is_an_error_of_bounded_length(payload):
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, nats_opt_connect_retry_interval(0.1))
        await client.connect(timeout=5)
        stranger = await nats_py.connect(server.url)

        async def answer(message) -> None:
            await message.respond(payload)

        await stranger.subscribe("q", cb=answer)
        await stranger.flush()
        for option in (nats_opt_publish_require_ack, nats_opt_respond_to_channel):
            with pytest.raises(PubSubError) as raised:
                await client.publish(Publication("q"), option(timeout=5))
            assert len(str(raised.value)) < 1100
        await stranger.close()
        await client.disconnect()


async def test_a_reply_that_is_too_large_is_refused_and_another_may_be_tried():
    async with NATSServer() as server:
        client = new_nats_pubsub_client(server.url, SOON)
        await client.connect(timeout=5)
        async with client.subscribe("t") as subscription:
            option = nats_opt_respond_to_channel(timeout=10)
            asking = asyncio.create_task(client.publish(Publication("t"), option))
            (question,) = await pubsub.received(subscription, 1)
            with pytest.raises(TooLargeError):
                await question.reply(Publication(data=bytes(2 << 20)))
            await question.reply(Publication(partition=4))
            response = await asking
            assert response is not None
            assert response.partition == 4
        await client.disconnect()
