"""Plain processors in worker threads: how many, and what a slow one holds up (E18, G5)."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
import bahamut
import pytest
from bahamut import AuthAction
from bahamut.web import compress
from tests.decorators import bare, wrapped
from tests.integration.support import Note, Notes, serving

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]
ROOT = Path(__file__).parents[2]


def both(function: Any) -> Any:
    return wrapped(bare(wrapped(function)))


@pytest.mark.parametrize("decorate", [wrapped, bare, both])
async def test_g5_a_coroutine_processor_behind_a_decorator_is_awaited(decorate: Any) -> None:
    class Decorated(Notes):
        process_create = decorate(Notes.process_create)

    async with serving(processor=Decorated()) as port, aiohttp.ClientSession() as client:
        answer = await client.post(f"http://127.0.0.1:{port}/notes", json={"text": "milk"})
        assert (answer.status, (await answer.json())["ID"]) == (200, "1")


async def test_g5_a_coroutine_processor_behind_functools_wraps_runs_on_the_loop() -> None:
    threads = list[int]()

    class Decorated(Notes):
        @wrapped
        async def process_retrieve_many(self, _ctx: bahamut.Context) -> None:
            threads.append(threading.get_ident())

        def process_retrieve(self, _ctx: bahamut.Context) -> None:
            threads.append(threading.get_ident())

    async with serving(processor=Decorated()) as port, aiohttp.ClientSession() as client:
        await client.get(f"http://127.0.0.1:{port}/notes")
        await client.get(f"http://127.0.0.1:{port}/notes/1")
    assert threads[0] == threading.get_ident() != threads[1]


async def test_g5_guards_and_routes_behind_decorators_are_awaited() -> None:
    asked = list[str]()

    class Guard:
        @wrapped
        async def is_authorized(self, _ctx: bahamut.Context) -> AuthAction:
            asked.append("authorizer")
            return AuthAction.OK

    @wrapped
    async def root(_request: Any) -> aiohttp.web.Response:
        return aiohttp.web.Response(text="root")

    options = [bahamut.opt_authorizers([Guard()]), bahamut.opt_custom_root_handler(root)]
    async with serving(*options) as port, aiohttp.ClientSession() as client:
        assert (await client.get(f"http://127.0.0.1:{port}/notes")).status == 200
        answer = await client.get(f"http://127.0.0.1:{port}/")
        assert await answer.text() == "root"
    assert asked == ["authorizer"]


class Blocking(Notes):
    """Blocks worker threads until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = [Note(id="1", text="x" * 100, body="y" * 2 * compress.IN_EXECUTOR)]
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def process_retrieve(self, ctx: bahamut.Context) -> None:
        self.begun.release()
        assert self.go_on.wait(30)
        ctx.output_data = self.kept[0]


async def test_e18_what_waits_for_a_worker_thread_is_bounded() -> None:
    blocking = Blocking()
    option = bahamut.opt_worker_threads(2, 3)
    async with (
        serving(option, processor=blocking) as port,
        aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
        ) as client,
    ):
        asking = {asyncio.create_task(client.get("/notes/1")) for _ in range(8)}
        for _ in range(2):
            await asyncio.to_thread(blocking.begun.acquire)
        refused, waiting = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        while len(waiting) > 5:
            more, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            refused |= more
        for answer in [task.result() for task in refused]:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
            assert (await answer.json())[0]["title"] == "Service Unavailable"
        # Coroutine processors go on, and what they answer is compressed.
        answer = await client.get("/notes", headers={"Accept-Encoding": "gzip"})
        assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
        await answer.read()
        blocking.go_on.set()
        for answer in [await task for task in waiting] + [await client.get("/notes/1")]:
            assert answer.status == 200
            await answer.read()


async def test_e18_an_answer_that_cannot_be_compressed_soon_is_sent_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = compress.Workers("full", maximum=0, waiting=0)
    monkeypatch.setattr(compress, "_WORKERS", pool)
    headers = {"Accept-Encoding": "gzip"}
    async with serving(processor=Blocking()) as port, aiohttp.ClientSession() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/notes", headers=headers)
        assert answer.status == 200
        assert "Content-Encoding" not in answer.headers
        assert answer.headers["Vary"] == "Accept-Encoding"
        await answer.read()


PROGRAM = """
import sys, time
import bahamut
from tests.integration.support import Note, registry

class Sleeps:
    def process_retrieve_many(self, ctx):
        print("begun", flush=True)
        time.sleep(60)

async def started(server):
    print(server.addresses[0][1], flush=True)

server = bahamut.new(
    bahamut.opt_rest_server("127.0.0.1:0"),
    bahamut.opt_model({0: registry()}),
    bahamut.opt_shutdown_timeout(0.5),
    bahamut.opt_post_start_hook(started),
)
server.register_processor(Sleeps(), Note.IDENTITY)
bahamut.run(server)
print("ended", flush=True)
"""


async def test_e18_a_plain_processor_that_sleeps_does_not_hold_up_the_exit() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as client:
            port = int(await process.stdout.readline())
            asking = asyncio.create_task(client.get(f"http://127.0.0.1:{port}/notes"))
            assert await process.stdout.readline() == b"begun\n"
            process.send_signal(signal.SIGTERM)
            assert await process.stdout.readline() == b"ended\n"
            assert await process.wait() == 0
            with pytest.raises(aiohttp.ClientError):
                await asking
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_e18_a_plain_processors_context_and_errors_are_its_own() -> None:
    class Raises(Notes):
        def process_retrieve(self, ctx: bahamut.Context) -> None:
            match ctx.request.object_id:
                case "stop":
                    raise StopIteration
                case "cancel":
                    raise asyncio.CancelledError
            raise bahamut.NotFoundError

    async with serving(processor=Raises()) as port, aiohttp.ClientSession() as client:
        for name, status in {"stop": 500, "cancel": 500, "other": 404}.items():
            answer = await client.get(f"http://127.0.0.1:{port}/notes/{name}")
            assert (answer.status, json.loads(await answer.text())[0]["code"]) == (status, status)
