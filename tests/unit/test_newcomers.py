"""Typical mistakes of newcomers, and the messages that tell them what to do."""

import logging
from collections.abc import Callable
from typing import Any

import bahamut
import pytest
from bahamut.elemental import Identity, Model, Registry, Request, attribute
from bahamut.elemental.operations import Operation


class Note(Model, identity=Identity("note", "notes")):
    """Something written down."""

    id: str = attribute(default="", wire="ID", identifier=True)


class Guard:
    """An authenticator that is not a coroutine."""

    def authenticate_request(self, ctx: Any) -> bahamut.AuthAction:
        return bahamut.AuthAction.OK


class Coroutine:
    async def policy_for_request(self, request: Any) -> None: ...


class ShortAudit:
    def audit(self, ctx: Any) -> None: ...


async def guard(ctx: Any) -> bahamut.AuthAction:
    return bahamut.AuthAction.OK


def marshal(request: Any, output: Any, errors: Any) -> bytes:
    return b""


MISTAKES: list[tuple[Callable[[], Any], str]] = [
    (lambda: bahamut.opt_rest_server("8080"), "expected HOST:PORT, for instance :8080"),
    (lambda: bahamut.opt_authenticators(Guard()), "<Guard> is not a list: use [...]"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_authenticators([Guard]), "pass an instance, not the class"),  # type: ignore[list-item]
    (lambda: bahamut.opt_authenticators([Guard()]), "declare it with 'async def'"),  # type: ignore[list-item]
    (lambda: bahamut.opt_authenticators([guard]), "an object with that method is required"),  # type: ignore[list-item]
    (lambda: bahamut.opt_cors_access_control(Coroutine()), "not 'async def'"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_auditer(ShortAudit()), "its parameters are different"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_model(Registry([Note])), "is not a mapping"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_model({0: [Note]}), "use {0: Registry([...])}"),  # type: ignore[dict-item]
    (lambda: bahamut.opt_push_server("nats://", "events"), "such as new_local_pubsub_client()"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_http_logger("app"), "opt_http_logger(): 'app' is not a logger"),  # type: ignore[arg-type]
    (lambda: bahamut.opt_trusted_proxies("10.0.0.1/8"), "opt_trusted_proxies(): 10.0.0.1/8"),
    (lambda: bahamut.opt_secret_parameters(["key"]), "opt_secret_parameters(): <list>"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("option", "words"), MISTAKES, ids=[words for _, words in MISTAKES])
def test_a_message_says_what_to_do(option: Callable[[], Any], words: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        bahamut.new(option())
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [Note, "note", 5, None])
@pytest.mark.parametrize(
    "option",
    [
        lambda value: bahamut.opt_api_rate_limiting(value, 1, 1),
        lambda value: bahamut.opt_read_only([value]),
        lambda value: bahamut.opt_opentracing_excluded_identities([value]),
        lambda value: bahamut.opt_marshallers({value: marshal}),
        lambda value: bahamut.opt_unmarshallers({value: repr}),
    ],
)
def test_only_an_identity_is_accepted_as_one(option: Any, value: Any) -> None:
    """Anything else would silently never match a request."""
    with pytest.raises(TypeError, match=r"opt_\w+\(\): .* is not an Identity"):
        option(value)
    bahamut.new(option(Note.IDENTITY))


def test_a_dispatch_handler_without_push_server_is_warned_about(
    caplog: pytest.LogCaptureFixture,
) -> None:
    options = [bahamut.opt_rest_server(":0"), bahamut.opt_push_dispatch_handler(None)]
    words = "opt_push_dispatch_handler() has no effect without opt_push_server()"
    with caplog.at_level(logging.WARNING):
        bahamut.new(*options)
    assert words in caplog.messages
    caplog.clear()
    push = bahamut.opt_push_server(bahamut.new_local_pubsub_client(), "events")
    bahamut.new(*options, push)
    assert words not in caplog.messages


@pytest.mark.parametrize("operation", ["list", "GET", "Create"])
def test_unknown_operations_are_listed_with_the_known_ones(operation: str) -> None:
    with pytest.raises(ValueError, match="expected one of retrieve-many, retrieve, create"):
        Registry([Note]).allow(Note, operation)


def test_the_identity_of_a_model_must_be_an_identity() -> None:
    wrong: Any = "note"
    with pytest.raises(TypeError, match="identity must be an Identity, not 'note'"):

        class Wrong(Model, identity=wrong):
            """A model named by a string."""


def test_custom_handlers_are_not_called_processors() -> None:
    server = bahamut.new(bahamut.opt_model({0: Registry([Note])}))
    with pytest.raises(RuntimeError, match="cannot register custom handler: 'status' is not an"):
        bahamut.register_custom_handler_or_die(server, "status", guard)


def test_a_context_can_be_printed() -> None:
    request = Request(operation=Operation.UPDATE, identity=Note.IDENTITY, object_id="7\n")
    assert repr(bahamut.Context(request)) == "<Context update note '7\\n'>"
    assert repr(bahamut.Context(Request())) == "<Context>"
