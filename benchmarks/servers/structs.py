"""The task as msgspec knows it, each attribute validated."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from benchmarks.work import PATTERN, STATUSES

Short = Annotated[str, msgspec.Meta(max_length=64)]


class Task(msgspec.Struct, kw_only=True):
    title: Annotated[str, msgspec.Meta(max_length=64, pattern=PATTERN)]
    id: str = msgspec.field(default="", name="ID")
    create_time: datetime | None = msgspec.field(default=None, name="createTime")
    description: Annotated[str, msgspec.Meta(max_length=512)] = ""
    done: bool = False
    owner: Short = ""
    priority: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    status: Literal[STATUSES] = "TODO"
    tags: list[str] = []
    update_time: datetime | None = msgspec.field(default=None, name="updateTime")
