"""What every client of publish and subscribe does.

Run each of `CHECKS` with a function that makes a new client, which is not connected yet; nobody
else publishes where it listens. With pytest::

    @pytest.mark.asyncio
    @pytest.mark.parametrize("check", pubsub.CHECKS, ids=lambda check: check.__name__)
    async def test_conformance(check):
        await check(make_client)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from bahamut._kit.tasks import cancel_and_wait
from bahamut.pubsub import (
    NoRespondersError,
    NotConnectedError,
    OverflowedError,
    Publication,
    PubSubClient,
    PubSubError,
    ResponseMode,
    Subscription,
    nats_opt_publish_require_ack,
    nats_opt_respond_to_channel,
    nats_opt_subscribe_queue,
    nats_opt_subscribe_reply_timeout,
)
from bahamut.pubsub.options import BOUND
from bahamut.supervisor import RunContext

Make = Callable[[], PubSubClient]
Check = Callable[[Make], Awaitable[None]]

CHECKS: list[Check] = []
"""All checks of this suite."""

PATIENCE = 10.0
"""Seconds that anything may take."""


def check(function: Check) -> Check:
    """Make *function* one of `CHECKS`."""

    async def bounded(make: Make) -> None:
        async with asyncio.timeout(6 * PATIENCE):
            await function(make)

    bounded.__name__ = function.__name__
    bounded.__doc__ = function.__doc__
    CHECKS.append(bounded)
    return bounded


@contextlib.asynccontextmanager
async def connected(make: Make) -> AsyncIterator[PubSubClient]:
    """Give a client that is connected, and disconnect it."""
    client = make()
    await client.connect(timeout=PATIENCE)
    try:
        yield client
    finally:
        await client.disconnect()


async def received(subscription: Subscription, count: int) -> list[Publication]:
    """Return the next *count* publications."""
    found: list[Publication] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            taken = await subscription.take(count - len(found))
            if not taken:
                raise AssertionError(f"ended after {len(found)} of {count} publications")
            found += taken
    return found


async def publish_all(client: PubSubClient, topic: str, count: int) -> None:
    """Publish *count* numbered publications."""
    for number in range(count):
        await client.publish(Publication(topic, partition=number))


async def quiet(client: PubSubClient, subscription: Subscription, topic: str) -> None:
    """Assert that nothing waits in a subscription, by a publication that comes last."""
    await client.publish(Publication(topic, tracking_name="last"))
    (last,) = await received(subscription, 1)
    assert last.tracking_name == "last", last


async def answering(
    subscription: Subscription, answer: Callable[[Publication], Awaitable[Any]]
) -> None:
    """Hand every publication to *answer*."""
    async for publication in subscription:
        await answer(publication)


@contextlib.asynccontextmanager
async def running(job: Awaitable[None]) -> AsyncIterator[None]:
    """Run *job* meanwhile; what it raises is raised."""
    task = asyncio.ensure_future(job)
    try:
        yield
    finally:
        if task.done():
            task.result()
        else:
            await cancel_and_wait(task)


async def raises(expected: type[Exception], awaitable: Awaitable[Any], text: str = "") -> None:
    """Assert that *awaitable* raises *expected*, and says *text*."""
    raised: Exception | None = None
    try:
        await awaitable
    except expected as error:
        raised = error
    assert raised is not None, f"{expected.__name__} was expected"
    assert text in str(raised), str(raised)


# --- delivery --------------------------------------------------------------------------------


@check
async def carries_every_field(make: Make) -> None:
    """What is published arrives with all it says."""
    async with connected(make) as client, client.subscribe("orders.new") as subscription:
        sent = Publication("orders.new", partition=7, tracking_name="n", tracking_data={"a": "b"})
        sent.encode_with_encoding({"x": [1, None]}, "application/json")
        assert await client.publish(sent) is None
        (came,) = await received(subscription, 1)
        assert came == sent
        assert came.decode() == {"x": [1, None]}


@check
async def keeps_the_order(make: Make) -> None:
    """Publications of one publisher arrive in their order, each once."""
    async with connected(make) as client, client.subscribe("orders") as subscription:
        async with running(publish_all(client, "orders", 5000)):
            found = await received(subscription, 5000)
        assert [each.partition for each in found] == list(range(5000))


@check
async def takes_what_waits(make: Make) -> None:
    """`take` returns up to as many as wait, and nothing once all is over."""
    async with connected(make) as client:
        async with client.subscribe("orders") as subscription:
            await publish_all(client, "orders", 5)
            found = await received(subscription, 3)
            found += await received(subscription, 2)
            assert [each.partition for each in found] == [0, 1, 2, 3, 4]
        assert await subscription.take(1) == []
        assert [each async for each in subscription] == []


@check
async def understands_wildcards(make: Make) -> None:
    """A star stands for one token, an arrow for all that follow, of which there is at least one."""
    wanted = {
        "a.b": ["a.b"],
        "a.*": ["a.b", "a.c"],
        "*.b": ["a.b"],
        "a.>": ["a.b", "a.c", "a.b.c"],
        ">": ["a", "a.b", "a.c", "a.b.c"],
        "*.*.*": ["a.b.c"],
    }
    async with connected(make) as client, contextlib.AsyncExitStack() as stack:
        subscriptions = {
            pattern: await stack.enter_async_context(client.subscribe(pattern))
            for pattern in wanted
        }
        for topic in ("a", "a.b", "a.c", "a.b.c"):
            await client.publish(Publication(topic))
        for pattern, topics in wanted.items():
            found = await received(subscriptions[pattern], len(topics))
            assert [each.topic for each in found] == topics, pattern
        await quiet(client, subscriptions["a.b"], "a.b")
        await quiet(client, subscriptions["*.*.*"], "x.y.z")


@check
async def subscriptions_are_independent(make: Make) -> None:
    """Each subscriber has its own copy, and a slow one keeps no other waiting."""
    async with (
        connected(make) as client,
        client.subscribe("orders") as one,
        client.subscribe("orders") as other,
        client.subscribe("orders"),  # never read
    ):
        await publish_all(client, "orders", 1000)
        first = await received(one, 1000)
        first[0].tracking_data = {"changed": "here"}
        assert (await received(other, 1000))[0].tracking_data == {}


@check
async def queue_groups_share(make: Make) -> None:
    """Of a queue group one gets each publication; who is alone gets all."""
    group = nats_opt_subscribe_queue("workers")
    async with (
        connected(make) as client,
        client.subscribe("orders", group) as one,
        client.subscribe("orders", group) as other,
        client.subscribe("orders") as alone,
    ):
        count = 200
        await publish_all(client, "orders", count)
        await received(alone, count)
        shared: list[list[int]] = [[], []]

        async def count_up(numbers: list[int], subscription: Subscription) -> None:
            async for each in subscription:
                numbers.append(each.partition)
                if sum(map(len, shared)) == count:
                    done.set()

        done = asyncio.Event()
        async with running(count_up(shared[0], one)), running(count_up(shared[1], other)):
            async with asyncio.timeout(PATIENCE):
                await done.wait()
        assert sorted(shared[0] + shared[1]) == list(range(count))
        assert all(numbers == sorted(numbers) and numbers for numbers in shared)


@check
async def bound_drops_the_newest(make: Make) -> None:
    """Beyond its bound a subscription drops the newest, counts it and says so (decision X22)."""
    async with connected(make) as client, client.subscribe("orders") as slow:
        publishing = running(publish_all(client, "orders", BOUND + 10))
        async with client.subscribe("orders") as quick, publishing:
            await received(quick, BOUND + 10)
        await client.ping(PATIENCE)
        assert (slow.dropped, client.dropped) == (10, 10)
        assert [type(error) for error in slow.errors] == [OverflowedError]
        found = await received(slow, BOUND)
        assert [each.partition for each in found] == list(range(BOUND))
        await quiet(client, slow, "orders")


# --- answers ---------------------------------------------------------------------------------


@check
async def acknowledges(make: Make) -> None:
    """Who asks for it knows that a subscriber has got the publication."""
    async with connected(make) as client, client.subscribe("orders") as subscription:
        sent = Publication("orders")
        assert await client.publish(sent, nats_opt_publish_require_ack()) is None
        (came,) = await received(subscription, 1)
        assert came.response_mode is sent.response_mode is ResponseMode.ACK
        await raises(PubSubError, came.reply(Publication()), "no response required")


@check
async def says_that_nobody_listens(make: Make) -> None:
    """Who waits for an answer is told at once that there is nobody to give it."""
    async with connected(make) as client:
        for option in nats_opt_publish_require_ack(), nats_opt_respond_to_channel():
            await raises(NoRespondersError, client.publish(Publication("nobody"), option))


@check
async def responds(make: Make) -> None:
    """A subscriber's reply is what `publish` returns, and what the queue gets."""
    answers: asyncio.Queue[Publication] = asyncio.Queue()

    async def answer(question: Publication) -> None:
        response = Publication("ignored", tracking_data={"k": "v"})
        response.encode(question.decode() * 2)
        await question.reply(response)
        await raises(PubSubError, question.reply(None), "cannot be nil")
        await raises(PubSubError, question.reply(response), "already replied")

    async with connected(make) as client, client.subscribe("double") as subscription:
        async with running(answering(subscription, answer)):
            question = Publication("double")
            question.encode(21)
            response = await client.publish(question, nats_opt_respond_to_channel(answers))
        assert response is not None
        assert (response.decode(), response.tracking_data) == (42, {"k": "v"})
        assert response.response_mode is ResponseMode.NONE
        assert answers.get_nowait() == response


