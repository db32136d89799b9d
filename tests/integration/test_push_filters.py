"""Filters of sessions: prepared once, bounded, and applied while others run (decision X50)."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
from typing import Any

import aiohttp
import bahamut
import pytest
from bahamut.elemental.filters import PreparedFilter
from bahamut.push import hub, outgoing
from tests.integration.support import Note
from tests.integration.test_push import counted, event, event_of, listening, pushing
from tests.integration.test_push_hostile import Handler

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

LONG = " or ".join(f'text == "{n:024}"' for n in range(1_650)) + ' or text matches "e"'


def config(text: str) -> dict[str, Any]:
    return {"identities": {"note": []}, "filters": {"note": text}}


def holding(text: str, body: Any = None) -> Any:
    return event(text) if body is None else _event(Note(id="1", text=text, body=body))


def _event(note: Note) -> Any:
    made = event("x")
    made.data = bahamut.elemental.encoding.encode(made.encoding, note)
    return made


async def texts(socket: aiohttp.ClientWebSocketResponse, count: int) -> list[str]:
    return [(await event_of(socket))["entity"]["text"] for _ in range(count)]


async def test_l5_a_filter_is_prepared_once_for_all_sessions_and_events(monkeypatch):
    prepared: list[int] = []
    prepare = PreparedFilter.__init__

    def counting(self: Any, *given: Any, **more: Any) -> None:
        prepared.append(1)
        prepare(self, *given, **more)

    monkeypatch.setattr(PreparedFilter, "__init__", counting)
    assert 60_000 < len(LONG) < 65_536
    async with (
        pushing() as (server, url),
        listening(url, config(LONG)) as one,
        listening(url, config(LONG)) as two,
        listening(url, config('text != "x"')) as three,
    ):
        await counted(server, 3)
        for number in range(5):
            await server.push(event(f"e{number}"))
        for socket in (one, two, three):
            assert await texts(socket, 5) == [f"e{number}" for number in range(5)]
        assert len(prepared) == 2


async def test_l5_filters_are_forgotten_with_their_sessions():
    async with pushing() as (server, url):
        async with listening(url, config(LONG)):
            await counted(server, 1)
            assert len(server._push.hub.models._filters) == 1
        await counted(server, 0)
        gc.collect()
        assert len(server._push.hub.models._filters) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (r'text matches "\pL{1000}"', "too large"),
        (f"text matches [{','.join(f'a.{n}' for n in range(100))}]", "too large"),
        (f"text in [{','.join(['a'] * 10_001)}]", "more than 10000 values"),
        (" or ".join(["text==a"] * 4_001), "more than 4000 comparisons"),
    ],
)
async def test_x50_a_filter_that_is_too_large_is_refused_when_it_is_sent(text, words):
    async with pushing() as (_, url), listening(f"{url}", None) as socket:
        await socket.send_str(json.dumps({"parameters": {"enableErrors": ["1"]}}))
        await socket.send_str(json.dumps(config(text)))
        found = await event_of(socket)
        assert found["type"] == "error"
        assert words in json.dumps(found["entity"])


async def test_x50_an_event_that_a_filter_is_too_expensive_for_is_missed_counted_and_logged(caplog):
    metrics = bahamut.new_prometheus_metrics_manager()
    counting = bahamut.opt_health_server_metrics_manager(metrics)
    costly = 'text == "last" or ' + " or ".join(f"body > {n}" for n in range(300))
    async with (
        pushing(counting) as (server, url),
        listening(url, config(costly)) as socket,
        listening(url, config("text != x")) as other,
    ):
        await counted(server, 2)
        for number in range(3):
            await server.push(holding(f"{number}", ["y"] * 5_000))
        await server.push(holding("last"))
        assert await texts(other, 4) == ["0", "1", "2", "last"]
        assert await texts(socket, 1) == ["last"]
        missed = [session.missed for session in server._push.hub.sessions]
        assert sorted(missed) == [0, 3]
        _, exposition = metrics.write()
        assert 'push_events_missed_total{reason="too expensive"} 3.0' in exposition.decode()
    logged = [r for r in caplog.records if "too expensive" in r.getMessage()]
    assert [r.levelno for r in logged] == [logging.WARNING]


async def test_x17_the_order_holds_while_the_hub_yields(monkeypatch):
    monkeypatch.setattr(hub, "SLICE", 1)
    asked: list[tuple[int, str]] = []
    places: dict[Any, int] = {}

    async def remembers(session: Any, given: Any, _summary: Any) -> bool:
        asked.append((places.setdefault(session, len(places)), given.data.decode("latin-1")))
        return True

    async with (
        pushing(handler=Handler(should_dispatch=remembers)) as (server, url),
        listening(url, config("text != a")) as one,
        listening(url, config("text != b")) as two,
        listening(url, config('text matches "e."')) as three,
    ):
        await counted(server, 3)
        await server.push(*(event(f"e{number}") for number in range(30)))
        for socket in (one, two, three):
            assert await texts(socket, 30) == [f"e{number}" for number in range(30)]
    assert [place for place, _ in asked] == [0, 1, 2] * 30


@pytest.mark.parametrize("change", ["end", "ask for others", "ask with another filter"])
async def test_x50_what_a_session_asks_for_after_a_yield_decides(monkeypatch, change):
    monkeypatch.setattr(hub, "SLICE", 1)
    async with (
        pushing() as (server, url),
        listening(url, config("text != a")) as first,
        listening(url, config("text != b")) as second,
    ):
        await counted(server, 2)
        one, two = server._push.hub.sessions
        matches = outgoing.Outgoing.matches

        def changing(self: Any, wanted: Any) -> bool | None:
            if wanted is one.filters.get("note") and two in server._push.hub.sessions:
                monkeypatch.undo()
                monkeypatch.setattr(hub, "SLICE", 1)
                asyncio.get_running_loop().call_soon(alter)
            return matches(self, wanted)

        def alter() -> None:
            if change == "end":
                server._push.hub.unregister(two)
                return
            other = change == "ask for others"
            two.adopt(
                bahamut.elemental.PushConfig(
                    {"other" if other else "note": []},
                    {} if other else {"note": 'text == "e2"'},
                )
            )
            server._push.hub.refile(two)

        monkeypatch.setattr(outgoing.Outgoing, "matches", changing)
        await server.push(event("e1"), event("e2"))
        assert await texts(first, 2) == ["e1", "e2"]
        if change == "ask with another filter":
            assert await texts(second, 1) == ["e2"]
        else:
            await second.ping()
            assert (await second.receive(timeout=5)).type is aiohttp.WSMsgType.PONG
