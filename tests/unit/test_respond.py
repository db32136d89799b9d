"""Answers encoded in pieces: what processors do meanwhile must not change them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgpack
import orjson
import pytest
from bahamut import respond
from bahamut.elemental.encoding import JSON, MSGPACK
from bahamut.elemental.operations import Operation
from bahamut.elemental.request import Request
from multidict import CIMultiDict
from tests.integration.support import Note

COUNT = 1000
DECODE = {JSON: orjson.loads, MSGPACK: msgpack.unpackb}


def _grow(items: list[Any]) -> None:
    items.append(Note(text="new"))


def _shrink(items: list[Any]) -> None:
    del items[10:]


@pytest.mark.asyncio
@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
@pytest.mark.parametrize("change", [_grow, _shrink, list.clear])
async def test_a_list_that_changes_while_it_is_encoded_is_answered_as_it_was(
    monkeypatch: pytest.MonkeyPatch, encoding: str, change: Callable[[list[Any]], None]
) -> None:
    monkeypatch.setattr(respond, "is_overdue", lambda _since: True)  # as if each piece were long
    request = Request(operation=Operation.RETRIEVE_MANY, accept=encoding)
    items = [Note(text=str(index)) for index in range(COUNT)]
    encoding_it = asyncio.create_task(respond._encoded_list(request, items))
    await asyncio.sleep(0)
    assert not encoding_it.done()
    change(items)
    found = DECODE[encoding](await encoding_it)
    assert [note["text"] for note in found] == [str(index) for index in range(COUNT)]


@pytest.mark.asyncio
async def test_the_fields_that_a_client_names_are_read_once_for_a_long_list() -> None:
    read = list[str]()

    class Headers(CIMultiDict[str]):
        def getall(self, key: str, default: Any = ()) -> Any:
            read.append(key)
            return super().getall(key, default)

    headers = Headers({"X-Fields": ",".join(f"f{index}" for index in range(100)) + ", text"})
    request = Request(operation=Operation.RETRIEVE_MANY, accept=JSON, headers=headers)
    items = [Note(text=str(index)) for index in range(COUNT)]
    found = orjson.loads(await respond._encoded_list(request, items))
    assert found == [{"text": str(index)} for index in range(COUNT)]
    assert read == ["X-Fields"]
