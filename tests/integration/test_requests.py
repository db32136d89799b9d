"""Requests that are odd, malformed or not allowed, and what the server says and logs of them."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import struct
from typing import Any

import bahamut
import msgpack
import pytest
from bahamut.elemental import (
    Identity,
    Model,
    ParameterDefinition,
    Registry,
    attribute,
)
from tests.golden.tracing import RecordingTracer
from tests.integration.support import Note, Notes, close, exchange, running, serving

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

PAGE = "https://page.example"
LONG = 60 * 1024


class Box(Model, identity=Identity("box", "boxes")):
    id: str = attribute(default="", wire="ID", identifier=True)


class Thing(Model, identity=Identity("thing", "things")):
    id: str = attribute(default="", wire="ID", identifier=True)


class Nothing:
    """Answers nothing."""

    async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
        ctx.output_data = []

    async def process_retrieve(self, ctx: bahamut.Context) -> None:
        ctx.output_data = Box(id=ctx.request.object_id)


def registry() -> Registry:
    token = ParameterDefinition("token", "integer"), ParameterDefinition("key", "string")
    found = Registry([Box, Thing])
    found.allow(Box, "retrieve-many", parameters=token).allow(Box, "retrieve", "update")
    return found.allow(Thing, "create", under=Box).allow(Thing, "delete")


def boxes(*options: bahamut.Option) -> bahamut.Server:
    model = registry()
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: model, 1: model}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(None),
        *options,
    )
    for each in (Box, Thing):
        server.register_processor(Nothing(), each.IDENTITY)
    return server


def port_of(server: bahamut.Server) -> int:
    return server.addresses[0][1]


async def asked(port: int, data: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send a request that ends its connection; return status, headers in lower case, body."""
    head, _, body = (await exchange(port, data)).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(": ") for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body


def description(body: bytes) -> str:
    return str(json.loads(body)[0]["description"])


# --- E3, E4: heads and paths -------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v/1" * (LONG // 4) + "/boxes", "/boxes" + "/x" * 20_000])
async def test_e4_long_paths_are_refused_at_once(path, caplog):
    async with running(server := boxes()):
        status, _, _ = await asked(port_of(server), close(f"GET {path}"))
    assert status in (400, 404)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


HEADS = [
    ("GET /boxes HTTP/2.0\r\nHost: a\r\n", 505),
    ("GET /_meta/routes HTTP/2.0\r\nHost: a\r\n", 505),
    ("GET /boxes HTTP/1.1\r\nHost: a b\r\n", 400),
    ("GET /_meta/routes HTTP/1.1\r\nHost: a b\r\n", 400),
    ("GET /events HTTP/1.1\r\nHost: a/b\r\nUpgrade: websocket\r\nConnection: upgrade\r\n", 400),
    *(
        (f"GET /boxes HTTP/1.1\r\nHost: {host}\r\n", 400)
        for host in ("a/b", "a@b", 'a"', "<a>", "a?b", "a#b", "a\\b", "a:b", "[::1", "a:80:90")
    ),
    ("GET /boxes HTTP/1.1\r\nHost: a\r\nHost: b\r\n", 400),
    ("GET /boxes HTTP/1.1\r\nHost: a\r\nhost: a\r\n", 400),
    ("GET /boxes HTTP/1.1\r\nAccept: */*\r\n", 400),
    ("PUT /boxes/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n", 501),
    (
        "PUT /boxes/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n"
        "Transfer-Encoding: chunked\r\n",
        400,
    ),
]


@pytest.mark.parametrize("is_short", [True, False])
@pytest.mark.parametrize(("head", "status"), HEADS)
async def test_e3_heads_that_cannot_be_served_end_their_connection(
    head, status, is_short, monkeypatch
):
    monkeypatch.setattr("bahamut.web.internals.IS_SHORT", is_short)
    data = head.encode() + b"\r\n"
    if "chunked" in head:
        data += b"2\r\n{}\r\n0\r\n\r\n"
    async with running(server := boxes()):
        found, headers, body = await asked(port_of(server), data)
    assert found == status
    assert headers["content-type"].lower().startswith("application/json")
    assert json.loads(body)[0]["code"] == status


