"""B: the library websockets and its ``broadcast``, on uvloop."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from benchmarks.servers.control import event, listen, wanted

sessions: dict[ServerConnection, set[str]] = {}


async def events(ws: ServerConnection) -> None:
    sessions[ws] = set()
    try:
        async for message in ws:
            sessions[ws] = wanted(message)
    finally:
        del sessions[ws]


async def publish(titles: list[str]) -> None:
    for title in titles:
        text = event(title).decode()
        broadcast([ws for ws, names in sessions.items() if not names or "task" in names], text)


async def main(port: int) -> None:
    async with serve(events, "127.0.0.1", port, compression=None, backlog=1024):
        await listen(port + 1, publish)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
