"""Whatever comes through the socket, the server answers it or hangs up, and goes on serving."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bahamut.cli import _load
from hypothesis import given, strategies as st
from tests.fuzz.server import STATUS, Running, serving
from tests.fuzz.support import KINDS, damaged, free, mostly, packed, wire_objects
from tests.fuzz.test_encoding import pieces
from tests.fuzz.test_filters import anything

pytestmark = pytest.mark.fuzz
SPECS = Path(__file__).parents[2] / "examples" / "todo" / "specs"
_, REGISTRY = _load(str(SPECS))
MODELS = [model for model in REGISTRY.models() if model.ATTRIBUTES]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serving(REGISTRY, "/lists") as found:
        yield found


def create(running: Running, path: str, value: dict[str, Any]) -> str:
    return str(json.loads(running.request("POST", path, json.dumps(value).encode()).body)["ID"])


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
    st.builds(
        lambda piece, count, end: piece * count + end,
        st.sampled_from(["/v/1", "/v", "/lists", "/..", "//", "/%2f", "/v/0/v/1", "/ID0"]),
        st.sampled_from([2, 64, 999, 8000]),
        st.sampled_from(["", "/lists", "/lists/ID0"]),
    ),
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
many = st.builds(
    lambda pair, count: "?" + "&".join(pair.replace("#", str(number)) for number in range(count)),
    st.sampled_from(
        ["#", "q=name==#", "order=#", "page=#", "status=TODO", "%23=#", "limit=%%", ""]
    ),
    st.sampled_from([2, 99, 2000]),
)
queries = st.one_of(st.just(""), st.lists(pairs, max_size=3).map(lambda p: "?" + "&".join(p)), many)
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

RECORDED = Path(__file__).parents[1] / "golden" / "data" / "rest"


def written(request: dict[str, Any]) -> bytes:
    """Return a recorded request as it went over the wire."""
    if "raw" in request:
        return str(request["raw"]).encode()
    body = base64.b64decode(request["body_base64"]) if "body_base64" in request else None
    data = request.get("body", "").encode() if body is None else body
    lines = [f"{request['method']} {request['target']} HTTP/1.1"]
    lines += [f"{name}: {text}" for name, text in request.get("headers", ())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def recorded() -> list[bytes]:
    """Return recorded requests that are not long, one of each ten."""
    found = []
    for path in sorted(RECORDED.glob("*.json")):
        exchanges = json.loads(path.read_text()).get("exchanges", ())
        found += [written(each["request"]) for each in exchanges if "request" in each]
    return [data for data in dict.fromkeys(found) if len(data) < 2000][::10]


VALID = (
    b"POST /lists HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\n6\r\ne\":\"x\"\r\n1\r\n}\r\n0\r\n\r\n",
    b"GET /lists?q=name%20%3d%3d%201&page=1 HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"
    b"GET /lists HTTP/1.0\r\n\r\n",
    b"PUT /lists/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n{}",
    b"GET /events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
)  # fmt: skip
raw = st.one_of(
    st.binary(max_size=200),
    damaged(
        st.one_of(st.sampled_from(VALID), st.sampled_from(recorded())),
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b"\r\n", b"\n", b" ", b":", b"\0", b"chunked", b"-1", b"gzip", b"//",
                             b"ffffffffffffffffff", b"A" * 9000, b"X: 1\r\n" * 2000, b" HTTP/2.0",
                             b"Host: a b\r\n", b"Transfer-Encoding: gzip, chunked\r\n", b"\r\n\r\n",
                             b"Upgrade: h2c\r\nConnection: upgrade\r\n", b"Content-Length: 5\r\n",
                             b"Expect: 100-continue\r\n", b"5;a=\"b\r\n", b"\xff", b"\t", b"*"]),
        ),
    ),
)  # fmt: skip


@given(raw)
def test_any_bytes_leave_the_server_serving(running: Running, data: bytes) -> None:
    running.check(data, patience=0.05)  # what is half a request has no answer


# --- what the search has found -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"Key: AAAAAAAA", b"Key: AAAAA\x98\xb4\xc9"),
        (b"Upgrade: websocket", b"Upgrade: \x94websocket"),
    ],
)
def test_a_handshake_that_is_not_ascii_is_refused(
    running: Running, good: bytes, bad: bytes
) -> None:
    received = running.send(VALID[3].replace(good, bad), patience=1)
    running.complaints.found.clear()  # the next property is not to blame
    assert received.startswith(b"HTTP/1.1 400 "), received
