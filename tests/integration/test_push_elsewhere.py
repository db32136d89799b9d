"""Events that strangers publish on the topic of a server."""

from __future__ import annotations

import json
import logging
from typing import Any

import aiohttp
import bahamut
import msgpack
import pytest
from bahamut.elemental import JSON, MSGPACK, Event
from bahamut.pubsub import Publication
from tests.integration.test_push import counted, event, event_of, listening, pushing

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

TYPES = {"type": "update", "identity": "note", "timestamp": "2024-01-01T00:00:00Z"}


def packed(entity: Any, encoding: str = JSON, **fields: Any) -> Publication:
    held = {**TYPES, "encoding": encoding, "entity": entity, **fields}
    return Publication("events", data=msgpack.packb(held), encoding=MSGPACK)


def plain(data: bytes) -> Publication:
    return Publication("events", data=data, encoding=JSON)


DEEP = 10_000
UNREADABLE = {
    "p1 raw byte": packed(b'{"ID":"\xff"}'),
    "p1 half a character": packed(b'{"ID":"\\ud800"}'),
    "p1 raw control character": packed(b'{"ID":"\x01"}'),
    "p2 not JSON": packed(b"not json"),
    "p2 forged fields": packed(b'{"ID":"1"},"type":"delete","z":{}'),
    "p2 two values": packed(b"{}{}"),
    "p2 MessagePack called JSON": packed(msgpack.packb({"ID": "1"})),
    "p2 JSON called MessagePack": packed(b'{"ID":"1"}', MSGPACK),
    "p2 two MessagePack values": packed(b"\x80\x80", MSGPACK),
    "p2 MessagePack cut": packed(b"\x82\xa1a", MSGPACK),
    "p2 deep JSON": packed(b"[" * DEEP + b"]" * DEEP),
    "p2 deep MessagePack": packed(b"\x91" * DEEP + b"\x01", MSGPACK),
    "p2 integer keys": packed(msgpack.packb({1: 2}), MSGPACK),
    "p3 empty": packed(b""),
    "p3 empty MessagePack": packed(b"", MSGPACK),
    "p3 missing": packed(None),
    "x43 unknown encoding": packed(b"{}", "text/\x1b[31m" + "x" * 10_000),
    "type": packed(b"{}", type=1),
    "identity": packed(b"{}", identity=["note"]),
    "timestamp": packed(b"{}", timestamp="yesterday"),
    "timestamp of another extension": packed(b"{}", timestamp=msgpack.ExtType(5, b"x")),
    "encoding": packed(b"{}", 5),
    "entity": packed({"ID": "1"}),
    "no data": Publication("events", encoding=MSGPACK),
    "gob": Publication("events", data=b"\x1f\xff\x81\x03\x01\x01", encoding=MSGPACK),
    "deep event": plain(b"[" * DEEP),
    "not UTF-8": plain(b'{"type":"\xff"}'),
    "two events": plain(b"{}{}"),
    "a list": plain(b"[]"),
}


async def both(json_one: Any, packed_one: Any) -> list[str]:
    """Return the texts that a session of each encoding gets next."""
    message = await packed_one.receive()
    assert message.type is aiohttp.WSMsgType.BINARY
    held = msgpack.unpackb(message.data, timestamp=3)
    other = msgpack.unpackb(held["entity"], timestamp=3)
    return [(await event_of(json_one))["entity"]["text"], other["text"]]


@pytest.mark.parametrize("case", UNREADABLE)
async def test_p1_p2_p3_what_is_no_event_is_dropped_for_all_logged_and_counted(case, caplog):
    client, metrics = bahamut.new_local_pubsub_client(), bahamut.new_prometheus_metrics_manager()
    options = (
        bahamut.opt_push_server(client, "events"),
        bahamut.opt_health_server_metrics_manager(metrics),
    )
    async with (
        pushing(*options) as (server, url),
        listening(url) as one,
        listening(url, headers={"Accept": MSGPACK}) as other,
    ):
        await counted(server, 2)
        await server.push(event("before"))
        await client.publish(UNREADABLE[case])
        await server.push(event("after"))
        assert await both(one, other) == ["before", "before"]
        assert await both(one, other) == ["after", "after"]
    assert 'push_events_dropped_total{reason="unreadable"} 1.0' in metrics.write()[1].decode()
    (line,) = [
        each.getMessage()
        for each in caplog.records
        if "publication is dropped" in each.msg % each.args
    ]
    assert len(line) < 400
    assert line.isprintable()