@check
async def gives_up_waiting(make: Make) -> None:
    """Who gets no answer in time is told; so is who replies too late."""
    patience = nats_opt_subscribe_reply_timeout(0.05)
    async with connected(make) as client, client.subscribe("slow", patience) as subscription:
        option = nats_opt_respond_to_channel(timeout=0.2)
        await raises(TimeoutError, client.publish(Publication("slow"), option), "deadline")
        (question,) = await received(subscription, 1)
        await raises(PubSubError, question.reply(Publication()), "took too long")
        await raises(PubSubError, question.reply(None), "took too long")
        (error,) = subscription.errors
        assert isinstance(error, TimeoutError)
        assert "timed out waiting for response" in str(error)


@check
async def refuses_two_modes(make: Make) -> None:
    """A publication waits for one kind of answer."""
    options = nats_opt_publish_require_ack(), nats_opt_respond_to_channel()
    async with connected(make) as client:
        await raises(
            ValueError, client.publish(Publication("t"), *options), "set to ResponseModeACK"
        )


# --- the life of a client --------------------------------------------------------------------


@check
async def subscribes_before_it_connects(make: Make) -> None:
    """A subscription entered early hears what is published once there is a connection."""
    client = make()
    async with client.subscribe("early.>") as subscription:
        await client.connect(timeout=PATIENCE)
        await client.publish(Publication("early.bird"))
        assert (await received(subscription, 1))[0].topic == "early.bird"
        await client.disconnect()


