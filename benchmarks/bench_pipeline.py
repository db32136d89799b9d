"""The pipeline without sockets: a whole operation beside its bare work in a coroutine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from bahamut.elemental.raw_request import RawRequest
from multidict import CIMultiDict, CIMultiDictProxy

from benchmarks.figures import Figure
from benchmarks.servers.ours import make_server
from benchmarks.timing import microseconds, ratio
from benchmarks.work import NEW_JSON, NEW_MSGPACK, ORIGIN, TASKS, TOKEN


def _raw(method: str, path: str, kind: str) -> RawRequest:
    headers = CIMultiDict(
        {
            "Accept": f"application/{kind}",
            "Content-Type": f"application/{kind}",
            "Authorization": TOKEN,
            "Origin": ORIGIN,
        }
    )
    return RawRequest(method, path, "", CIMultiDictProxy(headers), "127.0.0.1")


OPERATIONS = {
    "retrieve": ("GET", f"/tasks/{TASKS[42]['ID']}", "json", b""),
    "retrieve-many": ("GET", "/tasks", "json", b""),
    "create JSON": ("POST", "/tasks", "json", NEW_JSON),
    "create MessagePack": ("POST", "/tasks", "msgpack", NEW_MSGPACK),
}
"""Method, path, encoding and body."""


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield each operation through the whole pipeline, beside msgspec in a coroutine of its own."""
    from benchmarks.servers.plain_aiohttp import Tasks

    pipeline, tasks = make_server()._pipeline, Tasks()
    with asyncio.Runner() as runner:
        for name, (method, path, kind, body) in OPERATIONS.items():
            read = _reader(body)

            async def ours(method=method, path=path, kind=kind, read=read) -> Any:
                return await pipeline.handle(_raw_of[method, path, kind], read)

            by_hand = _by_hand(tasks, name, kind, body)
            assert runner.run(ours()).status == 200
            medians, times = microseconds(
                {"ours": _repeated(runner, ours), "by hand": _repeated(runner, by_hand)},
                1.0 if is_quick else 6.0,
            )
            print(f"# {name}: ours {medians['ours']:.1f} µs, by hand {medians['by hand']:.1f} µs")
            yield Figure(
                f"pipeline, {name}", "msgspec by hand", ratio(times["by hand"], times["ours"]), None
            )


_raw_of = {
    (method, path, kind): _raw(method, path, kind) for method, path, kind, _ in OPERATIONS.values()
}


def _reader(body: bytes) -> Callable[[], Awaitable[bytes]]:
    async def read() -> bytes:
        return body

    return read


def _repeated(runner: asyncio.Runner, work: Callable[[], Awaitable[Any]]) -> Callable[[int], None]:
    async def repeat(times: int) -> None:
        for _ in range(times):
            await work()

    return lambda times: runner.run(repeat(times))


def _by_hand(tasks: Any, name: str, kind: str, body: bytes) -> Callable[[], Awaitable[bytes]]:
    encoder = tasks.json_encoder if kind == "json" else tasks.msgpack_encoder
    decoder = tasks.json_decoder if kind == "json" else tasks.msgpack_decoder
    key = TASKS[42]["ID"]

    async def retrieve() -> bytes:
        return encoder.encode(tasks.tasks[key])

    async def retrieve_many() -> bytes:
        return encoder.encode(list(tasks.tasks.values()))

    async def create() -> bytes:
        return encoder.encode(decoder.decode(body))

    return {"retrieve": retrieve, "retrieve-many": retrieve_many}.get(name, create)
