"""Clients of one NATS that share work and answer each other."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator

import pytest
from bahamut.pubsub import (
    NoRespondersError,
    NotConnectedError,
    Publication,
    PubSubClient,
    nats_opt_connect_retry_interval,
    nats_opt_publish_require_ack,
    nats_opt_respond_to_channel,
    nats_opt_subscribe_queue,
    new_nats_pubsub_client,
)
from tests.integration.nats_support import NATSServer

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

SOON = nats_opt_connect_retry_interval(0.1)
WORKERS = nats_opt_subscribe_queue("workers")


@contextlib.asynccontextmanager
async def connected(nats: NATSServer) -> AsyncIterator[PubSubClient]:
    client = new_nats_pubsub_client(nats.url, SOON)
    await client.connect(timeout=5)
    try:
        yield client
    finally:
        await client.disconnect()


async def test_a_queue_group_of_several_clients_shares():
    count = 300
    async with NATSServer() as nats, contextlib.AsyncExitStack() as stack:
        asking, *workers = [await stack.enter_async_context(connected(nats)) for _ in range(4)]
        shared: list[list[int]] = [[] for _ in workers]
        is_done, are_there = asyncio.Event(), asyncio.Barrier(4)

        async def work(client: PubSubClient, mine: list[int]) -> None:
            async with client.subscribe("jobs.>", WORKERS) as subscription:
                await are_there.wait()
                async for job in subscription:
                    mine.append(job.partition)
                    if sum(map(len, shared)) == count:
                        is_done.set()

        working = [asyncio.create_task(work(*each)) for each in zip(workers, shared, strict=True)]
        await are_there.wait()
        for number in range(count):
            await asking.publish(Publication(f"jobs.{number % 7}", partition=number))
        async with asyncio.timeout(10):
            await is_done.wait()
        assert sorted(itertools.chain(*shared)) == list(range(count))
        assert all(mine and mine == sorted(mine) for mine in shared)
        await stack.aclose()
        await asyncio.gather(*working)


async def test_a_question_is_answered_by_another_client_also_after_a_restart():
    async with NATSServer() as nats, connected(nats) as asking, connected(nats) as answering:

        async def answer() -> None:
            async with answering.subscribe("double") as subscription:
                async for question in subscription:
                    reply = Publication()
                    reply.encode(question.decode() * 2)
                    await question.reply(reply)

        serving = asyncio.create_task(answer())
        for number in (1, 2):
            question = Publication("double")
            question.encode(number)
            response = await asked(asking, question)
            assert response.decode() == number * 2
            nats.kill()
            await nats.start()
        await answering.disconnect()
        await serving


async def asked(client: PubSubClient, question: Publication) -> Publication:
    """Return the answer, as soon as both are connected again."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(NoRespondersError, NotConnectedError):
                return await client.publish(question, nats_opt_respond_to_channel(timeout=5))
            await asyncio.sleep(0.01)


async def test_an_acknowledgement_comes_from_another_client():
    async with NATSServer() as nats, connected(nats) as here, connected(nats) as there:
        with pytest.raises(NoRespondersError):
            await here.publish(Publication("t"), nats_opt_publish_require_ack(timeout=5))
        async with there.subscribe("t") as subscription:
            assert (
                await here.publish(Publication("t"), nats_opt_publish_require_ack(timeout=5))
                is None
            )
            assert [each.topic for each in await subscription.take(1)] == ["t"]
