"""Servers as processes of their own, on a core of their own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

SERVER_CORE = 0
ROOT = Path(__file__).parents[1]


def load_core() -> int:
    """Return the core on which the load is made, another one if there is another."""
    return 1 if (os.cpu_count() or 1) > 1 else 0


def pin(core: int) -> None:
    """Stay on one core, where the system knows of such things."""
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {core})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(
    module: str, port: int, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, str(port), *arguments],
        cwd=ROOT,
        env=environment,
        preexec_fn=lambda: pin(SERVER_CORE),
    )


def wait_for_answer(process: subprocess.Popen[bytes], port: int, request: bytes) -> None:
    """Wait until a server answers.

    Raises:
        RuntimeError: it died, or did not answer within half a minute.
    """
    end = time.perf_counter() + 30
    while time.perf_counter() < end:
        if process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(request)
            if sock.recv(65536).startswith(b"HTTP/1.1 200"):
                return
        time.sleep(0.005)
    raise RuntimeError("a server does not answer")


@contextlib.contextmanager
def running(module: str, request: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a server until the end of the block; yields process and port."""
    port = free_port()
    process = start(module, port)
    try:
        wait_for_answer(process, port, request)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=10)