@pytest.mark.parametrize("host", ["", "a", "a.b:80", "a:", "[::1]:80", "x_y.z", "%41", "192.0.2.1"])
async def test_e3_valid_hosts_are_served(host):
    data = f"GET /boxes HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    async with running(server := boxes()):
        for _ in range(2):
            assert (await asked(port_of(server), data))[0] == 200


async def test_e3_http_1_0_needs_no_host():
    async with running(server := boxes()):
        assert (await asked(port_of(server), b"GET /boxes HTTP/1.0\r\n\r\n"))[0] == 200


# --- E7, E8 ------------------------------------------------------------------------------------


async def test_e7_the_answer_about_unknown_parameters_is_short():
    query = "&".join(f"p{i}" for i in range(10_000))
    async with running(server := boxes()):
        status, _, body = await asked(port_of(server), close(f"GET /boxes?{query}"))
    assert status == 400
    assert len(json.loads(body)) == 10
    assert json.loads(body)[-1]["description"].endswith(", and 9990 more")


@pytest.mark.parametrize("query", ["key=%zz", "limit=1;page=2", "%=1", "limit=1&key=%f"])
async def test_e8_malformed_pairs_are_refused_by_rest_and_by_the_websocket(query):
    upgrade = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: " + "A" * 24)
    async with running(server := boxes()):
        for path, headers in (("/boxes", ()), ("/events", upgrade)):
            data = close(f"GET {path}?{query}", *headers)
            if headers:
                data = data.replace(b"Connection: close", b"Connection: Upgrade")
            status, _, body = await asked(port_of(server), data)
            assert status == 400
            assert description(body).startswith("Malformed parameter: `")


# --- E12, E13, E29: what is allowed -----------------------------------------------------------


async def empty(_request: Any) -> Any:
    raise AssertionError("nobody calls this")


@pytest.mark.parametrize(
    ("request_line", "status", "allow"),
    [
        ("PUT /boxes", 405, "GET, HEAD"),
        ("POST /boxes", 405, "GET, HEAD"),
        ("PROPFIND /boxes", 405, "GET, HEAD"),
        ("OPTIONS /boxes", 405, "GET, HEAD"),
        ("POST /boxes/1", 405, "GET, PATCH, PUT"),
        ("DELETE /boxes/1", 405, "GET, PATCH, PUT"),
        ("HEAD /boxes/1", 405, "GET, PATCH, PUT"),
        ("GET /things", 405, ""),
        ("PUT /things", 405, ""),
        ("PUT /things/1", 405, "DELETE"),
        ("GET /boxes/1/things", 405, "POST"),
        ("DELETE /boxes/1/things", 405, "POST"),
        ("GET /things/1/boxes", 405, ""),
        ("PUT /v/1/boxes", 405, "GET, HEAD"),
        ("PUT /_meta/routes", 405, "GET, HEAD"),
        ("POST /_meta/routes", 405, "GET, HEAD"),
        ("PROPFIND /_meta/routes", 405, "GET, HEAD"),
        ("POST /", 405, "GET"),
        ("HEAD /", 405, "GET"),
        ("POST /events", 405, "GET"),
        ("DELETE /events", 405, "GET"),
        ("PROPFIND /mine", 405, "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        *((f"{method} /nopes", 404, None) for method in ("GET", "POST", "PUT", "PROPFIND")),
        *((f"{method} /nopes/1", 404, None) for method in ("GET", "POST", "PUT", "HEAD")),
        *((f"{method} /nopes/1/boxes", 404, None) for method in ("GET", "POST", "PUT")),
        *((f"{method} /boxes/1/nopes", 404, None) for method in ("GET", "POST", "PUT")),
        *((f"{method} /_meta/nope", 404, None) for method in ("GET", "POST", "PUT")),
        *((f"{method} /a/b/c/d", 404, None) for method in ("GET", "POST", "PUT")),
        ("PUT /boxes/", 400, None),
    ],
)
async def test_e12_e29_one_rule_for_every_path(request_line, status, allow):
    server = boxes()
    server.register_custom_route_handler("/mine", empty)
    async with running(server):
        found, headers, body = await asked(port_of(server), close(request_line))
    assert found == status
    allowed = headers.get("allow")
    if allowed is not None:
        allowed = ", ".join(sorted(filter(None, allowed.rstrip().split(", "))))
    assert allowed == allow
    if not request_line.startswith("HEAD"):
        assert json.loads(body)[0]["code"] == status


async def test_e12_a_category_with_the_path_of_the_websocket_is_allowed_beside_it():
    class Event(Model, identity=Identity("event", "events")):
        id: str = attribute(default="", wire="ID", identifier=True)

    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: Registry([Event]).allow(Event, "create")}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(None),
    )
    async with running(server):
        status, headers, _ = await asked(port_of(server), close("PUT /events"))
        assert (status, headers["allow"]) == (405, "GET, POST")
        body = close("POST /events", "Content-Type: application/json", body=b"{}")
        assert (await asked(port_of(server), body))[0] == 501


