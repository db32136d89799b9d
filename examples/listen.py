"""Prints the events of an API: ``python examples/listen.py ws://127.0.0.1:8080/events``."""

import asyncio
import json
import sys

import aiohttp

WANTED = {
    "identities": {"task": ["create", "update"], "list": []},
    "filters": {"task": "status == TODO"},
}


async def main(url: str) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_json(WANTED)
        async for message in socket:
            event = json.loads(message.data)
            print(event["type"], event["identity"], event["entity"], flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:] or ["ws://127.0.0.1:8080/events"]))
