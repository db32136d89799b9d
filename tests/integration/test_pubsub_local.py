"""The client within one process."""

from __future__ import annotations

import pytest
from bahamut.pubsub import new_local_pubsub_client
from bahamut.testing.conformance import pubsub


@pytest.mark.asyncio
@pytest.mark.parametrize("check", pubsub.CHECKS, ids=lambda check: check.__name__)
async def test_conformance(check):
    await check(new_local_pubsub_client)