@pytest.mark.parametrize(
    "request_line", ["GET /nopes", "GET /nopes/1/boxes", "POST /boxes/1/nopes", "PUT /nopes"]
)
async def test_e13_an_unknown_category_is_told_in_the_accepted_encoding(request_line):
    async with running(server := boxes()):
        data = close(request_line, "Accept: application/msgpack")
        status, headers, body = await asked(port_of(server), data)
    assert (status, headers["content-type"]) == (404, "application/msgpack")
    assert msgpack.unpackb(body)[0]["title"] == "Not Found"


@pytest.mark.parametrize("request_line", ["GET /boxes?x=1", "GET /v/9/boxes", "GET /a/b/c/d"])
async def test_e13_other_early_errors_stay_json(request_line):
    async with running(server := boxes()):
        data = close(request_line, "Accept: application/msgpack")
        _, headers, body = await asked(port_of(server), data)
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)


# --- E20, X69: the log --------------------------------------------------------------------------

HANDSHAKE = (
    b"GET /events?%b HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%b\r\n"
)


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "bahamut.access"]


async def test_e20_the_raw_target_is_logged_on_one_line(caplog):
    caplog.set_level(logging.INFO, "bahamut.access")
    target = "/boxes/x%0aWARNING%20forged%1b%5b31m?a=%0a"
    async with running(server := boxes()):
        await exchange(port_of(server), close(f"GET {target}"))
    assert lines_of(caplog) == [f"GET {target} 400"]


async def test_e20_errors_in_the_log_quote_clients_on_one_line(caplog):
    class Failing:
        async def process_retrieve(self, ctx: bahamut.Context) -> None:
            raise bahamut.elemental.Error("Bad", f"no {ctx.request.object_id}", "x", 500)

    async with serving(processor=Failing()) as port:
        assert b" 500 " in await exchange(port, close("GET /notes/x%0aERROR%20forged%1b"))
    failed = [r for r in caplog.records if r.name == "bahamut.pipeline"]
    assert len(failed) == 1
    assert "x\\nERROR forged\\x1b" in failed[0].getMessage()


SHOWN = "GET /boxes?t%6Fken=***&key=***&limit=1 200"


async def test_x69_secrets_are_masked_in_log_and_span(caplog):
    caplog.set_level(logging.INFO, "bahamut.access")
    tracer = RecordingTracer()
    options = bahamut.opt_secret_parameters("Key"), bahamut.opt_opentracing_tracer(tracer)
    async with running(server := boxes(*options)):
        target = "/boxes?t%6Fken=4242&key=%68ush&limit=1"
        status, _, _ = await asked(
            port_of(server), close(f"GET {target}", "Referer: https://page/?token=4242")
        )
        assert status == 200
        bad = close("GET /boxes?token=hush")
        assert b"hush" not in await exchange(port_of(server), bad)
    assert lines_of(caplog) == [SHOWN, "GET /boxes?token=*** 400"]
    spans = str([span["logs"] for span in tracer.take()])
    assert "***" in spans
    assert "4242" not in spans
    assert "hush" not in spans
    assert "hush" not in caplog.text


