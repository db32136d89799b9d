"""Whatever comes through the socket, the server answers it or hangs up, and goes on serving."""

import asyncio
import contextlib
import json
import logging
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bahamut
import pytest
from bahamut.cli import _load, register_all
from bahamut.manipulate.memory import MemoryManipulator
from hypothesis import given, strategies as st
from tests.fuzz.support import KINDS, damaged, free, mostly, packed, wire_objects
from tests.fuzz.test_encoding import pieces
from tests.fuzz.test_filters import anything

pytestmark = pytest.mark.fuzz
SPECS = Path(__file__).parents[2] / "examples" / "todo" / "specs"
_, REGISTRY = _load(str(SPECS))
MODELS = [model for model in REGISTRY.models() if model.ATTRIBUTES]
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Complaints(logging.Handler):
    """Keeps what the server logs as errors: each is an exception that nobody expected."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


class Running:
    """The server of the example, in a thread of its own."""

    def __init__(self) -> None:
        self.ctx = bahamut.RunContext()
        self.ready = threading.Event()
        self.complaints = Complaints()
        self.port = 0

    async def announce(self, server: bahamut.Server) -> None:
        self.port = server.addresses[0][1]
        self.ready.set()

    def run(self) -> None:
        server = bahamut.new(
            bahamut.opt_rest_server("127.0.0.1:0"),
            bahamut.opt_model({0: REGISTRY, 1: REGISTRY}),
            bahamut.opt_post_start_hook(self.announce),
        )
        register_all(server, MemoryManipulator(), REGISTRY)
        asyncio.run(server.run(self.ctx))

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
        assert b"500" not in STATUS.findall(received), received
        assert not self.complaints.found, self.complaints.found.pop()
        alive = self.send(b"GET /lists HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert alive.startswith(b"HTTP/1.1 200 ")
        return received


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    found = Running()
    logging.getLogger().addHandler(found.complaints)
    thread = threading.Thread(target=found.run)
    thread.start()
    assert found.ready.wait(30)
    yield found
    found.ctx.cancel()
    thread.join(30)
    logging.getLogger().removeHandler(found.complaints)
    assert not thread.is_alive()


def create(running: Running, path: str, value: dict[str, Any]) -> str:
    body = json.dumps(value).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    answer = running.send(head.encode() + body)
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["ID"])


@pytest.fixture(scope="module")
def ids(running: Running) -> list[str]:
    found = [create(running, "/lists", {"name": name, "labels": {"a": "1"}}) for name in "ab"]
    found.append(create(running, f"/lists/{found[0]}/tasks", {"title": "x", "tags": ["y"]}))
    found.append(create(running, "/users", {"login": "z"}))
    return found


# --- well-formed, odd content --------------------------------------------------------------------

methods = mostly(
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"],
    st.sampled_from(["get", "TRACE", "CONNECT", "PROPFIND", "A" * 200]),
)
octets = st.binary(max_size=8).map(lambda data: "".join(f"%{byte:02x}" for byte in data))
segments = mostly(
    ["lists", "tasks", "users", "root", "v", "1", "0", "_meta", "routes", "version", "ID0", "ID1",
     "ID2", "ID3"],
    st.one_of(st.sampled_from(["", "..", "%2e%2e", "%00", "99999999999999999999", "~"]), octets),
)  # fmt: skip
paths = st.one_of(
    st.sampled_from(["/lists", "/lists/ID0", "/lists/ID0/tasks", "/tasks/ID2", "/users/ID3"]),
    st.lists(segments, max_size=5).map(lambda found: "/" + "/".join(found)),
)
names = st.sampled_from(
    ["page", "pagesize", "limit", "after", "order", "recursive", "override", "q", "status",
     "confirm", "x"]
)  # fmt: skip
attributes = st.sampled_from(
    ["name", "-ID", "labels", "-dueDate", "secretKey", "tags", "passwordHash", "priority"]
)
queried = mostly(["1", "true", "-1", "9" * 25, "TODO", "ID1"], st.one_of(anything, attributes))


def escaped(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass"))


pairs = st.tuples(names, st.one_of(octets, queried.map(escaped))).map("=".join)
queries = st.one_of(st.just(""), st.lists(pairs, max_size=3).map(lambda p: "?" + "&".join(p)))
header_texts = st.one_of(
    st.sampled_from(
        ["application/msgpack", "application/json", "*/*", "text/html;q=x", "name,ID", "gzip", "-1",
         "1", "x y", "Basic Og==", "Bearer ", "http://evil", "null", "bytes=0-", "*", "W/x", '"',
         "2024-01-01", "00-ff-ff-00", f"00-{'a' * 32}-{'b' * 16}-01", "100-continue",
         'a/b; c="\xff"']
    ),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20),
)  # fmt: skip
header_names = st.sampled_from(
    ["Accept", "Accept-Encoding", "Authorization", "Origin", "X-Fields", "X-Namespace", "Cookie",
     "X-Forwarded-For", "X-Real-IP", "traceparent", "X-External-Tracking-ID", "If-None-Match",
     "Range", "Access-Control-Request-Method", "Access-Control-Request-Headers", "Host",
     "X-Count-Total", "Content-Encoding", "Expect", "X-Requested-With", "X-Next"]
)  # fmt: skip
headers = st.lists(st.tuples(header_names, header_texts), max_size=4)


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    kind = draw(st.sampled_from(KINDS))
    model = draw(st.sampled_from(MODELS))
    values = st.one_of(wire_objects(model), free)
    body = draw(damaged(values.map(lambda value: packed(kind, value)), pieces[kind]))
    return draw(mostly([kind], st.sampled_from(["text/plain", "application/json; x", ""]))), body


@given(methods, paths, queries, headers, bodies())
def test_any_request_is_answered(
    running: Running,
    ids: list[str],
    method: str,
    path: str,
    query: str,
    given_headers: list[tuple[str, str]],
    body: tuple[str, bytes],
) -> None:
    if (method, path) == ("DELETE", "/lists"):
        return
    kind, data = body
    target = path + query
    for index, identifier in enumerate(ids):
        target = target.replace(f"ID{index}", identifier)
    lines = [f"{method} {target} HTTP/1.1", "Connection: close", f"Content-Length: {len(data)}"]
    lines += [f"Content-Type: {kind}"] * bool(kind)
    lines += ["Host: x"] * all(name != "Host" for name, _ in given_headers)
    lines += [f"{name}: {text}" for name, text in given_headers]
    received = running.check("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data)
    assert STATUS.match(received), received


# --- anything ------------------------------------------------------------------------------------

VALID = (
    b"POST /lists HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n6\r\ne\":\"x\"\r\n1\r\n}\r\n0\r\n\r\n",
    b"GET /lists?q=name%20%3d%3d%201&page=1 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    b"GET /lists HTTP/1.0\r\n\r\n",
    b"PUT /lists/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
)  # fmt: skip
raw = st.one_of(
    st.binary(max_size=200),
    damaged(
        st.sampled_from(VALID),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b"\r\n", b"\n", b" ", b":", b"\0", b"chunked", b"-1", b"gzip", b"//",
                             b"ffffffffffffffffff", b"A" * 9000, b"X: 1\r\n" * 2000]),
        ),
    ),
)  # fmt: skip


@given(raw)
def test_any_bytes_leave_the_server_serving(running: Running, data: bytes) -> None:
    running.check(data, patience=0.05)  # what is half a request has no answer
