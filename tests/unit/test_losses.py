"""Events that are lost are counted and logged, and stop nothing."""

from __future__ import annotations

import bahamut
import pytest
from bahamut.push.losses import INVALID, OVERFLOW, Losses
from bahamut.push.outgoing import Models
from bahamut.push.publisher import Publisher
from tests.integration.support import Note


class Failing:
    def count_dropped_events(self, reason: str, count: int) -> None:
        raise RuntimeError("of a user")


@pytest.mark.asyncio
async def test_a_metrics_manager_that_fails_does_not_stop_what_counts(caplog) -> None:
    losses = Losses(Failing())
    losses.count(OVERFLOW, 3)
    losses.drop(INVALID, "an event is lost")
    assert losses.counts == {OVERFLOW: 3, INVALID: 1}
    assert "The metrics manager failed" in caplog.messages


@pytest.mark.asyncio
async def test_an_object_whose_encoding_fails_is_a_lost_event_and_no_failed_operation(
    caplog, monkeypatch
) -> None:
    option = bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events")
    publisher = Publisher(bahamut.new(option).config, Models({}))

    def fail(*_: object) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    monkeypatch.setattr("bahamut.push.publisher._event", fail)
    await publisher.push_object("create", Note(text="milk"))
    assert publisher.lost == 1
    assert "A create event of" in caplog.text
