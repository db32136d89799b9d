"""The Prometheus metrics manager.

The names, labels and help texts are the original's, but for two differences: `url` is the route,
so that no client can invent values, and there is no `trace` label, which would grow for ever: the
trace of a request is an exemplar of its count (decision X28). Python's client has no quantiles;
durations are a histogram, from which quantiles are computed where they are asked for.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
    exposition,
)
from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    HistogramMetricFamily,
)
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.utils import floatToGoString

from bahamut.telemetry.metrics import FinishMeasurementFunc
from bahamut.telemetry.tracing import trace_id

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
_BY_CODE = ("method", "url", "code")


class _Route:
    """What was counted of one method and route, in plain numbers."""

    __slots__ = ("buckets", "codes", "exemplars", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.codes: dict[int, int] = defaultdict(int)
        """How many, by status."""
        self.exemplars: dict[int, Exemplar] = {}
        """The last request that was traced, by status."""


class PrometheusMetricsManager:
    """Counts and times for Prometheus (Go: NewPrometheusMetricsManager).

    Requests are counted in plain numbers, which become metrics when somebody asks for them: that
    costs a request a third of what the library's own counters do. Use it on one event loop.

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
        self._routes: dict[tuple[str, str], _Route] = {}
        registry.register(self)
        self._tcp_total = self._counter("tcp_connections_total", "TCP connection")
        self._tcp_current = self._gauge("tcp_connections_current", "TCP connection")
        self._ws_total = self._counter("http_ws_connections_total", "ws connection")
        self._ws_current = self._gauge("http_ws_connections_current", "ws connection")
        self._missed = Counter(
            "push_events_missed_total",
            "The total number of events that slow clients did not get.",
            ("reason",),
            registry=self.registry,
        )
        self._dropped = Counter(
            "push_events_dropped_total",
            "The total number of events that were not published or not dispatched.",
            ("reason",),
            registry=self.registry,
        )

    def _counter(self, name: str, what: str) -> Counter:
        return Counter(name, f"The total number of {what}.", registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(name, f"The current number of {what}.", registry=self.registry)

    def measure_request(self, method: str, url: str) -> FinishMeasurementFunc:
        """Begin to measure a request; the function returned ends it."""
        begin = time.perf_counter()
        route = self._routes.get((method, url))
        if route is None:
            route = self._routes[method, url] = _Route()

        def finish(code: int, span: Any) -> float:
            seconds = time.perf_counter() - begin
            route.seconds += seconds
            route.buckets[bisect_left(BUCKETS, seconds)] += 1
            route.codes[code] += 1
            if span is not None:
                traced = {"trace_id": trace_id(span)[:64]}
                route.exemplars[code] = Exemplar(traced, 1.0, time.time())
            return seconds

        return finish

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of the requests; the registry calls this for an exposition."""
        requests = CounterMetricFamily(
            "http_requests", "The total number of requests.", labels=_BY_CODE
        )
        errors = CounterMetricFamily(
            "http_errors_5xx", "The total number of 5xx errors.", labels=_BY_CODE
        )
        durations = HistogramMetricFamily(
            "http_requests_duration_seconds",
            "The average duration of the requests",
            labels=("method", "url"),
        )
        for (method, url), route in list(self._routes.items()):
            for code, count in list(route.codes.items()):
                labels = dict(zip(_BY_CODE, (method, url, str(code)), strict=True))
                exemplar = route.exemplars.get(code)
                requests.add_sample("http_requests_total", labels, count, exemplar=exemplar)
                if code >= 500:
                    errors.add_metric((method, url, str(code)), count)
            counts = zip(
                (*map(floatToGoString, BUCKETS), "+Inf"), accumulate(route.buckets), strict=True
            )
            durations.add_metric((method, url), list(counts), route.seconds)
        yield from (requests, errors, durations)

    def count_missed_events(self, reason: str, count: int) -> None:
        """Clients of websockets did not get some events."""
        self._missed.labels(reason).inc(count)

    def count_dropped_events(self, reason: str, count: int) -> None:
        """Events were not published, or not dispatched."""
        self._dropped.labels(reason).inc(count)

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
