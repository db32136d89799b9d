"""A: an aiohttp application on uvloop that loops over ``await ws.send_str(text)``."""

import asyncio
import sys

import uvloop
from aiohttp import web

from benchmarks.servers.control import event, listen, wanted

sessions: dict[web.WebSocketResponse, set[str]] = {}


async def events(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse(compress=False)
    await ws.prepare(request)
    sessions[ws] = set()
    try:
        async for message in ws:
            sessions[ws] = wanted(message.data)
    finally:
        del sessions[ws]
    return ws


async def publish(titles: list[str]) -> None:
    for title in titles:
        text = event(title).decode()
        for ws, names in list(sessions.items()):
            if not names or "task" in names:
                await ws.send_str(text)


async def main(port: int) -> None:
    app = web.Application()
    app.router.add_get("/events", events)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await listen(port + 1, publish)
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(int(sys.argv[1])))
