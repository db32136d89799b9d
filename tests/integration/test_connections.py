"""Connections, on each of the three ways that a request can take through aiohttp."""

from __future__ import annotations

import asyncio
import contextvars

import bahamut
import pytest
from bahamut.web import connection, internals
from tests.integration.support import Notes, serving

GET = b"GET /notes HTTP/1.1\r\nHost: x\r\n\r\n"
SLOW = b"GET /notes?after=slow HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"text": "one"}'
POST = (
    b"POST /notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
)
seen: contextvars.ContextVar[str] = contextvars.ContextVar("seen", default="nothing")


@pytest.fixture(params=["short", "aiohttp's loop", "public names only"], autouse=True)
def way(request, monkeypatch):
    monkeypatch.setattr(internals, "IS_SHORT", request.param == "short")
    monkeypatch.setattr(internals, "IS_KNOWN", request.param != "public names only")
    return request.param


class Slow(Notes):
    """Lists that wait until they are let go, when the request says so."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()

    async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
        ctx.add_message(f"{seen.get()} {ctx.request.after}".strip())
        seen.set("another request's")
        if ctx.request.after:
            self.begun.set()
            await self.let_go.wait()
        await super().process_retrieve_many(ctx)


class Client:
    """One connection, and what comes over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers.get("Content-Length", 0)))
        return int(first.split()[1]), headers, body

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            rest = await self.reader.read()
        self.close()
        return rest == b""

    def close(self) -> None:
        self.writer.close()


pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_requests_one_after_the_other_and_in_one_go():
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        for written, answers in ((GET, 1), (GET * 3, 3), (POST + BODY, 1), (POST + BODY + GET, 2)):
            client.writer.write(written)
            assert [(await client.answer())[0] for _ in range(answers)] == [200] * answers
        client.close()


async def test_a_request_in_pieces():
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        for _ in range(2):
            for piece in (POST[:9], POST[9:], BODY[:4], BODY[4:]):
                client.writer.write(piece)
                await client.writer.drain()
            assert (await client.answer())[0] == 200
        client.close()


async def test_what_comes_while_another_is_served_waits_its_turn():
    processor = Slow()
    async with serving(processor=processor) as port:
        client = await Client.to(port)
        client.writer.write(SLOW)
        await processor.begun.wait()
        client.writer.write(GET + GET)
        await client.writer.drain()
        other = await Client.to(port)
        other.writer.write(GET)
        assert (await other.answer())[0] == 200
        processor.let_go.set()
        messages = [(await client.answer())[1]["X-Messages"] for _ in range(3)]
        assert messages == ["nothing slow", "nothing", "nothing"]
        client.close()
        other.close()


@pytest.mark.parametrize(
    "request_",
    [GET.replace(b"Host", b"Connection: close\r\nHost"), GET.replace(b"HTTP/1.1", b"HTTP/1.0")],
    ids=["close", "HTTP/1.0"],
)
async def test_a_client_that_wants_no_second_answer(request_):
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        client.writer.write(request_)
        assert (await client.answer())[0] == 200
        assert await client.is_closed()


async def test_nonsense_behind_a_request_ends_the_connection():
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        client.writer.write(GET)
        assert (await client.answer())[0] == 200
        client.writer.write(b"no HTTP\r\n\r\n")
        assert (await client.answer())[0] == 400
        assert await client.is_closed()


async def test_a_client_that_does_not_wait():
    processor = Slow()
    async with serving(processor=processor) as port:
        client = await Client.to(port)
        client.writer.write(SLOW)
        await processor.begun.wait()
        client.writer.transport.abort()
        other = await Client.to(port)
        other.writer.write(GET)
        assert (await other.answer())[0] == 200
        processor.let_go.set()
        other.writer.write(GET)
        assert (await other.answer())[0] == 200
        other.close()


async def test_an_idle_connection_is_closed_but_not_a_busy_one():
    processor = Slow()
    async with serving(bahamut.opt_timeouts(idle=0.2), processor=processor) as port:
        client = await Client.to(port)
        client.writer.write(GET)
        assert (await client.answer())[0] == 200
        client.writer.write(SLOW)
        await processor.begun.wait()
        await asyncio.sleep(0.6)  # three times what an idle connection is given
        processor.let_go.set()
        assert (await client.answer())[0] == 200
        assert await client.is_closed()


async def test_a_server_that_stops_answers_what_it_has_begun():
    processor = Slow()
    async with serving(processor=processor) as port:
        client, idle = await Client.to(port), await Client.to(port)
        idle.writer.write(GET)
        assert (await idle.answer())[0] == 200
        client.writer.write(SLOW)
        await processor.begun.wait()
        asyncio.get_running_loop().call_later(0.1, processor.let_go.set)
    assert (await client.answer())[0] == 200
    assert await client.is_closed()
    assert await idle.is_closed()


async def test_a_server_that_must_stop_does_not_wait_for_ever():
    processor = Slow()
    options = [bahamut.opt_shutdown_timeout(0.2)]
    async with asyncio.timeout(10):
        async with serving(*options, processor=processor) as port:
            client = await Client.to(port)
            client.writer.write(SLOW)
            await processor.begun.wait()
        assert await client.is_closed()


async def test_ordinary_operations_take_the_short_way_from_the_first_one_on(way, monkeypatch):
    served = []
    answer = connection.Handler._serve

    async def counted(handler, door, raw):
        served.append(raw.method)
        await answer(handler, door, raw)

    monkeypatch.setattr(connection.Handler, "_serve", counted)
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        for written in (GET, POST + BODY, GET):
            client.writer.write(written)
            assert (await client.answer())[0] == 200
        client.close()
    assert served == (["GET", "POST", "GET"] if way == "short" else [])


async def test_a_body_that_nobody_wants_is_not_in_the_way_of_the_next_request():
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        for size in (10, 200_000):
            refused = POST.replace(b"/notes", b"/nothing").replace(b"%d" % len(BODY), b"%d" % size)
            client.writer.write(refused + b"x" * size)
            assert (await client.answer())[0] == 404
            client.writer.write(GET)
            assert (await client.answer())[0] == 200
        client.close()


async def test_large_bodies_and_large_answers():
    text = b"x" * 300_000
    body = b'{"text": "one", "body": "%b"}' % text
    sized = POST.replace(b"%d" % len(BODY), b"%d" % len(body)) + body
    head, _, _ = POST.partition(b"Content-Length")
    chunks = [body[i : i + 50_000] for i in range(0, len(body), 50_000)]
    chunked = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        for request in (
            sized,
            head + b"Transfer-Encoding: chunked\r\n\r\n" + chunked + b"0\r\n\r\n",
        ):
            for behind, answers in ((b"", 1), (GET, 2)):
                client.writer.write(request + behind)
                for _ in range(answers):
                    status, _, answer = await client.answer()
                    assert (status, text in answer) == (200, True)
        client.close()


async def test_a_chunk_that_is_none():
    head, _, _ = POST.partition(b"Content-Length")
    async with serving(processor=Notes()) as port:
        client = await Client.to(port)
        client.writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\nzz\r\n\r\n")
        assert (await client.answer())[0] == 400
        client.close()
