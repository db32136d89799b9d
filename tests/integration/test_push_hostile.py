"""The websocket among handlers that fail, clients that do not answer, and a server that stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket as sockets
from datetime import UTC, datetime
from typing import Any

import aiohttp
import bahamut
import pytest
from bahamut._kit.tasks import cancel_and_wait
from bahamut.elemental import Event
from bahamut.push import endpoint, heartbeat, hub
from bahamut.push.hub import Hub
from bahamut.push.outgoing import Models, Outgoing, Parcel
from bahamut.push.session import PushSession
from bahamut.web import internals
from tests.integration.raw_websocket import PING, PONG, TEXT, RawWebsocket
from tests.integration.support import Note, registry
from tests.integration.test_push import code_of, counted, event, event_of, listening, pushing

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


class Handler:
    """Lets everything pass, but for what a test replaces."""

    def __init__(self, **replaced: Any) -> None:
        self.stopped = 0
        self.__dict__.update(replaced)

    async def on_push_session_init(self, session: bahamut.PushSession) -> bool:
        return True

    async def on_push_session_start(self, session: bahamut.PushSession) -> None: ...

    async def on_push_session_stop(self, session: bahamut.PushSession) -> None:
        self.stopped += 1

    async def should_dispatch(self, session: Any, given: Event, summary: Any) -> bool:
        return True


async def fails(*_: Any) -> Any:
    raise RuntimeError("the handler of a user")


async def hangs(*_: Any) -> Any:
    await asyncio.get_running_loop().create_future()


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def narrow(session: Any) -> None:
    """Let little be on the way to a client."""
    transport = session._socket._transport
    sock = transport.get_extra_info("socket")
    sock.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 4096)
    transport.set_write_buffer_limits(high=1024)


def big(number: int) -> Outgoing:
    note = Note(id=f"{number}", text=f"{number}", body="x" * 20_000)
    return Outgoing(Event.new("update", note, timestamp=datetime.now(UTC)), Note)


def blocked(session: Any) -> int:
    """Push until a client that does not read has something wait for it; return how much."""
    narrow(session)
    count = 0
    while session._drainer is None:
        session.offer(Parcel(big(count)))
        count += 1
    return count


@pytest.mark.parametrize("start", [fails, hangs])
async def test_a_session_that_cannot_start_is_ended(start, monkeypatch):
    monkeypatch.setattr(endpoint, "PATIENCE", 0.1)
    handler = Handler(on_push_session_start=start)
    async with (
        pushing(handler=handler) as (server, url),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}/events") as socket,
    ):
        assert await code_of(socket) == 1011
        await counted(server, 0)
    assert handler.stopped == 1


@pytest.mark.parametrize("stop", [fails, hangs])
async def test_a_session_that_cannot_stop_gets_nothing_more(stop, monkeypatch):
    monkeypatch.setattr(endpoint, "PATIENCE", 0.5)
    async with pushing(handler=Handler(on_push_session_stop=stop)) as (server, url):
        async with listening(url):
            await counted(server, 1)
        await counted(server, 0)


async def test_a_handler_that_never_decides_delays_but_does_not_end_dispatching(monkeypatch):
    monkeypatch.setattr(hub, "HANDLER_WITHIN", 0.1)

    async def decides(_session: Any, given: Event, _summary: Any) -> bool:
        if b"hang" in given.data:
            await hangs()
        return True

    async with (
        pushing(handler=Handler(should_dispatch=decides)) as (server, url),
        listening(url) as socket,
    ):
        await server.push(event("hang"), event("go on"))
        assert (await event_of(socket))["entity"]["text"] == "go on"


async def test_a_filter_that_fails_is_the_trouble_of_one_session():
    async with pushing() as (server, url), listening(url), listening(url) as other:
        broken = next(iter(server._push.hub.sessions))
        broken.filters = {"note": object()}
        await server.push(event("for others"))
        assert (await event_of(other))["entity"]["text"] == "for others"


async def test_x20_an_event_that_json_cannot_hold_takes_no_other_along():
    odd = Event("update", "elsewhere", datetime.now(UTC), b"\x81\x01\x02", "application/msgpack")
    async with pushing() as (server, url), listening(url) as socket:
        await server.push(event("before"), odd, event("after"))
        assert (await event_of(socket))["entity"]["text"] == "before"
        assert (await event_of(socket))["entity"]["text"] == "after"
        assert server._push.publisher.lost == 1


async def test_parameters_have_a_bound_however_many_messages_bring_them():
    limit = bahamut.opt_push_max_message_size(1000)
    async with pushing(limit) as (_, url), listening(url) as socket:
        for number in range(10):
            await socket.send_str(json.dumps({"parameters": {f"{number}": ["x" * 500]}}))
        assert await code_of(socket) == 1008


async def test_an_origin_that_is_no_url_is_refused():
    async with pushing() as (_, url), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{url}/events", origin="http://[")
        assert refused.value.status == 403


@pytest.mark.parametrize("policy", ["close", "conflate"])
async def test_x18_a_turn_far_beyond_the_bound_evicts_once(policy):
    slow = bahamut.opt_push_slow_consumer(policy, bound=2)
    async with pushing(slow) as (server, url):
        client = await RawWebsocket.connect(port_of(url))
        await counted(server, 1)
        (session,) = server._push.hub.sessions
        count = blocked(session)
        session.offer(Parcel(*(big(count + number) for number in range(16))))
        session.offer(Parcel(big(0)))
        frames, code = await client.until_close()
        assert code == 1013
        assert len(frames) + session.dropped == count + 16
        await counted(server, 0)
        client.leave()


@pytest.mark.parametrize("deadline", [0, 30.0])
async def test_a_client_that_does_not_read_does_not_hold_up_a_stop(deadline):
    slow = bahamut.opt_push_slow_consumer("drop", deadline=deadline)
    async with asyncio.timeout(10):
        async with pushing(slow) as (server, url):
            client = await RawWebsocket.connect(port_of(url))
            await counted(server, 1)
            blocked(next(iter(server._push.hub.sessions)))
        client.leave()


async def test_an_evicted_client_that_does_not_read_does_not_hold_up_a_stop():
    slow = bahamut.opt_push_slow_consumer("close", bound=1)
    async with asyncio.timeout(10):
        async with pushing(slow) as (server, url):
            client = await RawWebsocket.connect(port_of(url))
            await counted(server, 1)
            (session,) = server._push.hub.sessions
            blocked(session)
            session.offer(Parcel(big(1), big(2), big(3)))
        client.leave()


async def test_who_comes_while_the_server_stops_is_turned_away():
    is_asked, may_go = asyncio.Event(), asyncio.Event()

    async def waits(_session: Any) -> bool:
        is_asked.set()
        await may_go.wait()
        return True

    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as session,
        pushing(handler=Handler(on_push_session_init=waits)) as (server, url),
    ):
        late = asyncio.create_task(session.ws_connect(f"{url}/events"))
        await is_asked.wait()
        await server._push.hub.close_sessions()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{url}/events")
        assert refused.value.status == 503
        may_go.set()
        assert await code_of(await late) == 1001


async def test_a_hub_whose_start_is_cancelled_leaves_no_task():
    client = bahamut.new_local_pubsub_client()
    client.subscribe = lambda _topic: _Never()
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: registry()}),
        bahamut.opt_push_server(client, "events"),
        bahamut.opt_push_dispatch_handler(None),
    )
    starting = asyncio.create_task(Hub(server.config, Models({})).__aenter__())
    await asyncio.sleep(0)
    await cancel_and_wait(starting)
    assert "push hub" not in [task.get_name() for task in asyncio.all_tasks()]


class _Never(contextlib.AbstractAsyncContextManager[Any]):
    async def __aexit__(self, *exc: object) -> None: ...

    async def __aenter__(self) -> Any:
        await hangs()


async def test_nobody_hears_of_a_connection_that_was_given_up():
    unheard: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: unheard.append(context))

    class Protocol:
        transport = None
        lost = loop.create_future()

        async def _drain_helper(self) -> None:
            await self.lost

    protocol: Any = Protocol()
    waiting = asyncio.create_task(internals.drained(protocol, 0))
    await asyncio.sleep(0)
    await cancel_and_wait(waiting)
    protocol.lost.set_exception(ConnectionResetError())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del protocol, waiting
    assert not unheard


async def test_an_object_that_no_event_can_hold_is_lost_and_counted():
    async with pushing() as (server, _):
        publisher = server._push.publisher
        await publisher.push_object("create", Note(id="1", body=object()))
        assert publisher.lost == 1


async def test_who_answers_pings_stays_and_who_does_not_is_gone(monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT", 0.1)
    monkeypatch.setattr(heartbeat, "SILENCE", 1.5)
    async with pushing() as (server, url):
        alive = await RawWebsocket.connect(port_of(url))
        silent = await RawWebsocket.connect(port_of(url))
        await counted(server, 2)

        async def after_pings(client: RawWebsocket, *, answers: bool) -> tuple[int, bytes]:
            while (frame := await client.frame())[0] == PING:
                if answers:
                    client.send(PONG)
            return frame

        answering = asyncio.create_task(after_pings(alive, answers=True))
        with pytest.raises(asyncio.IncompleteReadError):
            await after_pings(silent, answers=False)
        await counted(server, 1)
        await server.push(event("still there"))
        assert (await answering)[0] == TEXT
        alive.leave()
        silent.leave()


async def test_a_type_that_is_asked_for_twice_is_one():
    handler = Handler()
    config = {"identities": {"note": ["update", "update"]}}
    async with pushing(handler=handler) as (server, url):
        async with listening(url, config) as socket:
            await server.push(event("a"))
            assert (await event_of(socket))["entity"]["text"] == "a"
        await counted(server, 0)
        assert not server._push.hub._index
    assert handler.stopped == 1


async def test_what_is_published_one_after_another_is_joined(monkeypatch):
    offer, sizes = PushSession.offer, []

    def counting(session: PushSession, parcel: Parcel) -> None:
        sizes.append(len(parcel.events))
        offer(session, parcel)

    monkeypatch.setattr(PushSession, "offer", counting)
    async with pushing() as (server, url), listening(url) as socket:
        await server.push(event("0"))
        await event_of(socket)
        assert sizes == [1]
        for number in range(1, 9):
            await server.push(event(f"{number}"))
            await asyncio.sleep(0)
        seen = [(await event_of(socket))["entity"]["text"] for _ in range(8)]
        assert seen == [f"{number}" for number in range(1, 9)]
        assert sum(sizes) == 9
        assert max(sizes) == 2
