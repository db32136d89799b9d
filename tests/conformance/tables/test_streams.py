"""encoding/stream.jsonl: objects read from streams and written to them."""

from __future__ import annotations

import io
from typing import Any

import pytest
from bahamut.elemental import DecodeError, make_stream_decoder, make_stream_encoder
from tests.conformance.tables.support import Tally, data_of, model_of, rows


class Trickle(io.BytesIO):
    """A stream that gives one byte at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(1)


def steps_of(row: dict[str, Any], stream: io.BytesIO) -> list[Any]:
    """Return what successive calls give, until the end or an error."""
    decode_next, dispose = make_stream_decoder(row["encoding"], stream)
    found: list[Any] = []
    while not found or isinstance(found[-1], dict):
        target = model_of(row["type"])()
        try:
            decode_next(target)
            found.append({"name": target.name, "priority": target.priority})
        except EOFError:
            found.append("end")
        except DecodeError:
            found.append("error")
    dispose()
    with pytest.raises(ValueError, match="disposed"):
        decode_next(model_of(row["type"])())
    return found


def recorded(step: dict[str, Any]) -> Any:
    if "error" in step:
        return "end" if step["eof"] else "error"
    return step


def stricter(row: dict[str, Any], ours: Any) -> str | None:
    """X35: a value that is cut short, or no object, is an error and not the end."""
    return "X35" if ours[-1] == "error" and "error" in row["steps"][-1] else None


def test_stream() -> None:
    tally = Tally("encoding/stream.jsonl")
    for row in rows("encoding/stream.jsonl"):
        if row["group"] == "encode":
            stream = io.BytesIO()
            write, dispose = make_stream_encoder(row["encoding"], stream)
            for name in row["names"]:
                write(model_of(row["type"])(name=name))
            dispose()
            with pytest.raises(ValueError, match="disposed"):
                write("x")
            assert row["output"], row
            tally.add(row, stream.getvalue(), data_of(row["output"]))
            continue
        data = data_of(row["input"])
        ours = steps_of(row, io.BytesIO(data))
        assert steps_of(row, Trickle(data)) == ours
        tally.add(row, ours, [recorded(step) for step in row["steps"]], stricter)
    tally.close()
