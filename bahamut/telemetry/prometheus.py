"""The Prometheus metrics manager.

The names, labels and help texts are the original's, but for two differences: `url` is the route,
so that no client can invent values, and there is no `trace` label, which would grow for ever: the
trace of a request is an exemplar of its count (decision X28). Python's client has no quantiles;
durations are a histogram, from which quantiles are computed where they are asked for.
"""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    exposition,
)
from prometheus_client.openmetrics import exposition as openmetrics

from bahamut.telemetry.metrics import FinishMeasurementFunc
from bahamut.telemetry.tracing import trace_id

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""


class PrometheusMetricsManager:
    """Counts and times for Prometheus (Go: NewPrometheusMetricsManager).

    Args:
        registry: where the metrics live; its own one without, with what there is to say of the
            process.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        if registry is None:
            registry = CollectorRegistry()
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
            GCCollector(registry=registry)
        self.registry = registry
        self._requests = Counter(
            "http_requests_total",
            "The total number of requests.",
            ("method", "url", "code"),
            registry=registry,
        )
        self._durations = Histogram(
            "http_requests_duration_seconds",
            "The average duration of the requests",
            ("method", "url"),
            buckets=BUCKETS,
            registry=registry,
        )
        self._errors = Counter(
            "http_errors_5xx_total",
            "The total number of 5xx errors.",
            ("method", "url", "code"),
            registry=registry,
        )
        self._tcp_total = self._counter("tcp_connections_total", "TCP connection")
        self._tcp_current = self._gauge("tcp_connections_current", "TCP connection")
        self._ws_total = self._counter("http_ws_connections_total", "ws connection")
        self._ws_current = self._gauge("http_ws_connections_current", "ws connection")
        # Looking a child up by its labels costs more than all the rest.
        self._counted: dict[tuple[str, str, int], Any] = {}
        self._timed: dict[tuple[str, str], Any] = {}

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(name, f"The total number of {what}.", registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, f"The current number of {what}.", registry=self.registry)

    def measure_request(self, method: str, url: str) -> FinishMeasurementFunc:
        """Begin to measure a request; the function returned ends it."""
        begin = time.perf_counter()

        def finish(code: int, span: Any) -> float:
            seconds = time.perf_counter() - begin
            timed = self._timed.get((method, url))
            if timed is None:
                timed = self._timed[method, url] = self._durations.labels(method, url)
            timed.observe(seconds)
            counted = self._counted.get((method, url, code))
            if counted is None:
                counted = self._requests.labels(method, url, str(code))
                self._counted[method, url, code] = counted
            if span is None:
                counted.inc()
            else:
                counted.inc(exemplar={"trace_id": trace_id(span)[:64]})
            if code >= 500:
                self._errors.labels(method, url, str(code)).inc()
            return seconds

        return finish

    def register_ws_connection(self) -> None:
        """A websocket was opened."""
        self._ws_total.inc()
        self._ws_current.inc()

    def unregister_ws_connection(self) -> None:
        """A websocket was closed."""
        self._ws_current.dec()

    def register_tcp_connection(self) -> None:
        """A connection was accepted."""
        self._tcp_total.inc()
        self._tcp_current.inc()

    def unregister_tcp_connection(self) -> None:
        """A connection was closed."""
        self._tcp_current.dec()

    def write(self, accept: str = "") -> tuple[str, bytes]:
        """Return the exposition, in OpenMetrics if *accept* prefers it."""
        if "application/openmetrics-text" in accept:
            text: bytes = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return openmetrics.CONTENT_TYPE_LATEST, text
        return exposition.CONTENT_TYPE_LATEST, exposition.generate_latest(self.registry)


def new_prometheus_metrics_manager(
    registry: CollectorRegistry | None = None,
) -> PrometheusMetricsManager:
    """Return a metrics manager for Prometheus."""
    return PrometheusMetricsManager(registry)
