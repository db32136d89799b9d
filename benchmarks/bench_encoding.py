"""Objects to bytes and back, beside dataclasses with orjson, and beside msgspec's structs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import msgspec
import orjson
from bahamut.elemental import decode_into, encode

from benchmarks.figures import Figure
from benchmarks.servers.ours import Task
from benchmarks.servers.structs import Task as Struct
from benchmarks.timing import microseconds, ratio
from benchmarks.work import NEW_JSON, NEW_MSGPACK, TASKS

JSON, MSGPACK = "application/json", "application/msgpack"


@dataclass(slots=True, kw_only=True)
class Plain:
    ID: str = ""
    createTime: datetime | None = None
    description: str = ""
    done: bool = False
    owner: str = ""
    priority: int = 1
    status: str = "TODO"
    tags: list[str] = field(default_factory=list)
    title: str = ""
    updateTime: datetime | None = None


NAMES = [each.name for each in fields(Plain)]


def _as_dict(given: Plain) -> dict[str, Any]:
    return {name: getattr(given, name) for name in NAMES}


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield encoding of one and of a hundred, and decoding with validation, both encodings."""
    ours = [Task.from_wire(values) for values in TASKS]
    structs = [msgspec.convert(values, Struct) for values in TASKS]
    plain = [Plain(**values) for values in TASKS]
    to_json, to_msgpack = msgspec.json.Encoder(), msgspec.msgpack.Encoder()
    from_json, from_msgpack = msgspec.json.Decoder(Struct), msgspec.msgpack.Decoder(Struct)

    def decoded(encoding: str, data: bytes) -> None:
        task = Task()
        decode_into(encoding, data, task)
        task.validate()

    cases: dict[str, tuple[dict[str, Callable[[], Any]], dict[str, float | None]]] = {
        "JSON of 1": (
            {
                "ours": lambda: encode(JSON, ours[0]),
                "dataclass, orjson": lambda: orjson.dumps(_as_dict(plain[0])),
                "msgspec": lambda: to_json.encode(structs[0]),
            },
            {"dataclass, orjson": 1.2, "msgspec": None},
        ),
        "JSON of 100": (
            {
                "ours": lambda: encode(JSON, ours),
                "dataclass, orjson": lambda: orjson.dumps([_as_dict(each) for each in plain]),
                "msgspec": lambda: to_json.encode(structs),
            },
            {"dataclass, orjson": 1.5, "msgspec": None},
        ),
        "MessagePack of 100": (
            {
                "ours": lambda: encode(MSGPACK, ours),
                "msgspec": lambda: to_msgpack.encode(structs),
            },
            {"msgspec": None},
        ),
        "JSON to a valid object": (
            {
                "ours": lambda: decoded(JSON, NEW_JSON),
                "msgspec": lambda: from_json.decode(NEW_JSON),
            },
            {"msgspec": None},
        ),
        "MessagePack to a valid object": (
            {
                "ours": lambda: decoded(MSGPACK, NEW_MSGPACK),
                "msgspec": lambda: from_msgpack.decode(NEW_MSGPACK),
            },
            {"msgspec": None},
        ),
    }
    for name, (contestants, goals) in cases.items():
        medians, times = microseconds(
            {who: _repeated(work) for who, work in contestants.items()}, 0.6 if is_quick else 4.0
        )
        print(f"# {name}: " + ", ".join(f"{who} {t:.2f} µs" for who, t in medians.items()))
        for who, goal in goals.items():
            yield Figure(f"encoding, {name}", who, ratio(times[who], times["ours"]), goal)


def _repeated(work: Callable[[], Any]) -> Callable[[int], None]:
    def repeat(times: int) -> None:
        for _ in range(times):
            work()

    return repeat
