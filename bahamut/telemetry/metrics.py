"""`MetricsManager`: what counts and times requests and connections."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

FinishMeasurementFunc = Callable[[int, Any], float]
"""Ends a measurement: gets the status and the span, or None; returns the seconds it took."""


@runtime_checkable
class MetricsManager(Protocol):
    """Counts and times (Go: MetricsManager).

    Two more methods are called if the manager has them:

    - ``count_missed_events(reason, count)`` counts the events that websockets do not get because
      their clients read too slowly (decision X18); *reason* is ``dropped``, or ``conflated`` when a
      newer event has taken their place.
    - ``count_dropped_events(reason, count)`` counts the events that nobody gets; *reason* is one of
      `bahamut.push.losses`.
    """

    def measure_request(self, method: str, url: str) -> FinishMeasurementFunc:
        """Begin to measure a request; *url* is its route, never a path that a client chose."""
        ...

    def register_ws_connection(self) -> None:
        """A websocket was opened."""
        ...

    def unregister_ws_connection(self) -> None:
        """A websocket was closed."""
        ...

    def register_tcp_connection(self) -> None:
        """A connection was accepted."""
        ...

    def unregister_tcp_connection(self) -> None:
        """A connection was closed."""
        ...

    def write(self, accept: str = "") -> tuple[str, bytes]:
        """Return content type and text of the exposition.

        Args:
            accept: the header of who asks; it may prefer a format.
        """
        ...
