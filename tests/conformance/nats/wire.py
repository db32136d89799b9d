"""Both ends of a transcript: what a client writes to the server, and a peer on the same server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import nats
from tests.conformance.nats.support import data_of, text_of

_INBOX = re.compile(r"_INBOX\.[^.]+\.(\*|.+)")


def shown(subject: str | None) -> str | None:
    """Return a subject in which what is random is not shown."""
    if not subject:
        return None
    found = _INBOX.fullmatch(subject)
    return f"_INBOX.(id).{'*' if found[1] == '*' else '(token)'}" if found else subject


class Tap:
    """Stands between a client and the server and writes down what the client says."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._said: list[dict[str, Any]] = []
        self._changed = asyncio.Condition()
        self._clients = 0
        self._serving: asyncio.Server | None = None
        self.url = ""

    async def __aenter__(self) -> Tap:
        self._serving = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self.url = f"nats://127.0.0.1:{self._serving.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._serving.close()
        await self._serving.wait_closed()

    def take(self) -> list[dict[str, Any]]:
        said, self._said = self._said, []
        return said

    async def take_until(self, mark: bytes) -> list[dict[str, Any]]:
        """Return what was said before a publication that holds *mark*, which is said only once."""

        def has_come() -> bool:
            last = self._said[-1] if self._said else {}
            return mark in (data_of(last.get("payload_base64")) or b"")

        async with self._changed:
            await self._changed.wait_for(has_come)
        return self.take()[:-1]

    async def take_rest(self) -> list[dict[str, Any]]:
        """Return what was said until the client hung up."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._clients)
        return self.take()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            await self._pass_on(reader, writer)
        finally:
            self._clients -= 1
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._server_port)

        async def down() -> None:
            while data := await theirs.read(65536):
                writer.write(data)

        answering = asyncio.create_task(down())
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                ours.write(line)
                word, *rest = line.decode().split()
                if word == "PUB":
                    payload = await reader.readexactly(int(rest[-1]) + 2)
                    ours.write(payload)
                    self._note_publication(rest, payload[:-2])
                elif word == "SUB":
                    queue = rest[1] if len(rest) == 3 else None
                    self._said.append({"op": word, "subject": shown(rest[0]), "queue": queue})
                elif word == "UNSUB":
                    self._said.append({"op": word})
                elif word == "CONNECT":
                    self._said.append({"op": word, "options": json.loads(line[8:])})
                await self._tell()
        ours.close()
        with contextlib.suppress(ConnectionError):
            await answering
        writer.close()

    def _note_publication(self, rest: list[str], payload: bytes) -> None:
        reply = shown(rest[1]) if len(rest) == 3 else None
        note = {"op": "PUB", "subject": shown(rest[0]), "reply": reply}
        self._said.append({**note, "payload_base64": text_of(payload)})


class Peer:
    """A client of nats-py: what it gets is kept until it is looked at."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._got: asyncio.Queue[Any] = asyncio.Queue()
        self._reply = ""

    async def __aenter__(self) -> Peer:
        return self

    async def connect(self, url: str) -> None:
        self._connection = await nats.connect(url)

    async def __aexit__(self, *exc: object) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def subscribe(self, step: dict[str, Any]) -> None:
        async def keep(message: Any) -> None:
            if not message.headers:  # else NATS itself says that nobody listens
                self._got.put_nowait(message)

        await self._connection.subscribe(step["subject"], step["queue"] or "", cb=keep)
        await self._settle()

    async def publish(self, step: dict[str, Any]) -> None:
        subject = self._reply if step["subject"] == "(reply)" else step["subject"]
        payload = data_of(step["payload_base64"])
        await self._connection.publish(subject, payload, step["reply"] or "")
        await self._settle()

    async def received(self, count: int) -> list[dict[str, Any]]:
        """Return what has come, waiting until it is *count* messages."""
        found = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                while len(found) < count:
                    found.append(await self._got.get())
        await self._settle()
        while not self._got.empty():
            found.append(self._got.get_nowait())
        if found:
            self._reply = found[-1].reply
        return [
            {
                "subject": shown(each.subject),
                "reply": shown(each.reply),
                "payload_base64": text_of(each.data),
            }
            for each in found
        ]

    async def _settle(self) -> None:
        await asyncio.sleep(0)  # nats-py writes what it holds back
        await self._connection.flush()
