"""`Losses`: counts and logs the events that are dropped."""

from __future__ import annotations

from collections import Counter
from typing import Any

from bahamut._kit.logs import LimitedLog, get_logger

log = get_logger(__name__)

UNREADABLE = "unreadable"
"""A publication holds no valid event."""
UNFIT = "unfit"
"""The object of an event cannot be put into the encoding of some sessions."""
FAILED = "failed"
"""The dispatch handler failed or took too long."""
OVERFLOW = "overflow"
"""Publications arrived faster than they could be dispatched."""
INVALID = "invalid"
"""An event handed to `push` or `direct_push` holds no valid object."""
UNPUBLISHED = "unpublished"
"""An event could not be published."""


class Losses:
    """Counts dropped events by reason, and logs at most one line per second.

    Args:
        metrics: told of each, if it has a method ``count_dropped_events(reason, count)``.
    """

    __slots__ = ("_log", "_tell", "counts")

    def __init__(self, metrics: Any = None) -> None:
        self._tell = getattr(metrics, "count_dropped_events", None)
        self._log = LimitedLog(log, "Dropped events")
        self.counts: Counter[str] = Counter()
        """Events by reason."""

    def count(self, reason: str, count: int = 1) -> None:
        """Count events that are dropped, for one of the reasons above."""
        self.counts[reason] += count
        if self._tell is not None:
            try:
                self._tell(reason, count)
            except Exception as error:  # noqa: BLE001 - logged; dispatching goes on without
                self._log.write("The metrics manager failed", exc_info=error)

    def drop(self, reason: str, text: str, *args: Any, exc_info: Any = None) -> None:
        """Count one event that is dropped, and log why."""
        self.count(reason)
        self._log.write(text, *args, exc_info=exc_info)

    def warn(self, text: str, *args: Any, exc_info: Any = None) -> None:
        """Log why one session does not get an event; others may."""
        self._log.write(text, *args, exc_info=exc_info)
