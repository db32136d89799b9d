"""A server of hand-written models, over real sockets."""

import asyncio
import json
import logging

import aiohttp
import bahamut
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from bahamut.elemental import Error
from tests.integration.support import Note, Notes, close, exchange, registry, serving

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]
HEADERS = {"Content-Type": "application/json"}


async def test_create_list_and_retrieve():
    async with serving() as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        answer = await client.post("/notes", json={"text": "milk", "secret": "s3cret"})
        assert answer.status == 200
        assert await answer.json() == {"ID": "1", "body": None, "secret": "", "text": "milk"}
        answer = await client.get("/notes")
        assert answer.headers["X-Count-Total"] == "1"
        answer = await client.get("/notes/1", headers={"X-Fields": "text,ID"})
        assert await answer.text() == '{"ID":"1","text":"milk"}'
        answer = await client.get("/notes/2")
        assert answer.status == 404


async def test_a_response_is_the_same_through_the_application_alone():
    server = bahamut.new(bahamut.opt_model({0: registry()}))
    server.register_processor(Notes(), Note.IDENTITY)
    async with TestClient(TestServer(server.make_app())) as client:
        answer = await client.post("/notes", json={"text": "milk"})
        assert await answer.json() == {"ID": "1", "body": None, "secret": "", "text": "milk"}
        assert answer.headers["Accept"] == "application/msgpack,application/json"
        assert (await client.get("/_meta/routes")).status == 200


async def test_errors_of_the_http_server_go_to_its_logger(caplog):
    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError("a detail of a custom handler")

    logger = logging.getLogger("tests.http")
    option = bahamut.opt_http_logger(logger)
    async with serving(option, bahamut.opt_custom_root_handler(fail)) as port:
        assert (await exchange(port, close("GET /"))).startswith(b"HTTP/1.1 500")
        with caplog.at_level(logging.DEBUG, "tests.http"):
            assert (await exchange(port, b"nonsense\r\n\r\n")).startswith(b"HTTP/1.0 400")
    assert "a detail of a custom handler" in caplog.text
    assert {r.name for r in caplog.records if r.exc_info} == {"tests.http"}
    assert [r.levelname for r in caplog.records if r.name == "tests.http"] == ["ERROR", "DEBUG"]


async def test_x39_an_unexpected_exception_is_logged_and_not_told(caplog):
    async with serving() as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        answer = await client.delete("/notes/1")
        assert answer.status == 500
        [error] = await answer.json()
        assert error["description"] == "Internal error"
        assert error["subject"] == "bahamut"
    assert "a detail that clients must not read" in caplog.text


