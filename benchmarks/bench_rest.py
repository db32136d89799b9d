"""W1 to W4 over sockets: ours with the full job beside three others, round by round."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.figures import Figure
from benchmarks.load import CONNECTIONS, WRK, requests_per_second
from benchmarks.processes import load_core, pin, running
from benchmarks.timing import ratio
from benchmarks.work import REQUESTS

OURS = "bahamut"


@dataclass(frozen=True, slots=True)
class Neighbour:
    module: str
    goals: dict[str, float]
    """By figure; those that are missing are not run."""
    packed_path: bytes = b"/tasks"
    """Where it takes MessagePack, if one path cannot take both."""


SERVERS = {
    OURS: Neighbour("benchmarks.servers.ours", dict.fromkeys(REQUESTS, 1.0)),
    "plain aiohttp": Neighbour(
        "benchmarks.servers.plain_aiohttp", {"W1": 1.1, "W2": 0.9, "W3": 1.0, "W4": 1.0}
    ),
    "FastAPI full": Neighbour("benchmarks.servers.fastapi_full", {"W1": 4.0, "W2": 3.5, "W3": 3.5}),
    "Litestar full": Neighbour(
        "benchmarks.servers.litestar_full",
        {"W1": 3.3, "W2": 1.7, "W3": 2.7, "W4": 2.5},
        packed_path=b"/packed",
    ),
}


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield W1 to W4 beside each neighbour."""
    rounds, seconds = (7, 0.2) if is_quick else (30, 0.6)  # short, for speed drifts
    pin(load_core())
    tool = "wrk" if WRK else "a client of ours"
    print(f"# {CONNECTIONS} connections, load by {tool}, {rounds} rounds of {seconds} s each")
    with contextlib.ExitStack() as stack:
        ports = {
            name: stack.enter_context(running(server.module, REQUESTS["W1"]))[1]
            for name, server in SERVERS.items()
        }
        for figure, request in REQUESTS.items():
            yield from _figure(figure, request, ports, rounds, seconds)


def _figure(
    figure: str, request: bytes, ports: dict[str, int], rounds: int, seconds: float
) -> Iterator[Figure]:
    sent = {
        name: request.replace(b" /tasks ", b" %s " % server.packed_path)
        if figure == "W4"
        else request
        for name, server in SERVERS.items()
        if figure in server.goals
    }
    for name, each in sent.items():  # warm
        requests_per_second(ports[name], each, seconds / 3)
    rates: dict[str, list[float]] = {name: [] for name in sent}
    for _ in range(rounds):
        for name, each in sent.items():
            rates[name].append(requests_per_second(ports[name], each, seconds))
    medians = {name: sorted(found)[rounds // 2] for name, found in rates.items()}
    print(f"# {figure}: " + ", ".join(f"{name} {rate:,.0f}/s" for name, rate in medians.items()))
    for name in sent:
        if name != OURS:
            yield Figure(figure, name, ratio(rates[OURS], rates[name]), SERVERS[name].goals[figure])
