"""P1 to P6: many websockets on one server, beside an aiohttp loop (A) and ``broadcast`` (B).

The client is one event loop with a raw protocol for each session, which counts bytes: all frames of
a run have one length. It drives in a closed loop, two batches on their way at most, so that nobody
wins by buffering; one session in twenty looks for the time stamps.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import resource
import socket
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from statistics import median

import uvloop

from benchmarks.figures import Figure
from benchmarks.processes import free_port, load_core, pin, start

OURS, A, B = "bahamut", "A aiohttp loop", "B websockets.broadcast"
MODULES = {
    OURS: "benchmarks.servers.ours_push",
    A: "benchmarks.servers.aiohttp_push",
    B: "benchmarks.servers.websockets_push",
}
BATCH = 16
HANDSHAKE = (
    b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_STAMP = re.compile(rb'"title":"([0-9.]{20})"')


class _Session(asyncio.Protocol):
    """One websocket: shakes hands, asks for an identity, counts what comes."""

    def __init__(self, crowd: Crowd, identity: str, *, is_looking: bool) -> None:
        self.crowd, self.identity, self.is_looking = crowd, identity, is_looking
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(HANDSHAKE)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            head, _, data = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(head.decode())
            self.is_open = True
            config = b'{"identities":{"%s":[]}}' % self.identity.encode()
            masked = bytes((0x81, 0x80 | len(config), 0, 0, 0, 0)) + config
            self.transport.write(masked)  # type: ignore[attr-defined]
            self.crowd.opened()
        if b"\x89" in data:  # events are ASCII
            data = self._answer_ping(data)
        if data:
            self.crowd.received(len(data))
            if self.is_looking:
                now = time.perf_counter()
                self.crowd.delays += [now - float(found) for found in _STAMP.findall(data)]

    def _answer_ping(self, data: bytes) -> bytes:
        """Answer a ping, which came in one piece, and return the rest."""
        before, _, after = data.partition(b"\x89")
        end = 1 + after[0]
        pong = bytes((0x8A, 0x80 | after[0], 0, 0, 0, 0)) + after[1:end]
        self.transport.write(pong)  # type: ignore[attr-defined]
        return before + after[end:]


class Crowd:
    """The sessions on one server, and the line on which it is told to publish."""

    def __init__(self, port: int, names: list[str]) -> None:
        self.port, self.names = port, names
        self.bytes = self.awaited = 0
        self.delays: list[float] = []
        self.waiter: asyncio.Future[None] | None = None
        self.missing = len(names)
        self.sessions: list[_Session] = []

    async def gather(self) -> None:
        """Open all sessions, some at a time."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        gate = asyncio.Semaphore(64)

        async def one(number: int, name: str) -> None:
            async with gate:
                _, session = await loop.create_connection(
                    lambda: _Session(self, name, is_looking=number % 20 == 0),
                    "127.0.0.1",
                    self.port,
                )
                self.sessions.append(session)

        await asyncio.gather(*(one(number, name) for number, name in enumerate(self.names)))
        await self.ready
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port + 1)
        await self.measure_frame()

    def opened(self) -> None:
        self.missing -= 1
        if not self.missing:
            self.ready.set_result(None)

    def received(self, count: int) -> None:
        self.bytes += count
        if self.waiter is not None and self.bytes >= self.awaited and not self.waiter.done():
            self.waiter.set_result(None)

    async def measure_frame(self) -> None:
        """Learn how many bytes one event is, once all configurations are in force."""
        interested = self.names.count("task")
        while True:
            before = self.bytes
            await self.tell(1, 1)
            await asyncio.sleep(0.3)
            got = self.bytes - before
            if got and got % interested == 0 and 150 < got // interested < 1000:
                self.frame = got // interested
                self.share = got
                return

    async def tell(self, count: int, at_once: int) -> None:
        self.writer.write(b"%d %d\n" % (count, at_once))
        await self.reader.readline()

    async def until(self, total: int) -> None:
        """Wait until that many bytes have come in all."""
        self.awaited = total
        if self.bytes < total:
            self.waiter = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(60):
                await self.waiter
            self.waiter = None

    async def events_per_second(self, seconds: float, at_once: int) -> float:
        """Return how many events reach all who want them in a second."""
        begin, base, told = time.perf_counter(), self.bytes, 0
        while time.perf_counter() - begin < seconds:
            await self.tell(BATCH, at_once)
            told += BATCH
            await self.until(base + (told - BATCH) * self.share)
        await self.until(base + told * self.share)
        return told / (time.perf_counter() - begin)

    async def p99(self, seconds: float) -> float:
        """Return the delay in seconds that one event in a hundred exceeds, at ten in a second."""
        self.delays.clear()
        for _ in range(int(seconds * 10)):
            await self.tell(1, 1)
            await asyncio.sleep(0.1)
        found = sorted(self.delays)
        return found[int(len(found) * 0.99)]

    def leave(self) -> None:
        self.writer.close()
        for session in self.sessions:
            session.transport.abort()  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def _crowded(who: str, names: list[str]) -> AsyncIterator[tuple[Crowd, float]]:
    """Run a server and fill it; yields the crowd, and kilobytes of memory per session."""
    port = _free_pair()
    process = start(MODULES[who], port)
    crowd = Crowd(port, names)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port + 1)
                writer.close()
                break
            await asyncio.sleep(0.05)
        idle = _resident(process.pid)
        await crowd.gather()
        yield crowd, (_resident(process.pid) - idle) / len(names)
        crowd.leave()
    finally:
        process.kill()
        process.wait(timeout=10)