ODD = {
    "twice": packed(b'{"text":"a","text":"odd"}'),
    "of another identity": packed(b'{"text":"odd","dueDate":5,"ID":7}'),
    "of another identity, packed": packed(msgpack.packb({"text": "odd", "ID": 7}), MSGPACK),
    "spaces around": packed(b' \n{"text":"odd"}\n'),
    "binary and NaN": packed(
        msgpack.packb({"text": "odd", "more": {"b": b"\xff", "n": [1, None]}}), MSGPACK
    ),
    "identity": packed(b'{"text":"odd"}', identity="\n\x1b\u2028" + "x" * 100_000),
    "unknown type and fields": packed(b'{"text":"odd"}', type="explode\0", more={"a": [1]}),
    "keys of the event twice": plain(
        b'{"type":"create","type":"delete","encoding":"application/json","entity":{"text":"odd"}}'
    ),
    "tracking": Publication(
        "events",
        data=packed(b'{"text":"odd"}').data,
        encoding=MSGPACK,
        tracking_name="\n",
        tracking_data={"\0": "\n", "uber-trace-id": "x"},
    ),
}


@pytest.mark.parametrize("case", ODD)
async def test_p2_odd_but_valid_events_are_valid_for_all(case):
    client = bahamut.new_local_pubsub_client()
    async with (
        pushing(bahamut.opt_push_server(client, "events")) as (server, url),
        listening(url) as one,
        listening(url, headers={"Accept": MSGPACK}) as other,
    ):
        await counted(server, 2)
        await client.publish(ODD[case])
        await server.push(event("after"))
        assert await both(one, other) == ["odd", "odd"]
        assert await both(one, other) == ["after", "after"]


async def test_p2_a_flood_of_them_writes_few_lines(caplog):
    client = bahamut.new_local_pubsub_client()
    caplog.set_level(logging.ERROR)
    async with (
        pushing(bahamut.opt_push_server(client, "events")) as (server, url),
        listening(url) as one,
    ):
        for _ in range(500):
            await client.publish(packed(b"not json"))
        await server.push(event("after"))
        assert (await event_of(one))["entity"]["text"] == "after"
        assert server._push.hub.losses.counts["unreadable"] == 500
        assert len(caplog.records) < 50


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"null", JSON),
        (b"[1]", JSON),
        (b"5", JSON),
        (b'"x"', JSON),
        (b"", JSON),
        (b"{}{}", JSON),
        (b"\xc0", MSGPACK),
        (b"\x91\x01", MSGPACK),
        (b"\x05", MSGPACK),
        (b"\xa1x", MSGPACK),
        (b"\x80\x80", MSGPACK),
        (b"{}", "text/plain"),
    ],
)
@pytest.mark.parametrize("identity", ["note", "elsewhere"])
async def test_p5_an_event_without_an_object_is_dropped(data, encoding, identity, caplog):
    metrics = bahamut.new_prometheus_metrics_manager()
    odd = Event("update", identity, None, data, encoding)
    async with (
        pushing(bahamut.opt_health_server_metrics_manager(metrics)) as (server, url),
        listening(url) as one,
    ):
        (session,) = server._push.hub.sessions
        session.direct_push(odd, event("direct"))
        await server.push(odd, event("after"))
        assert (await event_of(one))["entity"]["text"] == "direct"
        assert (await event_of(one))["entity"]["text"] == "after"
    assert 'push_events_dropped_total{reason="invalid"} 2.0' in metrics.write()[1].decode()
    assert "an event is dropped" in caplog.text


async def test_p2_forged_fields_of_a_json_event_stay_in_its_object():
    client = bahamut.new_local_pubsub_client()
    async with (
        pushing(bahamut.opt_push_server(client, "events")) as (_, url),
        listening(url) as one,
    ):
        entity = {"text": '"},"type":"delete"'}
        held = {**TYPES, "encoding": JSON, "entity": entity}
        await client.publish(plain(json.dumps(held).encode()))
        got = await event_of(one)
        assert (got["type"], got["entity"]) == ("update", entity)
