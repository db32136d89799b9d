"""The attacks: each is one thing that a client may send within the default limits, or a flood."""

from __future__ import annotations

import asyncio
import gzip
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from benchmarks.hostile import (
    BINARY,
    JSON,
    MSGPACK,
    PING,
    TEXT,
    counted,
    exchange,
    request,
    sessions,
)

FULL = 4 * 1024 * 1024 - 1024
"""Bytes of a body or a message that is allowed by its size."""
LINE = 60_000
"""Bytes of a request line that is allowed."""
NESTED = r'"(((a|b)?){30}){5}c#"'
CHAIN = r'"(x|y)*#$"'


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that must not keep others waiting."""

    name: str
    """The row of the list of cases, and what is sent."""
    make: Callable[[], Any]
    """Makes what is sent, before the clock runs."""
    run: Callable[[int, Any], Awaitable[str]]
    """Sends that to a port, and says what was answered."""
    data: str = "few"
    """What the server has stored."""
    lasts: float = 0.0
    """Seconds that it takes by itself."""


# --- requests ------------------------------------------------------------------------------------


def get(name: str, target: Callable[[], str], data: str = "few", *headers: str) -> Attack:
    return Attack(name, lambda: request("GET", target(), headers=headers), exchange, data)


def query(name: str, text: Callable[[], str], path: str = "/things", data: str = "few") -> Attack:
    return get(name, lambda: f"{path}?q={quote(text(), safe=' ').replace(' ', '+')}", data)


def post(name: str, body: Callable[[], bytes], kind: str = JSON, *headers: str) -> Attack:
    return Attack(name, lambda: request("POST", "/things", body(), kind, headers=headers), exchange)


def one_of(count: int, form: str) -> str:
    """Return a list of values; in *form* ``#`` stands for their number."""
    return f"[{', '.join(form.replace('#', str(number)) for number in range(count))}]"


def either(count: int, form: str) -> str:
    """Return comparisons joined by ``or``; in *form* ``#`` stands for their number."""
    return " or ".join(form.replace("#", str(number)) for number in range(count))


def array32(count: int, item: bytes) -> bytes:
    """Return a MessagePack list of the same value."""
    return b"\xdd" + struct.pack("!I", count) + item * count


def map32(count: int) -> bytes:
    """Return a MessagePack map of short texts to 1."""
    pairs = b"".join(b"\xa7%07d\x01" % number for number in range(count))
    return b"\xdf" + struct.pack("!I", count) + pairs


def packed(key: bytes, value: bytes) -> bytes:
    """Return a MessagePack map of one short key."""
    return b"\x81" + bytes((0xA0 | len(key),)) + key + value


def repeated(before: bytes, item: bytes, count: int = 0) -> bytes:
    """Return JSON that repeats an item, with commas, until the body is full."""
    count = count or (FULL - len(before) - 2) // (len(item) + 1)
    return before + b",".join([item] * count) + b"]}"


def many_keys() -> bytes:
    return orjson.dumps({"labels": {f"{number:07d}": 1 for number in range(300_000)}})


def bomb() -> bytes:
    return gzip.compress(b'{"title":"' + b"a" * 100_000_000 + b'"}', 1)


