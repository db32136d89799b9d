"""A server in a thread of its own, and what must hold after whatever it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import bahamut
from bahamut.cli import register_all
from bahamut.elemental import Registry
from bahamut.elemental.encoding import JSON
from bahamut.manipulate.memory import MemoryManipulator

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Complaints(logging.Handler):
    """Keeps what the server logs as errors: each is an exception that nobody expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


class Answer(NamedTuple):
    status: int
    body: bytes


class Running:
    """A server of some models, with generic processors and a websocket.

    Args:
        registry: the models; those without a path are left out.
        healthy: a path that always answers 200.
    """

    def __init__(self, registry: Registry, healthy: str = "/_meta/routes") -> None:
        self.registry, self.healthy = registry, healthy
        self.ctx = bahamut.RunContext()
        self.ready = threading.Event()
        self.complaints = Complaints()
        self.port = 0
        self._client: socket.socket | None = None

    async def announce(self, server: bahamut.Server) -> None:
        self.port = server.addresses[0][1]
        self.ready.set()

    def run(self) -> None:
        server = bahamut.new(
            bahamut.opt_rest_server("127.0.0.1:0"),
            bahamut.opt_model({0: self.registry, 1: self.registry}),
            bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
            bahamut.opt_push_dispatch_handler(None),
            bahamut.opt_post_start_hook(self.announce),
        )
        register_all(server, MemoryManipulator(), self.registry)
        asyncio.run(server.run(self.ctx))

    # --- raw bytes ---------------------------------------------------------------------------

    def send(self, data: bytes, patience: float = 10.0) -> bytes:
        """Send everything and return what comes back, until the server hangs up or is silent."""
        received = b""
        with socket.create_connection(("127.0.0.1", self.port)) as client:
            client.settimeout(patience)
            with contextlib.suppress(ConnectionError, TimeoutError):
                client.sendall(data)
                while chunk := client.recv(65536):
                    received += chunk
        return received

    def check(self, data: bytes, patience: float = 10.0) -> bytes:
        received = self.send(data, patience)
        assert not re.search(rb"HTTP/1\.[01] 5(?!01|05)\d\d ", received), received
        self.check_health()
        return received

    def check_health(self) -> None:
        """Check that nothing was logged as an error, and that the server answers."""
        assert not self.complaints.found, self.complaints.found.pop()
        assert self.request("GET", self.healthy).status == 200
        assert not self.complaints.found, self.complaints.found.pop()

    # --- well-formed requests ----------------------------------------------------------------

    def request(
        self, method: str, path: str, body: bytes = b"", kind: str = JSON, accept: str = JSON
    ) -> Answer:
        """Send a request over a connection that is kept alive."""
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n"
        head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        data = head.encode() + body
        if self._client is None:
            return self._exchange(data)
        try:
            return self._exchange(data)
        except ConnectionError:  # the server had closed it
            self.hang_up()
            return self._exchange(data)

    def _exchange(self, data: bytes) -> Answer:
        if self._client is None:
            self._client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        self._client.sendall(data)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._some()
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(STATUS.findall(head)[0])
        found = LENGTH.search(head)
        while found and len(body) < int(found[1]):
            body += self._some()
        if b"\r\nConnection: close" in head:
            self.hang_up()
        return Answer(status, body)

    def _some(self) -> bytes:
        assert self._client is not None
        chunk = self._client.recv(65536)
        if not chunk:
            raise ConnectionResetError
        return chunk

    def hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


@contextlib.contextmanager
def serving(registry: Registry, *args: Any) -> Iterator[Running]:
    """Run a server until the end of the block."""
    found = Running(registry, *args)
    logging.getLogger().addHandler(found.complaints)
    thread = threading.Thread(target=found.run)
    thread.start()
    assert found.ready.wait(30)
    try:
        yield found
    finally:
        found.hang_up()
        found.ctx.cancel()
        thread.join(90)
        logging.getLogger().removeHandler(found.complaints)
    assert not thread.is_alive()
