"""The recordings of the living fork, and the marks of newer decisions in the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bahamut import (
    AuthAction,
    Context,
    ForbiddenError,
    check_authorization,
    new_default_cors_controller,
)
from bahamut.auth.simple import new_authorizer
from bahamut.elemental import Identity, Operation, RawRequest, Request
from tests.golden import marks

LIVING = Path(marks.__file__).parent / "data" / "living"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (LIVING / f"{name}.jsonl").read_text().splitlines()]


def request_for(operation: str, namespace: str) -> Request:
    request = Request()
    request.operation = Operation(operation)
    request.identity = Identity("thing", "things")
    request.namespace = namespace
    return request


async def refuse(_ctx: Context) -> AuthAction:
    return AuthAction.KO


@pytest.mark.parametrize("row", rows("forbidden"), ids=lambda row: row["case"])
@pytest.mark.asyncio
async def test_x46_the_403_of_an_authorizer_is_the_living_forks(row: dict[str, Any]) -> None:
    request = request_for(row["input"]["operation"], row["input"]["namespace"])
    with pytest.raises(ForbiddenError) as raised:
        await check_authorization([new_authorizer(refuse)], Context(request))
    error, expected = raised.value, row["fork"]["error"]
    if not request.namespace:  # X46: without a namespace the text ends after the category
        expected["description"] = expected["description"].removesuffix(" in namespace ''")
    assert json.loads(json.dumps(error.to_json())) == expected


@pytest.mark.asyncio
async def test_x46_an_authorizer_that_raises_keeps_its_words() -> None:
    async def fail(_ctx: Context) -> AuthAction:
        raise ForbiddenError("Not on Sundays")

    with pytest.raises(ForbiddenError, match="Not on Sundays"):
        await check_authorization([new_authorizer(fail)], Context(request_for("create", "/a")))


@pytest.mark.parametrize("row", rows("cors"), ids=lambda row: row["case"])
def test_x64_wildcards_are_the_living_forks_behind_https(row: dict[str, Any]) -> None:
    given, origin = row["input"], row["input"]["request_origin"]
    if any(other.count(".") < 2 for other in given["additional"]):  # X64: *.bar is refused
        with pytest.raises(ValueError, match="wildcard"):
            new_default_cors_controller(given["origin"], given["additional"])
        return
    controller = new_default_cors_controller(given["origin"], given["additional"])
    policy = controller.policy_for_request(RawRequest("GET", "/"))
    assert policy is not None
    # X64: a wildcard without a scheme means https; what else the fork let in is not there.
    recorded = row["fork"] if origin.startswith("https://") else row["original"]
    expected = {name: values[0] for name, values in recorded["headers"].items()}
    expected["Vary"] = "Origin"  # X13
    assert dict(policy.headers(origin, preflight=given["preflight"])) == expected
    assert policy.names(origin) is origin.startswith("https://")


@pytest.mark.parametrize("path", sorted(marks.REST.glob("*.json")), ids=lambda path: path.stem)
def test_recordings_are_marked_by_the_rules_of_their_decisions(path: Path) -> None:
    exchanges = json.loads(path.read_text())["exchanges"]
    marked = [
        (index, exchange["decision"], exchange["ours"])
        for index, exchange in enumerate(exchanges)
        if exchange.get("decision") in marks.RULES
    ]
    changed = list(marks.marks(exchanges))
    assert all(mark in marked for mark in changed)
    # Marks of older decisions also came with the recordings.
    newer = [mark for mark in marked if int(mark[1].removeprefix("X")) >= 46]
    assert all(mark in changed for mark in newer)