class Refusing:
    """Refuses sessions."""

    async def authenticate_session(self, session: Any) -> bahamut.AuthAction:
        return bahamut.AuthAction.KO if session.token == "hush" else bahamut.AuthAction.OK


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (b"t%6fken=hush", b"", 401),
        (b"token=fine", b"", 101),
        (b"token=fine", b"Origin: https://elsewhere\r\n", 403),
        (b"token=fine%zz", b"", 400),
        (b"token=fine", b"Accept: text/html\r\n", 415),
    ],
)
async def test_x69_handshakes_are_logged_without_their_token(caplog, query, headers, status):
    caplog.set_level(logging.INFO, "bahamut.access")
    guard = bahamut.opt_authenticators(session=[Refusing()])
    async with running(server := boxes(guard)):
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        writer.write(HANDSHAKE % (query, headers))
        assert (await reader.readline()).split()[1] == b"%d" % status
        writer.close()
    name = query.decode().partition("=")[0]
    assert lines_of(caplog) == [f"GET /events?{name}=*** {status}"]


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /", 200),
        ("GET /_meta/routes", 200),
        ("GET /custom?token=1", 202),
        ("GET /wrong", 500),
        ("GET /lists/%zz", 400),
        ("PUT /boxes", 405),
        ("GET /boxes/", 400),
        ("GET /nopes", 404),
        ("GET /a/b/c/d", 404),
        ("POST /_meta/routes", 405),
    ],
)
async def test_e23_every_request_is_logged_once(caplog, request_line, status):
    from aiohttp import web

    async def custom(_request: web.Request) -> web.Response:
        raise web.HTTPAccepted

    async def wrong(_request: web.Request) -> web.Response:
        raise RuntimeError("wrong")

    caplog.set_level(logging.INFO, "bahamut.access")
    server = boxes()
    server.register_custom_route_handler("/custom", custom)
    server.register_custom_route_handler("/wrong", wrong)
    async with running(server):
        await exchange(port_of(server), close(request_line))
    assert lines_of(caplog) == [f"{request_line.replace('token=1', 'token=***')} {status}"]


# --- E22, E23, E27: refusals are requests like any other ---------------------------------------

REFUSALS = [
    ("GET /boxes/%zz", (), 400, "/boxes/:id"),
    ("GET /nopes/%zz", (), 400, "/:category/:id"),
    ("GET /boxes", ("Expect: y",), 417, "/boxes"),
    ("PUT /boxes", (), 405, "/boxes"),
    ("GET /boxes/", (), 400, "/boxes/:id"),
    ("GET /nopes", (), 404, "/:category"),
    ("PUT /_meta/routes", (), 405, "/_meta/routes"),
    ("GET /boxes", ("Transfer-Encoding: gzip, chunked",), 501, "/boxes"),
]
UNLIMITED = [
    ("GET /v/1/boxes?nope=1", (), 400, "/boxes"),
    ("GET /boxes/1?page=x", (), 400, "/boxes/:id"),
    ("POST /v/1/boxes/7/things?nope=1", (), 400, "/boxes/:id/things"),
    ("GET /v/9/boxes", (), 400, "/boxes"),
    ("GET /v/x/boxes", (), 400, "/:category/:id/:category"),
    ("GET /a/b/c/d", (), 404, "/:category/:id/:category"),
    ("GET /boxes", ("Accept: text/html",), 415, "/boxes"),
]


def request_of(line: str, headers: tuple[str, ...]) -> bytes:
    is_chunked = any("chunked" in header for header in headers)
    return close(line, f"Origin: {PAGE}", *headers) + (b"0\r\n\r\n" if is_chunked else b"")


@pytest.mark.parametrize(("line", "headers", "status", "template"), [*REFUSALS, *UNLIMITED])
async def test_e22_e23_e27_refusals_are_decorated_and_counted(line, headers, status, template):
    manager = bahamut.new_prometheus_metrics_manager()
    options = (
        bahamut.opt_cors_origin(PAGE),
        bahamut.opt_health_server("127.0.0.1:0"),
        bahamut.opt_health_server_metrics_manager(manager),
    )
    async with running(server := boxes(*options)):
        found, given, _ = await asked(port_of(server), request_of(line, headers))
    assert found == status
    assert given["access-control-allow-origin"] == PAGE
    lines = manager.write()[1].decode().splitlines()
    method = line.split()[0]
    counted = f'http_requests_total{{code="{status}",method="{method}",url="{template}"}} 1.0'
    assert [text for text in lines if text.startswith("http_requests_total")] == [counted]


