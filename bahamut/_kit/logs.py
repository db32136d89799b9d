"""Log lines about what strangers send: bounded in length, free of control characters, and few."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

MOST = 300
"""Characters of a line that are kept."""
WINDOW = 1.0
"""Seconds in which at most one line is written."""


def printable(text: str, most: int = MOST) -> str:
    """Return *text* on one line: control characters escaped, at most *most* characters kept."""
    kept = text[:most]
    if not kept.isprintable():
        kept = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in kept
        )
    return f"{kept}…" if len(text) > most else kept


class LimitedLog:
    """Writes at most one line per second; what was left out is counted in a line of its own.

    Args:
        log: where the lines go.
        what: what the lines are about, for the line that counts the others.
        level: of the lines.
    """

    __slots__ = ("_held", "_level", "_log", "_what", "_window")

    def __init__(self, log: logging.Logger, what: str, level: int = logging.ERROR) -> None:
        self._level = level
        self._log = log
        self._what = what
        self._held = 0
        self._window: asyncio.TimerHandle | None = None

    def write(self, text: str, *args: Any, exc_info: Any = None) -> None:
        """Log a line, or only count it if a line was written less than a second ago."""
        if self._window is not None:
            self._held += 1
            return
        self._log.log(self._level, "%s", printable(text % args), exc_info=exc_info)
        self._open()

    def _open(self) -> None:
        self._window = asyncio.get_running_loop().call_later(WINDOW, self._close)

    def _close(self) -> None:
        self._window = None
        if self._held:
            self._log.log(self._level, "%s: %d more within a second", self._what, self._held)
            self._held = 0
            self._open()
