"""Load over HTTP/1.1: connections that are kept alive, each with one request on its way.

wrk makes it where it is installed; else this does, in the process that it is called from: a raw
protocol that counts answers, fast enough for one core to saturate a server on another.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

CONNECTIONS = 64
WRK = shutil.which("wrk")


class UnexpectedAnswerError(RuntimeError):
    """A server answered with something else than a success."""


class _Connection(asyncio.Protocol):
    """Sends a request, and again as soon as its answer is whole."""

    def __init__(self, request: bytes, ended: asyncio.Future[None]) -> None:
        self.request = request
        self.ended = ended
        self.answers = 0
        self.answered = ended.get_loop().create_future()
        """Done with the first answer."""
        self.is_counting = True
        self.waiting = b""
        self.head = b""
        self.length = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if self.waiting:
            data = self.waiting + data
            self.waiting = b""
        # Nearly every answer comes whole and has the length of the one before.
        if len(data) != self.length or not data.startswith(self.head):
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                self.waiting = data
                return
            found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", data[:end])
            if not data.startswith(b"HTTP/1.1 200 ") or found is None:
                self._fail(data)
                return
            length = end + int(found[1])
            if len(data) < length:
                self.waiting = data
                return
            self.head, self.length = b"HTTP/1.1 200 ", length
        self.answers += 1
        if self.answers == 1:
            self.answered.set_result(None)
        if self.is_counting:
            self.transport.write(self.request)  # type: ignore[attr-defined]
        else:
            self.transport.close()

    def _fail(self, data: bytes) -> None:
        if not self.ended.done():
            self.ended.set_exception(UnexpectedAnswerError(data[:500].decode("latin-1")))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done() and self.is_counting:
            self.ended.set_exception(UnexpectedAnswerError(f"connection lost: {exc}"))


async def _ours(port: int, request: bytes, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    failed: asyncio.Future[None] = loop.create_future()
    connections = []
    for _ in range(CONNECTIONS):
        _, connection = await loop.create_connection(
            lambda: _Connection(request, failed), "127.0.0.1", port
        )
        connections.append(connection)
    # Accepting them is not what is measured.
    await asyncio.wait(
        [failed, asyncio.gather(*(c.answered for c in connections))], return_when="FIRST_COMPLETED"
    )
    before, begin = sum(c.answers for c in connections), time.perf_counter()
    await asyncio.wait([failed], timeout=seconds)
    after, end = sum(c.answers for c in connections), time.perf_counter()
    for connection in connections:
        connection.is_counting = False
    if failed.done():
        failed.result()
    await asyncio.sleep(0.02)
    for connection in connections:
        connection.transport.abort()  # type: ignore[attr-defined]
    return (after - before) / (end - begin)


def _wrk(port: int, request: bytes, seconds: float) -> float:
    head, _, body = request.partition(b"\r\n\r\n")
    first, *fields = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = [f for field in fields if "Length" not in field for f in ("-H", field)]
    quoted = "".join(f"\\{byte:03d}" for byte in body)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "request.lua"
        script.write_text(f'wrk.method = "{method}"\nwrk.body = "{quoted}"\n')
        done = subprocess.run(
            [
                *(WRK or "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s"),
                *(*headers, "-s", str(script), f"http://127.0.0.1:{port}{path}"),
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    if "Non-2xx" in done.stdout:
        raise UnexpectedAnswerError(done.stdout)
    found = re.search(r"Requests/sec: *([\d.]+)", done.stdout)
    if found is None:
        raise UnexpectedAnswerError(done.stdout + done.stderr)
    return float(found[1])


def requests_per_second(port: int, request: bytes, seconds: float) -> float:
    """Return what a server on this machine answers in a second.

    Args:
        port: of the server.
        request: sent again and again, as bytes.
        seconds: of load.

    Raises:
        UnexpectedAnswerError: it answered with an error, or hung up.
    """
    if WRK:
        return _wrk(port, request, seconds)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_ours(port, request, seconds))
