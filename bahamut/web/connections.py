"""`Connections`: how many are open, and how many may be."""

from __future__ import annotations

from bahamut.telemetry.metrics import MetricsManager


class Connections:
    """The open connections of one site: how many there may be, and who counts them."""

    def __init__(self, maximum: int, header_timeout: float, metrics: MetricsManager | None) -> None:
        self.maximum = maximum
        self.header_timeout = header_timeout
        self.metrics = metrics
        self.open = 0

    def enter(self) -> bool:
        """Count a connection, and tell whether there is room for it."""
        self.open += 1
        if self.metrics is not None:
            self.metrics.register_tcp_connection()
        return not self.maximum or self.open <= self.maximum

    def leave(self) -> None:
        """Count it out."""
        self.open -= 1
        if self.metrics is not None:
            self.metrics.unregister_tcp_connection()
