"""Return values and exceptions of guards and hooks: responses, log records and audits."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import bahamut
import pytest
from aiohttp import web
from bahamut import AuthAction
from bahamut.auth import simple
from bahamut.elemental import Error, Errors, Event
from bahamut.web import internals
from tests.integration.support import Note, Notes, registry, running

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

INTERNAL = {
    "code": 500,
    "description": "Internal error",
    "subject": "bahamut",
    "title": "Internal Server Error",
    "trace": "unknown",
}
NO_ACTIONS = [False, True, None, 0, 5, "KO", object()]
NO_BOOLEANS = [None, 0, 1, "yes", object()]


class Returns:
    """A guard and handler of every kind that returns the same to everybody."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.sessions: list[str] = []

    async def authenticate_request(self, _ctx: bahamut.Context) -> Any:
        return self.value

    async def is_authorized(self, _ctx: bahamut.Context) -> Any:
        return self.value

    async def authenticate_session(self, _session: Any) -> Any:
        return self.value

    async def rate_limit(self, _request: Any) -> Any:
        return self.value

    async def should_publish(self, _event: Any) -> Any:
        return self.value


class Dispatcher:
    """A dispatch handler whose answers are given."""

    def __init__(self, *, init: Any = True, dispatch: Any = True) -> None:
        self.init, self.dispatch = init, dispatch
        self.lines: list[str] = []

    async def on_push_session_init(self, _session: Any) -> Any:
        return self.init() if callable(self.init) else self.init

    async def on_push_session_start(self, _session: Any) -> None:
        self.lines.append("start")

    async def on_push_session_stop(self, _session: Any) -> None:
        self.lines.append("stop")

    async def should_dispatch(self, _session: Any, event: Any, _summary: Any) -> Any:
        self.lines.append(f"dispatch {event.type}")
        return self.dispatch() if callable(self.dispatch) else self.dispatch


