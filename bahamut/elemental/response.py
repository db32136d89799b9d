"""`RawResponse`: an answer as HTTP has it, in plain values."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RawResponse:
    """What a door writes to its client."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    writer: Any = None
    """Writes the answer by hand instead: gets a stream, returns the status."""
