"""A token bucket, as Go's x/time/rate has it."""

import time
from collections.abc import Callable


class Bucket:
    """Refills at *limit* tokens a second up to *burst*; full at first.

    Args:
        limit: tokens a second.
        burst: tokens it holds.
        clock: seconds of a clock that never goes back.
    """

    __slots__ = ("_burst", "_clock", "_limit", "_seen", "_tokens")

    def __init__(
        self, limit: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._seen = clock()

    def take(self) -> float:
        """Take a token: return 0 when there was one, else the seconds until there is.

        Infinity stands for never.
        """
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._seen) * self._limit)
        self._seen = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        if self._limit <= 0 or self._burst < 1:
            return float("inf")
        return (1 - self._tokens) / self._limit
