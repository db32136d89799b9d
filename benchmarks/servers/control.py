"""How a push server of the benchmarks is told to publish: lines of ``EVENTS AT_ONCE`` on a port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson

Publish = Callable[[list[str]], Awaitable[None]]
"""Publishes events at once; each is told by its time stamp."""

_BODY = "A description of some length, as descriptions have it in real life, and then some more."


def stamp() -> str:
    """Return the time in a form of one length."""
    return f"{time.perf_counter():020.9f}"


def entity(title: str) -> dict[str, object]:
    """Return the object of an event."""
    return {
        "ID": "0123456789abcdef01234567",
        "description": _BODY,
        "done": False,
        "priority": 3,
        "status": "TODO",
        "title": title,
    }


def event(title: str) -> bytes:
    """Return a whole event in JSON, as ours is on the wire."""
    value = {
        "encoding": "application/json",
        "entity": entity(title),
        "identity": "task",
        "timestamp": "2026-11-24T12:00:00.123456Z",
        "type": "update",
    }
    return orjson.dumps(value)


def wanted(message: str | bytes) -> set[str]:
    """Return the identities that a configuration asks for."""
    return set(orjson.loads(message)["identities"])


async def listen(port: int, publish: Publish) -> asyncio.Server:
    """Obey on a port: publish so many events, so many at once, then say that it is done."""

    async def obey(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            count, at_once = map(int, line.split())
            for _ in range(0, count, at_once):
                await publish([stamp() for _ in range(at_once)])
                await asyncio.sleep(0)
            writer.write(b"done\n")
        writer.close()

    return await asyncio.start_server(obey, "127.0.0.1", port)
