"""The recorded scripts that a decision overrules, played as the decision has it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from tests.golden.decided import decided, left_out, replay_push
from tests.golden.server import VARIANTS
from tests.integration.support import running

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

OPTIONS = SimpleNamespace(exact=False, settle=0)
IGNORED = replay_push.ALWAYS_IGNORED | replay_push.FRAMING


class Player(replay_push.Player):
    """Keeps what it has to complain of."""

    def __init__(self, port: int) -> None:
        super().__init__(SimpleNamespace(port=port), OPTIONS, IGNORED)
        self.complaints: list[str] = []

    def complain(self, sentence: str) -> None:
        self.complaints.append(f"step {self.index}: {sentence}")


@pytest.mark.parametrize("script", left_out(), ids=lambda s: f"{s['decision']}-{s['name']}")
async def test_an_overruled_session_goes_as_decided(script):
    server = VARIANTS[script["variant"]](0)
    async with running(server):
        player = Player(server.addresses[0][1])
        await asyncio.to_thread(player.play, list(decided(script)))
    assert not player.complaints
