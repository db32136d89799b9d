"""Timing inside one process: short bursts of each contestant in turn, and the median of ratios."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

BURST = 0.02
"""Seconds."""


def microseconds(
    contestants: Mapping[str, Callable[[int], None]], seconds: float
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return the median time of one call by contestant, and its times by round.

    Args:
        contestants: by name, functions that do their work as many times as they are told.
        seconds: for all of them together.
    """
    counts = {name: _count(run) for name, run in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in contestants}
    end = time.perf_counter() + seconds
    gc.collect()
    while time.perf_counter() < end or len(next(iter(times.values()))) < 5:
        for name, run in contestants.items():
            begin = time.perf_counter()
            run(counts[name])
            times[name].append((time.perf_counter() - begin) / counts[name] * 1e6)
    return {name: median(found) for name, found in times.items()}, times


def _count(run: Callable[[int], None]) -> int:
    """Return how many calls make a burst."""
    count = 1
    while True:
        begin = time.perf_counter()
        run(count)
        spent = time.perf_counter() - begin
        if spent > BURST / 2:
            return max(1, int(count * BURST / spent))
        count *= 4


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median ratio of two contestants, round by round."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))