@check
async def disconnects_before_it_connects(make: Make) -> None:
    """Disconnecting is possible at any time, and again; connecting afterwards too."""
    client = make()
    await client.disconnect()
    await client.disconnect()
    await raises(NotConnectedError, client.publish(Publication("t")), "connection closed")
    await client.connect(timeout=PATIENCE)
    await client.ping(PATIENCE)
    await client.disconnect()
    await client.disconnect()
    await raises(NotConnectedError, client.ping(PATIENCE), "connection closed")


@check
async def connects_in_both_forms(make: Make) -> None:
    """The original's older form waits on what `connect` returns; a context may end it."""
    client = make()
    assert await client.connect().wait(PATIENCE)
    assert await client.connect(RunContext()).wait(PATIENCE)
    await client.ping(PATIENCE)
    await client.disconnect()


@check
async def disconnecting_ends_subscriptions(make: Make) -> None:
    """What has arrived can be read still; then the subscription ends."""
    client = make()
    await client.connect(timeout=PATIENCE)
    async with client.subscribe("orders") as subscription:
        await publish_all(client, "orders", 100)
        await client.disconnect()
        assert [each.partition async for each in subscription] == list(range(100))


@check
async def unsubscribes_twice(make: Make) -> None:
    """Ending a subscription again changes nothing, and others go on."""
    publications: asyncio.Queue[Publication] = asyncio.Queue()
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    async with connected(make) as client, client.subscribe("t") as other:
        unsubscribe = await client.subscribe_queue(publications, errors, "t")
        await client.publish(Publication("t"))
        async with asyncio.timeout(PATIENCE):
            assert (await publications.get()).topic == "t"
        await unsubscribe()
        await unsubscribe()
        await client.publish(Publication("t", partition=1))
        assert [each.partition for each in await received(other, 2)] == [0, 1]
        await other.close()
        await other.close()
        assert publications.empty()
        assert errors.empty()


async def _subscribed(client: PubSubClient, topic: str) -> None:
    client.subscribe(topic)


@check
async def refuses_invalid_topics(make: Make) -> None:
    """A topic that is no subject never reaches the wire (decision X45)."""
    both = ("", " ", "a b", "a..b", ".a", "a.", "a\r\nPUB b", "a\tb", "t" * 5000, "\ud800")
    async with connected(make) as client, client.subscribe(">") as everything:
        for topic in (*both, "a.*", ">", "a.>", "a*"):
            await raises(ValueError, client.publish(Publication(topic)), "invalid subject")
        for topic in (*both, "a.>.b", "a*", "a>"):
            await raises(ValueError, _subscribed(client, topic), "invalid subject")
            errors: asyncio.Queue[Exception] = asyncio.Queue()
            unsubscribe = await client.subscribe_queue(asyncio.Queue(), errors, topic)
            assert "invalid subject" in str(errors.get_nowait())
            await unsubscribe()
        await raises(ValueError, client.publish(None), "cannot be nil")  # type: ignore[arg-type]
        await quiet(client, everything, "été.日本")
