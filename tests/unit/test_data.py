"""What a data file may say of who lives under whom."""

from pathlib import Path
from typing import Any

import pytest
from bahamut import Context, CRUDProcessor
from bahamut.cli import UsageError, fill
from bahamut.elemental import Identity, Model, Operation, Registry, Request, attribute
from bahamut.manipulate import MemoryManipulator

pytestmark = pytest.mark.asyncio


class Folder(Model, identity=Identity("folder", "folders")):
    id: str = attribute(default="", wire="ID", identifier=True)


class Label(Model, identity=Identity("label", "labels")):
    id: str = attribute(default="", wire="ID", identifier=True)


REGISTRY = Registry([Folder, Label]).allow(Folder).allow(Label).allow(Folder, under=Folder)
BELOW_1 = {"parentType": "folder", "parentID": "1"}


async def filled(content: dict[str, Any]) -> MemoryManipulator:
    manipulator = MemoryManipulator()
    await fill(manipulator, REGISTRY, Path("data.json"), content)
    return manipulator


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"folder": [{"ID": "1", "parentID": {}}]}, "folder[0]: attribute 'parentID' must be a"),
        ({"folder": [{"ID": "1", "parentID": "2", "parentType": 5}]}, "'parentType' must be a"),
        (
            {"folder": [{"ID": "1"}], "label": [{"ID": "2", **BELOW_1}]},
            "label[0]: nothing of that name lives under a folder",
        ),
        ({"folder": [{"ID": "1", **BELOW_1}]}, "folder[0]: lives under itself"),
        (
            {
                "folder": [
                    {"ID": "1", "parentType": "folder", "parentID": "2"},
                    {"ID": "2", **BELOW_1},
                ]
            },
            "folder[0]: lives under itself",
        ),
    ],
)
async def test_parents_that_cannot_be_are_named(content: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        await filled(content)
    assert words in str(caught.value)


async def test_what_lives_deep_below_is_deleted_too() -> None:
    depth = 2000
    chain = [{"ID": "0"}] + [
        {"ID": str(n), "parentType": "folder", "parentID": str(n - 1)} for n in range(1, depth)
    ]
    manipulator = await filled({"folder": chain})
    assert await manipulator.count(Folder) == depth
    request = Request(operation=Operation.DELETE, identity=Folder.IDENTITY, object_id="1")
    await CRUDProcessor(manipulator, REGISTRY).process_delete(Context(request))
    assert await manipulator.count(Folder) == 1
