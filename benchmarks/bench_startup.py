"""Import, start and idle memory, beside the ceilings that we set ourselves."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.figures import Figure
from benchmarks.processes import ROOT, free_port, start, wait_for_answer
from benchmarks.work import REQUESTS

MODULE = "benchmarks.servers.ours"
IMPORT = (
    "import time; begin = time.perf_counter(); import bahamut; print(time.perf_counter() - begin)"
)
MEGABYTE = 1 << 20


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield the time to import, the time to the first answer, and the memory of an idle server."""
    rounds = 5 if is_quick else 15
    with tempfile.TemporaryDirectory() as folder:
        environment = _compiled_in(folder)
        _start(environment)  # compiles
        imports = [_import(environment) for _ in range(rounds)]
        yield _figure("import bahamut", median(imports) * 1000, 60, "ms")
        starts, memories = zip(*(_start(environment) for _ in range(rounds)), strict=True)
    yield _figure("start to first answer", median(starts) * 1000, 600, "ms")
    yield _figure("resident memory, idle", median(memories), 45, "MB")


def _compiled_in(folder: str) -> dict[str, str]:
    """Return an environment in which modules are compiled once, as those that pip installs are."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def _figure(name: str, measured: float, ceiling: float, unit: str) -> Figure:
    print(f"# {name}: {measured:.1f} {unit}")
    return Figure(name, f"{ceiling:g} {unit}", measured / ceiling, 1.0, "lower")


def _import(environment: dict[str, str]) -> float:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def _start(environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until the first answer, and megabytes of memory then."""
    port, begin = free_port(), time.perf_counter()
    process = start(MODULE, port, environment=environment)
    try:
        wait_for_answer(process, port, REQUESTS["W1"])
        seconds = time.perf_counter() - begin
        return seconds, _resident(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        raise RuntimeError("memory is measured where there is /proc")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / MEGABYTE
