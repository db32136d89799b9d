"""Ten thousand sessions on one server: what each costs in memory.

S1  kilobytes of memory per session, ours beyond those of an aiohttp loop (A) and of
    websockets.broadcast (B), which start one after the other
"""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop

from benchmarks.bench_push import MODULES, OURS, _crowded, _few
from benchmarks.figures import Figure
from benchmarks.processes import load_core, pin

SESSIONS = 10_000
INTERESTED = 10
SPARE = 200
"""Files that a process opens besides."""
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield S1."""
    if is_quick:
        print("# S1 takes most of a minute: not with --quick")
        return
    pin(load_core())
    count = _possible(SESSIONS)
    costs = {}
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for who in MODULES:
            costs[who] = runner.run(_cost(who, count))
    for who in MODULES:
        if who != OURS:
            yield Figure(f"S1 kB, {count:,} sessions", who, costs[OURS] - costs[who], None)


def _possible(wanted: int) -> int:
    """Return how many sessions this machine allows, and say so if those are fewer."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    limits = {"ulimit -n": hard if hard != resource.RLIM_INFINITY else wanted + SPARE}
    if PORTS.exists():
        first, last = map(int, PORTS.read_text().split())
        limits[str(PORTS)] = last - first
    for name, limit in limits.items():
        if limit - SPARE < wanted:
            wanted = limit - SPARE
            print(f"# {name} is {limit}: {wanted} sessions, not {SESSIONS}")
    return wanted


async def _cost(who: str, count: int) -> float:
    """Return kilobytes per session; the sessions that asked for events have got one."""
    begin = time.perf_counter()
    async with _crowded(who, _few(count, INTERESTED)) as (crowd, memory):
        took = time.perf_counter() - begin
        ended = sum(session.transport.is_closing() for session in crowd.sessions)
        print(f"# S1: {who} {memory:,.2f} kB each of {count:,}, {ended} ended, {took:,.1f} s")
    return memory
