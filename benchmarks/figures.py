"""Figures: what was measured beside whom, the goal, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement as a ratio."""

    figure: str
    beside: str
    """Whom or what it is compared with."""
    ratio: float
    """Ours by theirs."""
    goal: float | None
    """None for what is only watched."""
    better: str = "higher"

    @property
    def is_reached(self) -> bool:
        if self.goal is None:
            return True
        return self.ratio >= self.goal if self.better == "higher" else self.ratio <= self.goal

    def __str__(self) -> str:
        goal = "watched"
        if self.goal is not None:
            sign = "at least" if self.better == "higher" else "at most"
            goal = f"{sign} {self.goal:g}: {'reached' if self.is_reached else 'MISSED'}"
        return f"{self.figure:34} beside {self.beside:24} {self.ratio:7.2f}   {goal}"


def show(figures: Iterable[Figure]) -> None:
    """Print figures, one in a line."""
    for figure in figures:
        print(figure)


def write(path: Path, figures: Iterable[Figure]) -> None:
    """Write figures as a list of JSON objects."""
    rows = [{**asdict(figure), "ratio": round(figure.ratio, 4)} for figure in figures]
    path.write_text(json.dumps(rows, indent=1) + "\n")