FIELDS = [f"X-Fields: {'a,' * 30_000}"] * 900
ORDERED = "/records?q=count%20%3E%3D%200&order=group&order=-count&order=title&page=50&pagesize=100"
FILTERS = (
    query("L1 `tags in [300 values]`, 50 000 tags", lambda: f"tags in {one_of(300, '#')}"),
    query("L1 `tags contains [300 values]`", lambda: f"tags contains {one_of(300, '#')}"),
    query("L1 300 `or` slots, 50 000 tags", lambda: either(300, 'tags contains ["#"]')),
    query("L1 1 500 `or` slots, 50 000 numbers", lambda: either(1500, "numbers contains [-1#]")),
    query("L1 `tags matches` 20 patterns", lambda: f"tags matches {one_of(20, CHAIN)}"),
    query("L1 a path through nested lists", lambda: either(30, 'labels.a.a.b == "x#"')),
    query("L2 nested repetitions", lambda: r'title matches "(((a|b)?){30}){30}c"'),
    query("L2 twenty patterns", lambda: either(20, f"title matches {NESTED}")),
    query("L2 a list of twenty patterns", lambda: f"title matches {one_of(20, NESTED)}"),
    query("a filter of 9 000 parentheses", lambda: "(" * 9000 + "title == 1" + ")" * 9000),
    query(
        "10 000 records, `in` 4 000 values",
        lambda: f"title in {one_of(4000, '-1#')}",
        "/records",
        "many",
    ),
    query(
        "10 000 records, 500 `or` slots", lambda: either(500, "count == -1#"), "/records", "many"
    ),
    get("10 000 records, 3 orders and a filter", lambda: ORDERED, "many"),
    get("10 000 records in one answer", lambda: "/records", "many"),
    get("a page of 100 large objects", lambda: "/files?page=1&pagesize=100", "large"),
    query(
        "100 large objects, ten patterns",
        lambda: either(10, f"content matches {NESTED}"),
        "/files",
        "large",
    ),
)
HEADS = (
    get("E4 15 000 prefixes of a version", lambda: "/v/1" * (LINE // 4) + "/things"),
    get("E5 900 X-Fields lines of 60 KB", lambda: "/notes", "few", *FIELDS),
    get("E7 12 000 unknown parameters", lambda: "/things?" + "&".join(map(str, range(12_000)))),
    get("E7 12 000 times one parameter", lambda: "/things?" + "&".join(["q=a"] * 12_000)),
)
BODIES = (
    post(
        "L3 MessagePack: 4 M empty lists",
        lambda: packed(b"labels", array32(FULL - 32, b"\x90")),
        MSGPACK,
    ),
    post("L3 MessagePack: 350 000 keys", lambda: packed(b"labels", map32(350_000)), MSGPACK),
    post(
        "L3 MessagePack: 50 000 nested objects",
        lambda: packed(b"parts", array32(50_000, b"\x80")),
        MSGPACK,
    ),
    post(
        "L3 MessagePack: 4 M nested objects",
        lambda: packed(b"parts", array32(FULL - 32, b"\x80")),
        MSGPACK,
    ),
    post("L3 JSON: 1.4 M empty lists", lambda: repeated(b'{"labels":[', b"[]")),
    post("L3 JSON: 300 000 keys", many_keys),
    post(
        "L3 JSON: 50 000 nested objects",
        lambda: repeated(b'{"parts":[', b'{"label":"a"}', 50_000),
    ),
    post("L3 JSON: 1 M short tags", lambda: repeated(b'{"tags":[', b'"a"')),
    post("L3 JSON: 2 M numbers", lambda: repeated(b'{"numbers":[', b"1")),
    post("L3 JSON: 4 MiB of opening brackets", lambda: b'{"labels":' + b"[" * (FULL - 10)),
    post("L3 JSON: 4 MiB of digits", lambda: b'{"count":' + b"9" * (FULL - 10) + b"}"),
    post("L3 JSON: a text of 4 MiB of commas", lambda: b'{"title":"' + b"," * (FULL - 12) + b'"}'),
    post("E11 gzip: 100 MB in 0.5 MB", bomb, JSON, "Content-Encoding: gzip"),
)


# --- websockets ----------------------------------------------------------------------------------


async def one_message(port: int, payload: bytes) -> str:
    """Send one configuration, and see whether the session is served after it."""
    return await messages(port, [payload])


async def messages(port: int, payloads: list[bytes], opcode: int = TEXT) -> str:
    """Send messages in a row, and see whether the session is served after them."""
    async with sessions(port, 1) as (session,):
        for payload in payloads:
            session.send(opcode, payload)
        return await session.outcome()


async def pings(port: int, payloads: list[bytes]) -> str:
    return await messages(port, payloads, PING)


async def packed_message(port: int, payload: bytes) -> str:
    async with sessions(port, 1, MSGPACK) as (session,):
        session.send(BINARY, payload)
        return await session.outcome()


async def listening(port: int, configs: list[bytes]) -> str:
    """Open a session for each configuration, and have the events of two seconds."""
    async with sessions(port, len(configs)) as found:
        for session, config in zip(found, configs, strict=True):
            if not session.answer:
                session.send(TEXT, config)
        await asyncio.sleep(2)
        answers = await asyncio.gather(*(session.outcome() for session in found))
        return f"{counted(answers)}, {sum(session.events for session in found)} events"


async def handshakes(port: int, count: int) -> str:
    async with sessions(port, count) as found:
        return counted([session.answer or "101" for session in found])


async def unread(port: int, data: bytes) -> str:
    """Ask over twenty connections, and read no answer for a second."""
    opened = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(20)]
    for _, writer in opened:
        writer.write(data)
    await asyncio.sleep(1)
    for _, writer in opened:
        writer.transport.abort()
    return "not read"


def config(identities: Any, **others: Any) -> bytes:
    return orjson.dumps({"identities": identities, **others})


def long_filter(size: int, number: int = 0) -> str:
    """Return a filter of nearly that many characters, which matches nothing."""
    form = f'title == "{number}-#"'
    return either(size // (len(form) + 7), form)


def sixty_filters() -> bytes:
    names = [f"thing{number}" for number in range(60)]
    wanted: dict[str, list[str]] = {name: [] for name in names}
    return config(wanted, filters=dict.fromkeys(names, long_filter(62_000)))


def filters_of_sessions(count: int, size: int) -> list[bytes]:
    wanted = {"thing": ["update"]}
    return [config(wanted, filters={"thing": long_filter(size, n)}) for n in range(count)]


def patterns_of_sessions(count: int) -> list[bytes]:
    text = r'title matches "(((a|b| |[0-9]|e)?){30}){8}c#"'
    return [
        config({"thing": []}, filters={"thing": text.replace("#", str(n))}) for n in range(count)
    ]


SMALL = 'title == "a" and tags contains ["b"] and count in [1, 2, 3]'
SESSIONS = (
    Attack("L4 60 filters of 60 KB", sixty_filters, one_message),
    Attack(
        "L4 300 000 identities",
        lambda: config({f"{number:06d}": [] for number in range(300_000)}),
        one_message,
    ),
    Attack(
        "L4 500 000 types",
        lambda: config({"thing": [f"{number % 10_000}" for number in range(500_000)]}),
        one_message,
    ),
    Attack(
        "L4 200 000 parameters",
        lambda: config({}, parameters={f"{number:06d}": ["a"] for number in range(200_000)}),
        one_message,
    ),
    Attack(
        "L4 MessagePack: 4 M empty lists in a message",
        lambda: packed(b"ignored", array32(FULL - 64, b"\x90")),
        packed_message,
    ),
    Attack(
        "L5 20 sessions with filters of 60 KB",
        lambda: filters_of_sessions(20, LINE),
        listening,
        lasts=2,
    ),
    Attack(
        "L5 200 sessions with filters of 1 KB",
        lambda: filters_of_sessions(200, 1000),
        listening,
        lasts=2,
    ),
    Attack(
        "L5 50 sessions with nested patterns", lambda: patterns_of_sessions(50), listening, lasts=2
    ),
    Attack(
        "L6 2 000 configurations in a row",
        lambda: [config({"thing": []}, filters={"thing": SMALL})] * 2000,
        messages,
    ),
    Attack(
        "L6 100 configurations with filters of 60 KB",
        lambda: [config({"thing": []}, filters={"thing": long_filter(LINE)})] * 100,
        messages,
    ),
    Attack("L6 50 000 pings", lambda: [b"ping"] * 50_000, pings),
    Attack("L6 300 handshakes at once", lambda: 300, handshakes),
    Attack(
        "E15 20 pages of large objects, not read",
        lambda: request("GET", "/files?page=1&pagesize=100"),
        unread,
        "large",
        lasts=1,
    ),
)

ATTACKS = (*FILTERS, *HEADS, *BODIES, *SESSIONS)