@pytest.mark.parametrize("code", ["404", None, 404.0, True, 42, 100, 600, -1])
async def test_x5_a_code_that_is_no_status_is_a_500(code):
    class Failing(Notes):
        async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
            raise Error("Odd", "A code that is none", "test", code)

        async def process_create(self, ctx: bahamut.Context) -> None:
            ctx.status_code = code

    async with (
        serving(processor=Failing()) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client,
    ):
        answer = await client.get("/notes")
        assert answer.status == 500
        [error] = await answer.json()
        assert (error["code"], error["title"], error["subject"]) == (500, "Odd", "test")
        answer = await client.post("/notes", json={"text": "milk"})
        assert answer.status == (500 if code else 204)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/nothing", 404),
        ("/a/b/c/d", 404),
        ("/notes/", 400),
        ("//notes", 400),
        ("/v/x/notes", 400),
        ("/v/7/notes", 400),
        ("/v", 400),
        ("/notes?unknown=1", 400),
        ("/notes?page=x", 400),
        ("/notes?page=-1", 400),
        ("/notes?recursive=maybe", 400),
        ("/notes/%00", 404),
        ("/notes/%ff%fe", 404),
        ("/notes/%zz", 400),
        ("/notes/..%2f..%2fetc", 400),
    ],
)
async def test_odd_paths(path, status):
    async with serving() as port:
        answer = await exchange(port, close(f"GET {path}"))
        assert int(answer.split()[1]) == status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/notes"),
        ("POST", "/notes/1"),
        ("TRACE", "/v/0/notes"),
        ("TRACE", "/v/+0/notes"),
        ("OPTIONS", "/v/-0/notes/1"),
    ],
)
async def test_a_method_that_a_path_does_not_know(method, path):
    async with serving() as port:
        answer = await exchange(port, close(f"{method} {path}"))
        assert answer.startswith(b"HTTP/1.1 405")
        assert f"{method} not allowed on {path}".encode() in answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"text":1}',
        b'{"text":"x"} trailing',
        b'{"text":"\xff\xfe"}',
        b'{"text":"\\ud800"}',
        b"[" * 100_000,
        b'{"body":' + b"[" * 5000 + b"]" * 5000 + b',"text":"x"}',
        b'{"text":"x","body":1e999}',
        b"\x81\xa4text\xc0",
    ],
)
async def test_broken_bodies_are_refused_in_the_documented_format(body):
    async with serving() as port:
        answer = await exchange(
            port, close("POST /notes", *["Content-Type: application/json"], body=body)
        )
        head, _, text = answer.partition(b"\r\n\r\n")
        assert head.split()[1] in (b"400", b"422")
        [error, *_] = json.loads(text)
        assert {"code", "description", "subject", "title"} <= error.keys()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x81\xa4text\x01",
        b"\x93\x01",
        b"\xdf\xff\xff\xff\xff",
        b"\x91" * 5000,
    ],
)
async def test_broken_messagepack_is_refused(body):
    async with serving() as port:
        answer = await exchange(
            port, close("POST /notes", "Content-Type: application/msgpack", body=body)
        )
        assert answer.split()[1] in (b"400", b"422")


async def test_x11_an_oversized_body_is_refused_before_it_is_read():
    async with serving(bahamut.opt_max_body_size(1000)) as port:
        head = close("POST /notes", "Content-Type: application/json", "Content-Length: 10000000")
        answer = await exchange(port, head)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"The request body exceeds 1000 bytes" in answer


async def test_x11_an_oversized_chunked_body_is_refused_while_it_is_read():
    async with serving(bahamut.opt_max_body_size(1000)) as port:
        chunk = b"400\r\n" + b"x" * 1024 + b"\r\n"
        head = close("POST /notes", "Content-Type: application/json", "Transfer-Encoding: chunked")
        answer = await exchange(port, head + chunk * 3 + b"0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413")


async def test_oversized_headers_are_refused():
    async with serving() as port:
        answer = await exchange(port, close("GET /notes", "X-Long: " + "x" * 100_000))
        assert answer.split()[1] == b"400"
        answer = await exchange(port, close("GET /notes", "X-Long: " + "x" * 60_000))
        assert answer.startswith(b"HTTP/1.1 200")


async def test_x11_a_connection_that_does_not_send_its_headers_is_closed():
    async with serving(bahamut.opt_timeouts(header=0.2)) as port:
        assert await exchange(port, b"GET /notes HTTP/1.1\r\nHost: a\r\n") == b""
        assert await exchange(port, b"") == b""


