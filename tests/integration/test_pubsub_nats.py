"""The client of NATS, with a real server."""

from __future__ import annotations

import functools

import pytest
from bahamut.pubsub import new_nats_pubsub_client
from bahamut.testing.conformance import pubsub
from tests.integration.nats_support import NATSServer


@pytest.mark.asyncio
@pytest.mark.parametrize("check", pubsub.CHECKS, ids=lambda check: check.__name__)
async def test_conformance(check):
    async with NATSServer() as server:
        await check(functools.partial(new_nats_pubsub_client, server.url))
