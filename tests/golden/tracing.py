"""A tracer that records its spans: the n-th span prints as ``traceN:N:0:1``."""

from __future__ import annotations

from typing import Any

from bahamut.elemental import Error, Errors


class RecordingSpan:
    """One span, and what was said of it."""

    def __init__(self, tracer: RecordingTracer, name: str, number: int, tags: Any) -> None:
        self.tracer = tracer
        self.name = name
        self.number = number
        self.tags = dict(tags or {})
        self.logs: list[list[Any]] = []

    def __str__(self) -> str:
        return f"trace{self.number}:{self.number}:0:1"

    def set_tag(self, key: str, value: Any) -> RecordingSpan:
        self.tags[key] = value
        return self

    def log_kv(self, values: dict[str, Any], timestamp: float | None = None) -> RecordingSpan:
        self.logs += [[key, shown(key, value)] for key, value in values.items()]
        return self

    def finish(self, finish_time: float | None = None) -> None:
        self.tracer.finished.append(self)


class RecordingTracer:
    """Keeps finished spans until they are taken."""

    def __init__(self) -> None:
        self.count = 0
        self.finished: list[RecordingSpan] = []

    def start_span(self, operation_name: str, child_of: Any = None, tags: Any = None, **_: Any):
        self.count += 1
        return RecordingSpan(self, operation_name, self.count, tags)

    def extract(self, format: str, carrier: Any) -> Any:  # noqa: A002 - OpenTracing's name
        return None

    def take(self) -> list[dict[str, Any]]:
        spans, self.finished = self.finished, []
        return [
            {
                "logs": span.logs,
                "name": span.name,
                "span": str(span),
                "tags": {key: shown(key, value) for key, value in span.tags.items()},
            }
            for span in spans
        ]


def shown(key: str, value: Any) -> Any:
    if key == "req.id":
        return "(random)"
    if key == "stack":
        return "(stack)"
    if isinstance(value, Error | Errors | BaseException):
        return str(value)
    return value