class Audits:
    """Records the audits it receives."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []

    def audit(self, _ctx: bahamut.Context, error: BaseException | None) -> None:
        self.errors.append(error)


@contextlib.asynccontextmanager
async def serving(
    *options: bahamut.Option, processor: Any = None
) -> AsyncIterator[tuple[bahamut.Server, aiohttp.ClientSession]]:
    """Run a server of notes with a websocket, and give a client of it."""
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"),
        bahamut.opt_model({0: registry()}),
        bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events"),
        bahamut.opt_push_dispatch_handler(None),
        *options,
    )
    server.register_processor(processor or Notes(), Note.IDENTITY)
    async with running(server):
        base = f"http://127.0.0.1:{server.addresses[0][1]}"
        async with aiohttp.ClientSession(base) as client:
            yield server, client


def handshake(**headers: str) -> dict[str, str]:
    return {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **headers,
    }


async def refused(client: aiohttp.ClientSession, **headers: str) -> tuple[int, Any]:
    """Return status and first error of a handshake that is refused."""
    async with client.get("/events", headers=handshake(**headers)) as answer:
        assert answer.status != 101
        return answer.status, (await answer.json())[0]


# --- G1: what guards return ---------------------------------------------------------------------


@pytest.mark.parametrize("value", NO_ACTIONS, ids=repr)
@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("kind", ["authenticate_request", "is_authorized", "simple"])
async def test_g1_a_guard_that_returns_no_action_refuses(
    kind: str, is_closed: bool, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def decide(_ctx: bahamut.Context) -> Any:
        return value

    audits, processor = Audits(), Notes()
    option = {
        "authenticate_request": bahamut.opt_authenticators([Returns(value)]),
        "is_authorized": bahamut.opt_authorizers([Returns(value)]),
        "simple": bahamut.opt_authorizers([simple.new_authorizer(decide)]),
    }[kind]
    options = [option, bahamut.opt_auditer(audits)]
    options += [bahamut.opt_fail_closed()] if is_closed else []
    async with serving(*options, processor=processor) as (_, client):
        answer = await client.post("/notes", json={"text": "milk"})
        assert (answer.status, await answer.json()) == (500, [INTERNAL])
    assert not processor.kept
    name = "decide" if kind == "simple" else f"Returns.{kind}"
    assert f"{name} must return a member of AuthAction" in caplog.text
    assert [type(error).__name__ for error in audits.errors] == ["GuardError"]


@pytest.mark.parametrize("value", NO_ACTIONS, ids=repr)
async def test_g1_a_session_authenticator_that_returns_no_action_refuses(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(bahamut.opt_authenticators([], [Returns(value)])) as (_, client):
        assert await refused(client) == (500, INTERNAL)
    assert "Returns.authenticate_session must return a member of AuthAction" in caplog.text


@pytest.mark.parametrize("value", NO_BOOLEANS, ids=repr)
async def test_g1_a_rate_limiter_that_returns_no_boolean_refuses(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(bahamut.opt_rate_limiter(Returns(value))) as (_, client):
        answer = await client.get("/notes")
        assert (answer.status, await answer.json()) == (500, [INTERNAL])
    assert "Returns.rate_limit must return True or False" in caplog.text


@pytest.mark.parametrize("value", NO_BOOLEANS, ids=repr)
async def test_g1_a_session_hook_that_returns_no_boolean_refuses(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Dispatcher(init=lambda: value)
    async with serving(bahamut.opt_push_dispatch_handler(handler)) as (_, client):
        assert await refused(client) == (500, INTERNAL)
    assert "Dispatcher.on_push_session_init must return True or False" in caplog.text
    assert not handler.lines


@pytest.mark.parametrize("value", NO_BOOLEANS, ids=repr)
async def test_g1_a_dispatch_or_publish_hook_that_returns_no_boolean_withholds_the_event(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [value, True]
    handler = Dispatcher(dispatch=lambda: answers.pop(0))
    async with (
        serving(bahamut.opt_push_dispatch_handler(handler)) as (_, client),
        client.ws_connect("/events") as socket,
    ):
        for text in ("withheld", "sent"):
            await client.post("/notes", json={"text": text})
        event = await socket.receive_json(timeout=5)
        assert event["entity"]["text"] == "sent"
    assert "Dispatcher.should_dispatch must return True or False" in caplog.text

    publisher = Returns(value)
    async with (
        serving(bahamut.opt_push_publish_handler(publisher)) as (_, client),
        client.ws_connect("/events") as socket,
    ):
        await client.post("/notes", json={"text": "withheld"})
        publisher.value = True
        await client.post("/notes", json={"text": "sent"})
        event = await socket.receive_json(timeout=5)
        assert event["entity"]["text"] == "sent"
    assert "Returns.should_publish must return True or False" in caplog.text


# --- G2: what guards raise ----------------------------------------------------------------------


def failing(error: BaseException) -> list[bahamut.Option]:
    """Return options with a session authenticator and a session hook that raise *error*."""

    async def fail(_session: Any) -> AuthAction:
        raise error

    class Failing(Dispatcher):
        async def on_push_session_init(self, session: Any) -> bool:
            raise error

    return [
        bahamut.opt_authenticators([], [simple.new_authenticator(None, fail)]),
        bahamut.opt_push_dispatch_handler(Failing()),
    ]


@pytest.mark.parametrize("which", [0, 1], ids=["authenticator", "on_push_session_init"])
@pytest.mark.parametrize("error", [RuntimeError("db password"), KeyError("db password"), OSError()])
async def test_g2_what_a_session_guard_raises_is_logged_and_not_told(
    which: int, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(failing(error)[which]) as (_, client):
        assert await refused(client) == (500, INTERNAL)
    (record,) = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


@pytest.mark.parametrize("which", [0, 1], ids=["authenticator", "on_push_session_init"])
async def test_g2_the_text_is_told_where_internal_errors_are_exposed(which: int) -> None:
    options = [failing(RuntimeError("down"))[which], bahamut.opt_expose_internal_errors()]
    async with serving(*options) as (_, client):
        status, error = await refused(client)
        assert (status, error["description"]) == (500, "down")


@pytest.mark.parametrize("which", [0, 1], ids=["authenticator", "on_push_session_init"])
async def test_g2_an_elemental_error_keeps_its_status_and_words(which: int) -> None:
    error = Error("Expired", "the token has expired", "workshop", 419)
    async with serving(failing(error)[which]) as (_, client):
        status, told = await refused(client)
        assert (status, told["title"], told["subject"]) == (419, "Expired", "workshop")


# --- G3, G7: origins ----------------------------------------------------------------------------


async def status(port: int, *headers: str) -> int:
    """Return the status of a raw handshake: clients would not leave the Host header out."""
    request = ["GET /events HTTP/1.1", *(f"{name}: {value}" for name, value in handshake().items())]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("\r\n".join([*request, *headers]).encode() + b"\r\n\r\n")
    line = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    return int(line.split()[1])


def port_of(server: bahamut.Server) -> int:
    return server.addresses[0][1]


@pytest.mark.parametrize(
    "origin", ["null", "http://", "https://", "file://", "http:", "", "//", "x"]
)
@pytest.mark.parametrize("host", [["Host:"], [], ["Host: x"]], ids=["empty", "missing", "x"])
async def test_g3_an_origin_without_a_host_is_no_host_of_ours(origin: str, host: list[str]) -> None:
    async with serving() as (server, _):
        assert await status(port_of(server), *host, f"Origin: {origin}") in (400, 403)


@pytest.mark.parametrize(
    ("origin", "host", "expected"),
    [
        ("http://x", "x", 101),
        ("http://X", "x", 101),
        ("https://x", "x", 101),  # a proxy in front of us may have the certificate
        ("http://x", "x:80", 101),
        ("https://x:443", "x", 101),
        ("http://x:8080", "x:8080", 101),
        ("http://[::1]:8080", "[::1]:8080", 101),
        ("http://x:8080", "x", 403),
        ("http://x", "x:443", 403),
        ("http://x.evil", "x", 403),
        ("http://x@evil", "x", 403),
        ("ws://x", "x", 403),
        ("ftp://x", "x", 403),
    ],
)
async def test_g3_a_page_of_the_same_host_passes(origin: str, host: str, expected: int) -> None:
    async with serving() as (server, _):
        assert await status(port_of(server), f"Host: {host}", f"Origin: {origin}") == expected


@pytest.mark.parametrize("origin", ["*", bahamut.CORS_ORIGIN_MIRROR])
@pytest.mark.parametrize("page", ["https://evil.example", "null", "*", bahamut.CORS_ORIGIN_MIRROR])
async def test_g7_who_lets_everybody_read_lets_nobody_open_a_websocket(
    origin: str, page: str
) -> None:
    async with serving(bahamut.opt_cors_origin(origin)) as (server, _):
        assert await status(port_of(server), "Host: x", f"Origin: {page}") == 403
        assert await status(port_of(server), "Host: x", "Origin: http://x") == 101
        assert await status(port_of(server), "Host: x") == 101
    options = [bahamut.opt_cors_origin(origin), bahamut.opt_push_allow_any_origin()]
    async with serving(*options) as (server, _):
        assert await status(port_of(server), "Host: x", f"Origin: {page}") == 101


@pytest.mark.parametrize("origin", ["https://app.example", "https://*.example.org", "null"])
async def test_g7_a_page_that_is_named_may_open_a_websocket(origin: str) -> None:
    controller = bahamut.new_default_cors_controller("*", [origin])
    for option in (bahamut.opt_cors_origin(origin), bahamut.opt_cors_access_control(controller)):
        async with serving(option) as (server, _):
            page = origin.replace("*", "app")
            assert await status(port_of(server), "Host: x", f"Origin: {page}") == 101
            assert await status(port_of(server), "Host: x", "Origin: https://b.example") == 403


async def test_g3_behind_a_trusted_proxy_the_scheme_must_be_the_clients() -> None:
    async with serving(bahamut.opt_trusted_proxies("127.0.0.1")) as (server, _):
        host = ["Host: x", "X-Forwarded-Proto: https"]
        assert await status(port_of(server), *host, "Origin: https://x") == 101
        assert await status(port_of(server), *host, "Origin: http://x") == 403


# --- G4: clients that leave ----------------------------------------------------------------------


class Gate:
    """A guard and dispatch handler that waits in the middle of a handshake."""

    def __init__(self) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        self.outcome: Any = None
        self.lines: list[str] = []

    async def _wait(self) -> None:
        self.reached.set()
        await self.opened.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome

    async def authenticate_session(self, _session: Any) -> AuthAction:
        await self._wait()
        return self.outcome

    async def on_push_session_init(self, _session: Any) -> bool:
        await self._wait()
        return self.outcome is AuthAction.OK

    async def on_push_session_start(self, _session: Any) -> None:
        self.lines.append("start")

    async def on_push_session_stop(self, _session: Any) -> None:
        self.lines.append("stop")

    async def should_dispatch(self, *_: Any) -> bool:
        return True


@pytest.mark.parametrize("is_known", [True, False], ids=["short way", "public names"])
@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize(
    "outcome", [AuthAction.OK, AuthAction.KO, Error("Later", "not now", "test", 409)], ids=str
)
@pytest.mark.parametrize("where", ["authenticator", "on_push_session_init"])
async def test_g4_a_client_that_leaves_during_the_handshake_leaves_nothing(
    where: str,
    outcome: Any,
    is_reset: bool,
    is_known: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(internals, "IS_KNOWN", is_known)
    monkeypatch.setattr(internals, "IS_SHORT", is_known)
    gate = Gate()
    gate.outcome = outcome
    option = bahamut.opt_push_dispatch_handler(gate)
    if where == "authenticator":
        option = bahamut.opt_authenticators([], [gate])
    async with serving(option, bahamut.opt_shutdown_timeout(1)) as (server, _):
        before = asyncio.all_tasks()
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(server))
        lines = [f"{name}: {value}" for name, value in handshake(Host="x").items()]
        writer.write("\r\n".join(["GET /events HTTP/1.1", *lines, "", ""]).encode())
        await asyncio.wait_for(gate.reached.wait(), 5)
        caplog.clear()
        writer.transport.abort() if is_reset else writer.close()
        async with asyncio.timeout(5):
            connections = server._site._runner.server.connections
            while any(one.transport for one in connections):  # noqa: ASYNC110 - it gives no sign
                await asyncio.sleep(0)
        gate.opened.set()
        async with asyncio.timeout(5):
            while asyncio.all_tasks() - before:  # noqa: ASYNC110 - it gives no sign
                await asyncio.sleep(0)
        assert not server._push.hub.sessions
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]
    assert not gate.lines


# --- E19: cancellations that nobody asked for ----------------------------------------------------


async def cancelled_by_hand(*_: Any) -> Any:
    raise asyncio.CancelledError


async def cancelled_child(*_: Any) -> Any:
    child = asyncio.create_task(asyncio.sleep(60))
    child.cancel()
    await child


async def cancelled_future(*_: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def cancelled_after_a_timeout(*_: Any) -> Any:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(60)
    raise asyncio.CancelledError


STRAY = [cancelled_by_hand, cancelled_child, cancelled_future, cancelled_after_a_timeout]


class Cancelling:
    """A processor, guard, auditer and handler that raises a cancellation."""

    def __init__(self, fail: Any) -> None:
        self.fail = fail

    async def hook(self, *_: Any) -> Any:
        await self.fail()

    process_retrieve_many = authenticate_request = is_authorized = rate_limit = hook
    authenticate_session = audit = should_publish = hook


@pytest.mark.parametrize("fail", STRAY)
@pytest.mark.parametrize("where", ["processor", "authenticator", "authorizer", "limiter"])
async def test_e19_a_cancellation_that_nobody_asked_for_is_a_500(
    where: str, fail: Any, caplog: pytest.LogCaptureFixture
) -> None:
    cancelling, audits = Cancelling(fail), Audits()
    metrics = bahamut.new_prometheus_metrics_manager()
    options = [bahamut.opt_auditer(audits), bahamut.opt_health_server_metrics_manager(metrics)]
    processor: Any = Notes()
    match where:
        case "processor":
            processor = cancelling
        case "authenticator":
            options.append(bahamut.opt_authenticators([cancelling]))
        case "authorizer":
            options.append(bahamut.opt_authorizers([cancelling]))
        case "limiter":
            options.append(bahamut.opt_rate_limiter(cancelling))
    async with serving(*options, processor=processor) as (_, client):
        for _ in range(2):  # the connection goes on
            answer = await client.get("/notes")
            assert (answer.status, await answer.json()) == (500, [INTERNAL])
    assert [type(error).__name__ for error in audits.errors] == ["StrayCancellationError"] * 2
    assert "nothing was cancelled" in caplog.text
    assert b'code="500"' in metrics.write()[1]


@pytest.mark.parametrize("fail", STRAY)
async def test_e19_a_session_guard_that_is_cancelled_refuses(fail: Any) -> None:
    async with serving(bahamut.opt_authenticators([], [Cancelling(fail)])) as (_, client):
        assert await refused(client) == (500, INTERNAL)


@pytest.mark.parametrize("fail", STRAY)
async def test_e19_a_response_writer_that_is_cancelled_is_a_500(fail: Any) -> None:
    class Writes(Notes):
        async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
            ctx.response_writer = fail

    async with serving(processor=Writes()) as (_, client):
        for _ in range(2):
            assert (await client.get("/notes")).status == 500


@pytest.mark.parametrize("fail", STRAY)
async def test_e19_hooks_that_are_cancelled_stop_nothing(
    fail: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Dispatching(Dispatcher):
        async def should_dispatch(self, session: Any, event: Any, summary: Any) -> Any:
            if event.type == "create":
                await fail()
            return True

        async def on_push_session_stop(self, session: Any) -> None:
            await fail()

    options = [
        bahamut.opt_push_dispatch_handler(Dispatching()),
        bahamut.opt_auditer(Cancelling(fail)),
        bahamut.opt_pre_stop_hook(fail),
    ]
    async with serving(*options) as (server, client), client.ws_connect("/events") as socket:
        for text in ("a", "b"):
            assert (await client.post("/notes", json={"text": text})).status == 200
        update = Event.new("update", Note(id="1", text="c"), timestamp=datetime.now(UTC))
        await server.push(update)
        event = await socket.receive_json(timeout=5)
        assert event["type"] == "update"
    for text in ("auditer failed", "dispatch handler failed", "pre-stop hook failed"):
        assert text in caplog.text


async def test_e19_a_request_that_is_cancelled_is_cancelled() -> None:
    begun, ended = asyncio.Event(), list[str]()

    class Slow:
        async def process_retrieve_many(self, _ctx: bahamut.Context) -> None:
            begun.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                ended.append("cancelled")
                raise

    audits = Audits()
    options = [bahamut.opt_shutdown_timeout(0.1), bahamut.opt_auditer(audits)]
    async with aiohttp.ClientSession() as client:
        async with serving(*options, processor=Slow()) as (server, _):
            url = f"http://127.0.0.1:{port_of(server)}/notes"
            asking = asyncio.ensure_future(client.get(url))
            await asyncio.wait_for(begun.wait(), 5)
        with pytest.raises(aiohttp.ClientError):
            await asking
    assert ended == ["cancelled"]
    assert not audits.errors


# --- E28, G6: custom routes ----------------------------------------------------------------------


async def routed(
    handler: Any, *options: bahamut.Option, path: str = "/custom"
) -> tuple[int, Any, str]:
    """Return status, decoded body and type of the answer of a custom route."""
    server = bahamut.new(bahamut.opt_rest_server("127.0.0.1:0"), *options)
    server.register_custom_route_handler("/custom", handler)
    async with running(server), aiohttp.ClientSession() as client:
        answer = await client.get(f"http://127.0.0.1:{port_of(server)}{path}")
        body, kind = await answer.text(), answer.content_type
        return answer.status, json.loads(body) if kind.endswith("json") else body, kind


def raising(error: BaseException) -> Any:
    async def handler(_request: web.Request) -> web.Response:
        raise error

    return handler


@pytest.mark.parametrize("error", [RuntimeError("secret"), KeyError(), asyncio.CancelledError()])
@pytest.mark.parametrize("path", ["/", "/custom"])
async def test_e28_an_exception_of_a_custom_route_is_answered_as_documented(
    path: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    handler = raising(error)
    found = await routed(handler, bahamut.opt_custom_root_handler(handler), path=path)
    assert found == (500, [INTERNAL], "application/json")
    assert [r.levelname for r in caplog.records if r.exc_info] == ["ERROR"]
    exposing = await routed(
        raising(RuntimeError("told")), bahamut.opt_expose_internal_errors(), path="/custom"
    )
    assert exposing[1][0]["description"] == "told"


@pytest.mark.parametrize("value", [None, "text", {}, 204])
async def test_e28_a_custom_route_that_returns_no_response_is_a_500(value: Any) -> None:
    async def handler(_request: web.Request) -> Any:
        return value

    assert await routed(handler) == (500, [INTERNAL], "application/json")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (bahamut.NotFoundError(), 404),
        (Error("Teapot", "short and stout", "test", 418), 418),
        (Errors(Error("A", "a", "test", 409), Error("B", "b", "test", 422)), 409),
        (TimeoutError(), 504),
    ],
)
async def test_g6_an_error_that_a_custom_route_raises_is_answered_with_its_status(
    error: Exception, status: int
) -> None:
    found = await routed(raising(error))
    assert (found[0], found[1][0]["code"]) == (status, status)
    assert len(found[1]) == (len(error) if isinstance(error, Errors) else 1)


async def test_e28_an_http_exception_is_the_handlers_own_answer() -> None:
    found = await routed(raising(web.HTTPConflict(text="mine")))
    assert found == (409, "mine", "text/plain")


@pytest.mark.parametrize("outcome", [RuntimeError("broken"), "a text", NotImplementedError])
async def test_e28_an_error_transformer_that_fails_is_a_500(
    outcome: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def transform(_error: BaseException) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    audits = Audits()
    options = [bahamut.opt_error_transformer(transform), bahamut.opt_auditer(audits)]
    async with serving(*options) as (_, client):
        answer = await client.get("/notes/none")
        assert (answer.status, await answer.json()) == (500, [INTERNAL])
    assert "The error transformer failed" in caplog.text
    assert [type(error).__name__ for error in audits.errors] == ["NotFoundError"]


async def test_x5_a_cors_controller_that_fails_breaks_no_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Failing:
        def policy_for_request(self, _request: Any) -> Any:
            raise RuntimeError("no policy")

    async with serving(bahamut.opt_cors_access_control(Failing())) as (_, client):
        assert (await client.get("/notes")).status == 200
        assert (await client.get("/_meta/routes")).status == 200
    assert "The CORS controller failed" in caplog.text


@pytest.mark.parametrize("body", [None, "text", 5, {}])
async def test_x5_a_marshaller_that_returns_no_bytes_is_a_500(
    body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def marshal(*_: Any) -> Any:
        return body

    async with serving(bahamut.opt_marshallers({Note.IDENTITY: marshal})) as (_, client):
        answer = await client.get("/notes")
        assert (answer.status, await answer.json()) == (500, [INTERNAL])
    assert "must return bytes" in caplog.text


@pytest.mark.parametrize("decorate", ["wrapped", "bare"])
async def test_g5_a_coroutine_auditer_behind_a_decorator_is_awaited(decorate: str) -> None:
    audited = list[str]()

    async def audit(ctx: bahamut.Context, _error: BaseException | None) -> None:
        await asyncio.sleep(0)
        audited.append(ctx.request.identity.name)

    class Auditing:
        @staticmethod
        def audit(*args: Any) -> Any:
            return audit(*args)

    if decorate == "wrapped":
        functools.update_wrapper(Auditing.audit, audit)
    async with serving(bahamut.opt_auditer(Auditing())) as (_, client):
        assert (await client.get("/notes")).status == 200
    assert audited == ["note"]