def _free_pair() -> int:
    """Return a free port with a free one behind it."""
    while True:
        port = free_port()
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port + 1))
            return port


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield P1 to P6."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pin(load_core())
    rounds, seconds = (2, 0.7) if is_quick else (5, 3.0)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield from runner.run(_figures(rounds, seconds))
        yield from runner.run(_uninterested(rounds, seconds))


async def _figures(rounds: int, seconds: float) -> list[Figure]:
    rates: dict[str, dict[str, list[float]]] = {f: {} for f in ("P1", "P2", "P3", "P4", "P5")}
    for names, wanted in ((["task"] * 1000, ("P1", "P2", "P4", "P5")), (_few(1000, 10), ("P3",))):
        async with contextlib.AsyncExitStack() as stack:
            crowds = {}
            for who in MODULES:
                crowds[who], memory = await stack.enter_async_context(_crowded(who, names))
                if "P5" in wanted:
                    rates["P5"][who] = [memory]
            for _ in range(rounds):
                for figure in wanted:
                    for who, crowd in crowds.items():
                        found = rates[figure].setdefault(who, [])
                        if figure == "P4":
                            found.append(await crowd.p99(seconds))
                        elif figure != "P5":
                            at_once = 8 if figure == "P2" else 1
                            found.append(await crowd.events_per_second(seconds, at_once))
    return [figure for name in rates for figure in _compared(name, rates[name])]


GOALS = {
    "P1": (0.95, 1.05),
    "P2": (1.6, 2.2),
    "P3": (1.4, 1.4),
    "P4": (1.2, 1.0),
    "P5": (2.0, 2.0),
}
"""Beside A and beside B."""


def _compared(name: str, rates: dict[str, list[float]]) -> Iterator[Figure]:
    scale, unit = {"P4": (1000, "ms"), "P5": (1, "kB")}.get(name, (1, "events/s"))
    shown = (f"{who} {median(found) * scale:,.1f} {unit}" for who, found in rates.items())
    print(f"# {name}: {', '.join(shown)}")
    for who, goal in zip((A, B), GOALS[name], strict=True):
        if name == "P5":
            yield Figure(name, who, rates[OURS][0] - rates[who][0], goal, "lower")
        else:
            ratio = median(a / b for a, b in zip(rates[OURS], rates[who], strict=True))
            yield Figure(name, who, ratio, goal, "lower" if name == "P4" else "higher")


async def _uninterested(rounds: int, seconds: float) -> list[Figure]:
    async with (
        _crowded(OURS, ["task"] * 50) as (alone, _),
        _crowded(OURS, _few(5000, 50)) as (among, _),
    ):
        ratios = []
        for _ in range(rounds):
            rate = await alone.events_per_second(seconds, 1)
            ratios.append(await among.events_per_second(seconds, 1) / rate)
        print(f"# P6: 50 of 50: {rate:,.0f} events/s")
    return [Figure("P6", "itself, 50 of 50", median(ratios), 0.75)]


def _few(count: int, interested: int) -> list[str]:
    step = count // interested
    return ["task" if number % step == 0 else "other" for number in range(count)]
