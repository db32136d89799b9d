"""`Connections`: the open connections of one site, and what is asked of them."""

from dataclasses import dataclass

from bahamut.telemetry.metrics import MetricsManager


@dataclass(slots=True)
class Connections:
    """How many connections there may be, how patient they are, and who counts them."""

    maximum: int = 0
    """0 for no limit."""
    header_timeout: float = 0.0
    """Seconds within which the headers of a request must come; 0 for no limit."""
    write_timeout: float = 0.0
    """Seconds for which a client may leave unread what is written to it; 0 for no limit."""
    metrics: MetricsManager | None = None
    open: int = 0

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
