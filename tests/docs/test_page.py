"""The page of `examples/todo` in a real browser, where there is one."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.docs.test_examples import OURS, free_port, running

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")


class Page:
    """A page that a browser shows, told what to do by the DevTools protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._seen: list[dict[str, Any]] = []

    async def _until(self, key: str, value: Any) -> dict[str, Any]:
        """Return the message with that value, and keep those before it."""
        while not (found := [each for each in self._seen if each.get(key) == value]):
            self._seen.append(await self._socket.receive_json())
        return found[0]

    async def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = len(self._seen)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return (await self._until("id", number))["result"]

    async def show(self, url: str) -> None:
        await self.tell("Page.enable")
        await self.tell("Page.navigate", url=url)
        await self._until("method", "Page.loadEventFired")

    async def value(self, expression: str) -> Any:
        found = await self.tell("Runtime.evaluate", expression=expression, awaitPromise=True)
        return found["result"].get("value")


@contextlib.asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Page]:
    process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            port = profile / "DevToolsActivePort"
            while not port.exists() or not port.read_text():  # noqa: ASYNC110 - it gives no sign
                await asyncio.sleep(0.05)
            async with session.get(
                f"http://127.0.0.1:{port.read_text().split()[0]}/json"
            ) as answer:
                (target,) = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"]) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        process.wait(20)


HEARD = """new Promise((done) => {
  const events = document.getElementById("events")
  const look = () => events.children.length && done(events.innerText)
  new MutationObserver(look).observe(events, {childList: true})
  look()
})"""
OPEN = """new Promise((done) => {
  const look = () => socket.readyState === WebSocket.OPEN && done(true)
  socket.addEventListener("open", look)
  look()
})"""


@pytest.mark.skipif(BROWSER is None, reason="there is no browser")
@pytest.mark.asyncio
async def test_the_page_shows_what_happens(tmp_path):
    port = free_port()
    with running(*(word.format(port=port) for word in OURS), port=port) as url:
        async with browser(tmp_path) as page, aiohttp.ClientSession() as session:
            await page.show(url)
            assert await page.value(OPEN)
            async with session.post(f"{url}/lists", json={"name": "groceries"}) as answer:
                assert answer.status == 200
            assert await page.value(HEARD) == "create list groceries"