async def test_connections_beyond_the_limit_are_closed():
    async with serving(bahamut.opt_max_connection(1)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /notes HTTP/1.1\r\nHost: a\r\n\r\n")
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        assert await exchange(port, close("GET /notes")) == b""
        writer.close()
        await writer.wait_closed()


async def test_x12_a_rate_limit_answers_429_and_says_when_to_come_back():
    async with serving(bahamut.opt_rate_limiting(0.5, 1)) as port:
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200")
        answer = await exchange(port, close("GET /notes"))
        assert answer.startswith(b"HTTP/1.1 429")
        assert b"Retry-After: 2" in answer


async def test_x6_every_refusal_after_parsing_is_audited_once():
    heard = []

    class Auditer:
        async def audit(self, ctx, error):
            heard.append((str(ctx.request.operation), type(error).__name__))

    class Broken:
        def audit(self, ctx, error):
            raise RuntimeError("the auditer is broken")

    async with serving(bahamut.opt_auditer(Auditer()), bahamut.opt_read_only()) as port:
        await exchange(port, close("GET /notes"))
        await exchange(port, close("DELETE /notes/1"))
    assert heard == [("retrieve-many", "NoneType"), ("delete", "LockedError")]
    async with serving(bahamut.opt_auditer(Broken())) as port:
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200")


async def test_x25_a_chain_without_a_yes_can_be_made_to_refuse():
    from bahamut.auth import simple

    nobody = [simple.new_authenticator()]
    async with serving(bahamut.opt_authenticators(nobody)) as port:
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200")
    async with serving(bahamut.opt_authenticators(nobody), bahamut.opt_fail_closed()) as port:
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 401")


async def test_x13_foreign_origins_are_answered_with_vary():
    controller = bahamut.new_default_cors_controller("https://a.example", ["https://b.example"])
    async with serving(bahamut.opt_cors_access_control(controller)) as port:
        for path in ("/notes", "/nothing", "/_meta/routes", "/"):
            answer = await exchange(port, close(f"GET {path}", "Origin: https://b.example"))
            assert b"Access-Control-Allow-Origin: https://b.example" in answer
            assert (
                b"Origin" in answer.split(b"Vary:")[1].splitlines()[0] or b"Vary: Origin" in answer
            )


CORS = ("Allow-Origin", "Allow-Credentials", "Expose-Headers")
OTHERS = frozenset(["https://b.example"])


@pytest.mark.parametrize("own", [(), ("Vary",), [f"Access-Control-{name}" for name in CORS]])
@pytest.mark.parametrize(
    ("policy", "origin"),
    [
        (bahamut.CORSPolicy(allow_origin="https://a.example"), "https://a.example"),
        (bahamut.CORSPolicy(allow_origin="https://a.example"), "https://c.example"),
        (bahamut.CORSPolicy(allow_origin="https://a.example"), None),
        (bahamut.CORSPolicy(additional_origins=OTHERS), "https://b.example"),
        (bahamut.CORSPolicy(additional_origins=OTHERS), "https://c.example"),
        (bahamut.CORSPolicy(allow_origin=bahamut.CORS_ORIGIN_MIRROR), "https://c.example"),
        (bahamut.CORSPolicy(allow_origin=bahamut.CORS_ORIGIN_MIRROR), "*"),
        (bahamut.CORSPolicy(allow_origin=bahamut.CORS_ORIGIN_MIRROR), None),
        (bahamut.CORSPolicy(allow_origin="*"), "https://c.example"),
        (
            bahamut.CORSPolicy(allow_origin=bahamut.CORS_ORIGIN_MIRROR, allow_credentials=False),
            "https://c.example",
        ),
        (None, "https://c.example"),
    ],
)
async def test_x13_what_is_no_operation_is_decorated_as_operations_are(own, policy, origin):
    headers = dict.fromkeys(own, "own")

    async def answer(request: web.Request) -> web.Response:
        if request.path == "/fails":
            raise RuntimeError("a detail")
        if request.path == "/moved":
            raise web.HTTPFound("/", headers=headers)
        return web.Response(headers=headers)

    class Controller:
        def policy_for_request(self, request):
            return policy

    server = bahamut.new(
        bahamut.opt_model({0: registry()}),
        bahamut.opt_custom_root_handler(answer),
        bahamut.opt_cors_access_control(Controller()),
    )
    server.register_processor(Notes(), Note.IDENTITY)
    for path in ("/fails", "/moved"):
        server.register_custom_route_handler(path, answer)
    expected = dict(policy.headers(origin or "")) if policy is not None else {}
    statuses = {"/": 200, "/moved": 302, "/fails": 500, "/_meta/routes": 200, "/notes": 200}
    async with TestClient(TestServer(server.make_app())) as client:
        for path, status in statuses.items():
            asked = {"Origin": origin} if origin else {}
            found = await client.get(path, headers=asked, allow_redirects=False)
            assert found.status == status
            for name in (f"Access-Control-{name}" for name in CORS):
                kept = "own" if name in own and path in ("/", "/moved") else None
                assert found.headers.getall(name, [None]) == [expected.get(name, kept)]
            vary = ", ".join(found.headers.getall("Vary", ())).split(", ")
            assert ("Origin" in vary) == ("Vary" in expected)
            assert ("own" in vary) == ("Vary" in own and path in ("/", "/moved"))


async def test_x29_what_kept_a_service_from_starting_is_raised():
    async with serving() as port:
        server = bahamut.new(bahamut.opt_rest_server(f"127.0.0.1:{port}"))
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            await server.run(bahamut.RunContext())


async def test_x29_a_failing_start_hook_stops_what_had_started():
    async def fail(_server):
        raise RuntimeError("not today")

    server = bahamut.new(bahamut.opt_rest_server("127.0.0.1:0"), bahamut.opt_post_start_hook(fail))
    with pytest.raises(RuntimeError, match="not today"):
        await server.run()


async def test_a_health_server_beside_the_api():
    states = {"healthy": True}

    async def check():
        if not states["healthy"]:
            raise RuntimeError("no database")

    manager = bahamut.new_prometheus_metrics_manager()
    from tests.integration.support import free_port

    health = free_port()
    async with (
        serving(
            bahamut.opt_health_server(f"127.0.0.1:{health}", check),
            bahamut.opt_health_server_metrics_manager(manager),
        ) as port,
        aiohttp.ClientSession() as client,
    ):
        await client.get(f"http://127.0.0.1:{port}/notes")
        assert (await client.get(f"http://127.0.0.1:{health}/")).status == 204
        text = await (await client.get(f"http://127.0.0.1:{health}/metrics")).text()
        assert 'http_requests_total{code="200",method="GET",url="/notes"} 1.0' in text
        states["healthy"] = False
        assert (await client.get(f"http://127.0.0.1:{health}/")).status == 500
        assert (await client.post(f"http://127.0.0.1:{health}/")).status == 405


async def test_what_is_no_http_is_refused_and_fills_no_log(caplog):
    async with serving() as port:
        for data in (
            b"\x16\x03\x01\x02\r\n\r\n",
            b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
            b"GET /v/ 0/notes HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /notes\r\n\r\n",
        ):
            answer = await exchange(port, data)
            assert answer.split()[1] == b"400"
            assert answer.endswith(b"\r\n\r\n400 Bad Request")
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200 ")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("expected", [b"x", b"\xff", b"\xc3\xa9"])
async def test_what_nobody_can_meet_is_no_internal_error(expected):
    request = close("GET /notes")[:-2] + b"Expect: " + expected + b"\r\n\r\n"
    async with serving() as port:
        assert (await exchange(port, request)).startswith(b"HTTP/1.1 417 ")


@pytest.mark.parametrize("name", [b"Accept", b"Content-Type"])
async def test_errors_repeat_what_is_no_unicode_as_well_as_they_can(name):
    request = close("GET /notes")[:-2] + name + b': a/b; c="\xff"\r\n\r\n'
    async with serving() as port:
        head, _, text = (await exchange(port, request)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 415 ")
    assert json.loads(text)[0]["description"].endswith('a/b; c="\ufffd"')


async def test_an_error_whose_data_cannot_be_encoded_is_answered_without_them(caplog):
    class Odd(Notes):
        async def process_retrieve_many(self, ctx):
            raise bahamut.elemental.Error("Odd", "very odd", "test", 418, {"data": object()})

    async with serving(processor=Odd()) as port:
        for accept in ("application/json", "application/msgpack"):
            answer = await exchange(port, close("GET /notes", f"Accept: {accept}"))
            assert answer.startswith(b"HTTP/1.1 418 ")
            assert b"very odd" in answer
    assert "cannot be encoded" in caplog.text


@pytest.mark.parametrize(("limit", "burst"), [(0, 0), (5, 0)])
async def test_a_limit_that_never_ends_is_a_429_without_a_date(limit, burst):
    async with serving(bahamut.opt_rate_limiting(limit, burst)) as port:
        answer = await exchange(port, close("GET /notes"))
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After" not in answer
