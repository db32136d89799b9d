"""Options, each by what it changes for the clients of a running server."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import bahamut
import pytest
from bahamut.elemental import Registry
from bahamut.elemental.parameters import ParameterDefinition
from tests.integration.support import Note, Notes, close, exchange, free_port, serving

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

GET = b"GET /notes HTTP/1.1\r\nHost: x\r\n\r\n"


class Echo(Notes):
    """Says what a request was understood as."""

    async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
        request = ctx.request
        flag = request.parameters.get("propagated")
        ctx.output_data = [request.client_ip, request.namespace, flag.bool_value]


async def echoed(port: int, path: str = "/notes", **headers: str) -> list[object]:
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        answer = await client.get(path, headers=headers)
        found: list[object] = await answer.json()
        return found


async def test_a_socket_that_is_bound_already():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with serving(bahamut.opt_custom_listener(listener)) as port:
            assert port == listener.getsockname()[1]
            assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200")


async def test_without_keep_alive_a_connection_has_one_answer():
    async with serving(bahamut.opt_disable_keep_alive()) as port:
        answer = await exchange(port, GET + GET)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert b"\r\nConnection: close\r\n" in answer


async def test_headers_and_request_lines_may_be_given_more_room_or_less():
    long = "x" * 3000
    for size, status in ((2000, b"400"), (4000, b"200")):
        async with serving(bahamut.opt_max_header_size(size)) as port:
            for request in (close("GET /notes", f"X-Long: {long}"), close(f"GET /notes?q={long}")):
                answer = await exchange(port, request.replace(b"?q=", b"?after="))
                assert answer.split()[1] == status


async def test_a_pre_stop_hook_is_called_while_everything_runs():
    heard: list[bytes] = []
    ports: list[int] = []

    async def stopping(_server: bahamut.Server) -> None:
        heard.append(await exchange(ports[0], close("GET /notes")))
        raise RuntimeError("what it raises is logged")

    async with serving(bahamut.opt_pre_stop_hook(stopping)) as port:
        ports.append(port)
    assert heard[0].startswith(b"HTTP/1.1 200")


async def test_a_rate_limiter_of_ones_own():
    class Limiter:
        async def rate_limit(self, request: bahamut.elemental.Request) -> bool:
            return request.headers.get("X-Guest") is not None

    async with serving(bahamut.opt_rate_limiter(Limiter())) as port:
        assert (await exchange(port, close("GET /notes"))).startswith(b"HTTP/1.1 200")
        answer = await exchange(port, close("GET /notes", "X-Guest: yes"))
        assert answer.startswith(b"HTTP/1.1 429")


@pytest.mark.parametrize(("proxies", "address"), [((), "127.0.0.1"), (("127.0.0.0/8",), "1.2.3.4")])
async def test_x10_forwarding_headers_are_believed_of_trusted_proxies(proxies, address):
    async with serving(bahamut.opt_trusted_proxies(*proxies), processor=Echo()) as port:
        assert (await echoed(port, **{"X-Forwarded-For": "1.2.3.4"}))[0] == address


@pytest.mark.parametrize(
    ("options", "namespace"), [((), "/a"), ((bahamut.opt_namespacer(None),), "")]
)
async def test_a_namespace_comes_from_a_header_or_from_nowhere(options, namespace):
    async with serving(*options, processor=Echo()) as port:
        assert (await echoed(port, **{"X-Namespace": "/a"}))[1] == namespace


@pytest.mark.parametrize(
    ("options", "flag"), [((), False), ((bahamut.opt_backward_compat_propagation(),), True)]
)
async def test_propagated_may_be_a_declared_parameter(options, flag):
    declared = Registry([Note]).allow(
        Note, "retrieve-many", parameters=[ParameterDefinition("propagated", "boolean")]
    )
    async with serving(bahamut.opt_model({0: declared}), *options, processor=Echo()) as port:
        assert (await echoed(port, "/notes?propagated=true"))[2] is flag


# --- slow clients --------------------------------------------------------------------------------

HALF = close("POST /notes", "Content-Type: application/json", "Content-Length: 9") + b"{"


async def test_x11_a_body_that_does_not_come_in_time_is_not_waited_for():
    async with serving(bahamut.opt_timeouts(read=0.2)) as port:
        answer = await exchange(port, HALF)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"it did not come in time" in answer


async def test_x11_headers_are_part_of_the_request_that_must_come_in_time():
    async with serving(bahamut.opt_timeouts(read=0.2, header=60)) as port, asyncio.timeout(10):
        assert await exchange(port, GET[:-2], timeout=30) == b""


async def test_x24_the_timeouts_of_the_health_server():
    health = free_port()
    options = [
        bahamut.opt_health_server(f"127.0.0.1:{health}"),
        bahamut.opt_health_server_timeouts(read=0.2, idle=0.2),
    ]
    async with serving(*options), asyncio.timeout(10):
        assert await exchange(health, b"GET / HTTP/1.1\r\n", timeout=30) == b""
        answer = await exchange(health, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", timeout=30)
        assert answer.startswith(b"HTTP/1.1 204")


class Large(Notes):
    async def process_retrieve_many(self, ctx: bahamut.Context) -> None:
        ctx.output_data = ["x" * 1000] * 20_000


@pytest.mark.parametrize("request_", [GET, close("GET /notes")], ids=["kept", "closed"])
async def test_x11_a_client_that_does_not_read_is_cut_off(request_):
    metrics, gone = bahamut.new_prometheus_metrics_manager(), asyncio.Event()
    metrics.unregister_tcp_connection = gone.set
    options = [
        bahamut.opt_timeouts(write=0.2),
        bahamut.opt_disable_compression(),
        bahamut.opt_health_server_metrics_manager(metrics),
    ]
    async with serving(*options, processor=Large()) as port, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        await gone.wait()
        assert len(await reader.read()) < 20_000_000
        writer.close()
        await writer.wait_closed()