@pytest.mark.parametrize(("line", "headers", "status", "template"), REFUSALS)
async def test_e23_refusals_take_a_token_of_the_limit(line, headers, status, template):
    options = bahamut.opt_rate_limiting(0.001, 1), bahamut.opt_cors_origin(PAGE)
    async with running(server := boxes(*options)):
        answers = [await asked(port_of(server), request_of(line, headers)) for _ in range(2)]
    assert [answer[0] for answer in answers] == [status, 429]
    assert "retry-after" in answers[1][1]
    assert answers[1][1]["access-control-allow-origin"] == PAGE


async def test_e23_clients_cannot_invent_methods_for_metrics():
    manager = bahamut.new_prometheus_metrics_manager()
    options = (
        bahamut.opt_health_server("127.0.0.1:0"),
        bahamut.opt_health_server_metrics_manager(manager),
    )
    async with running(server := boxes(*options)):
        for method in ("PROPFIND", "LOCK", "REPORT"):
            await exchange(port_of(server), close(f"{method} /boxes"))
    text = manager.write()[1].decode()
    assert 'code="405",method="_OTHER",url="/boxes"} 3.0' in text


async def test_e23_a_prefix_stands_before_the_route_in_metrics():
    manager = bahamut.new_prometheus_metrics_manager()
    options = (
        bahamut.opt_enable_api_path_prefix("/api"),
        bahamut.opt_health_server("127.0.0.1:0"),
        bahamut.opt_health_server_metrics_manager(manager),
    )
    async with running(server := boxes(*options)):
        for line in ("PUT /api/v/1/boxes", "GET /api/boxes/%zz", "GET /boxes"):
            await exchange(port_of(server), close(line))
    text = manager.write()[1].decode()
    for url in ("/api/boxes", "/api/boxes/:id", "/:category"):
        assert f'url="{url}"}} 1.0' in text


# --- E30: clients that leave ---------------------------------------------------------------------

POST = "POST /notes HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
ABORTED = {
    "part of a head": b"GET /no",
    "handshake": HANDSHAKE % (b"a=1", b""),
    "part of a handshake": (HANDSHAKE % (b"a=1", b""))[:-3],
    "upload": POST.encode() + b'Content-Length: 100\r\n\r\n{"te',
    "upload without a byte": POST.encode() + b"Content-Length: 100\r\n\r\n",
    "chunked upload": POST.encode() + b'Transfer-Encoding: chunked\r\n\r\n50\r\n{"te',
    "expected upload": POST.encode() + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
}


def leave(port: int, data: bytes, *, resets: bool) -> None:
    """Send something and leave, with a reset or with an ordinary end."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(data)
        if resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("resets", [True, False])
@pytest.mark.parametrize("what", ABORTED)
async def test_e30_clients_that_leave_are_no_event(caplog, what, resets):
    manager = bahamut.new_prometheus_metrics_manager()
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: Registry([Note]).allow(Note)}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(None),
        bahamut.opt_health_server("127.0.0.1:0"),
        bahamut.opt_health_server_metrics_manager(manager),
    )
    server.register_processor(Notes(), Note.IDENTITY)
    async with running(server):
        caplog.clear()
        caplog.set_level(logging.INFO)
        logging.getLogger("bahamut.access").setLevel(logging.WARNING)
        before = len(asyncio.all_tasks())
        for _ in range(20):
            await asyncio.to_thread(leave, port_of(server), ABORTED[what], resets=resets)
        async with asyncio.timeout(10):
            while not _is_quiet(manager) or len(asyncio.all_tasks()) > before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not caplog.records
    text = manager.write()[1].decode()
    assert "http_errors_5xx_total{" not in text


def _is_quiet(manager: Any) -> bool:
    text = manager.write()[1].decode()
    return (
        "tcp_connections_total 20.0" in text
        and "tcp_connections_current 0.0" in text
        and "http_ws_connections_current 0.0" in text
    )
