"""What type checkers know of a model class: read by mypy, never run."""

from datetime import datetime
from typing import assert_type

from bahamut.elemental import Identity, Model, attribute


class Task(Model, identity=Identity("task", "tasks")):
    id: str = attribute(default="", wire="ID", identifier=True)
    title: str = attribute(default="", required=True)
    due: datetime | None = attribute(default=None)
    tags: list[str] = attribute(default=None)


task = Task(title="milk", tags=["a"])
assert_type(task.title, str)
assert_type(task.due, datetime | None)
assert_type(task.copy(), Task)
assert_type(Task.from_wire({}), Task)
Task(nope=1)  # type: ignore[call-arg]
Task(title=1)  # type: ignore[arg-type]
