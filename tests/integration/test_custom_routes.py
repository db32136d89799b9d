"""Custom routes that are patterns, and what their failures put into the log."""

from __future__ import annotations

import logging

import bahamut
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from bahamut import AuthAction
from tests.integration.support import Note, Notes, close, exchange, registry, running
from yarl import URL

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def tell(request: web.Request) -> web.Response:
    return web.Response(text=f"file {request.match_info['name']}")


async def fail(request: web.Request) -> web.Response:
    raise RuntimeError(f"there is no {request.match_info['name']}")


class Nobody:
    async def authenticate_request(self, _ctx: bahamut.Context) -> AuthAction:
        return AuthAction.KO


def custom(*options: bahamut.Option) -> bahamut.Server:
    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"), bahamut.opt_model({0: registry()}), *options
    )
    server.register_processor(Notes(), Note.IDENTITY)
    server.register_custom_route_handler("/files/{name}", tell)
    server.register_custom_route_handler("/broken/{name:[^!]+}", fail)
    return server


@pytest.mark.parametrize(
    ("request_line", "status", "text"),
    [
        ("GET /files/a", 200, "file a"),
        ("PUT /files/a%20b?x=1", 200, "file a b"),
        ("OPTIONS /files/notes", 200, "file notes"),
        ("GET /broken/a/b", 500, "Internal error"),
        ("PROPFIND /files/a", 405, "PROPFIND not allowed on /files/a"),
        ("GET /files/%66ile%2f1", 200, "file file/1"),
        ("GET /%66iles/a%0ab", 200, "file a\nb"),
        ("GET /files/%zz", 200, "file %zz"),
        ("GET /files", 404, "Unable to find"),
        ("GET /files/", 400, "not a valid"),
        ("GET /files/a/b/c", 404, "Unable to find"),
        ("GET /notes", 401, "You are not authorized"),
        ("GET /notes/files", 401, "You are not authorized"),
    ],
)
async def test_a_pattern_is_served_as_a_custom_route(request_line, status, text):
    server = custom(bahamut.opt_authenticators([Nobody()]))
    async with running(server):
        answer = await exchange(server.addresses[0][1], close(request_line))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert text.encode() in answer


@pytest.mark.parametrize("logger", ["", "tests.custom"])
async def test_e20_a_failing_custom_route_cannot_be_made_to_forge_a_line(caplog, logger):
    options = (bahamut.opt_http_logger(logging.getLogger(logger)),) if logger else ()
    server = custom(*options)
    async with running(server):
        line = "GET /broken/x%0aERROR%20forged%1b[2J"
        assert b" 500 " in await exchange(server.addresses[0][1], close(line))
    assert "there is no x" in caplog.text
    assert not [line for line in caplog.text.splitlines() if line.startswith("ERROR forged")]
    assert "\x1b" not in caplog.text


async def test_e29_a_path_with_a_line_break_is_no_exception_in_an_application_of_its_own():
    async with TestClient(TestServer(custom().make_app())) as client:
        answer = await client.get(URL("/notes/1/x%0ay", encoded=True))
        assert answer.status == 404
        assert (await answer.json())[0]["title"] == "Not Found"
