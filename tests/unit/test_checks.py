"""What options, processors and routes are given, refused when it cannot work (E26, G5, G6)."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import Any

import bahamut
import pytest
from bahamut import AuthAction
from bahamut._kit.calls import accepts, is_coroutine_function, is_generator, may_return_awaitable
from bahamut.auth import simple
from bahamut.elemental import Identity, Model, Registry, attribute
from tests.decorators import bare, wrapped

NAN, INF = float("nan"), float("inf")


class Note(Model, identity=Identity("note", "notes")):
    """Something written down."""

    id: str = attribute(default="", wire="ID", identifier=True)


def registry() -> Registry:
    return Registry([Note]).allow(Note)


async def coroutine(_one: Any) -> Any:
    return AuthAction.OK


def plain(_one: Any) -> Any:
    return AuthAction.OK


class Called:
    """An object that is called as a coroutine function."""

    async def __call__(self, _one: Any) -> Any:
        return AuthAction.OK


class Plain:
    """Every guard and hook, none of them a coroutine function."""

    def hook(self, *_: Any) -> Any:
        return True

    authenticate_request = authenticate_session = is_authorized = rate_limit = hook
    on_push_session_init = on_push_session_start = on_push_session_stop = hook
    should_dispatch = should_publish = hook


class Short:
    """Every guard and hook, none of them with the arguments that it is given."""

    async def hook(self) -> Any:
        return True

    authenticate_request = authenticate_session = is_authorized = rate_limit = hook
    on_push_session_init = on_push_session_start = on_push_session_stop = hook
    should_dispatch = should_publish = audit = hook


def client() -> bahamut.PubSubClient:
    return bahamut.new_local_pubsub_client()


GUARDS = [
    (lambda x: bahamut.opt_authenticators([x]), "opt_authenticators", "authenticate_request(ctx)"),
    (
        lambda x: bahamut.opt_authenticators([], [x]),
        "opt_authenticators",
        "authenticate_session(session)",
    ),
    (lambda x: bahamut.opt_authorizers([x]), "opt_authorizers", "is_authorized(ctx)"),
    (bahamut.opt_rate_limiter, "opt_rate_limiter", "rate_limit(request)"),
    (bahamut.opt_push_publish_handler, "opt_push_publish_handler", "should_publish(event)"),
    (
        bahamut.opt_push_dispatch_handler,
        "opt_push_dispatch_handler",
        "should_dispatch(session, event, summary)",
    ),
]


@pytest.mark.parametrize("value", [object(), Plain(), Short(), Plain, 5, "guard"], ids=repr)
@pytest.mark.parametrize(("option", "name", "method"), GUARDS, ids=[row[2] for row in GUARDS])
def test_e26_an_object_without_the_coroutine_method_is_refused(
    option: Any, name: str, method: str, value: Any
) -> None:
    with pytest.raises(ValueError, match="has no coroutine method") as raised:
        bahamut.new(option(value))
    assert f"{name}(): " in str(raised.value)
    assert method in str(raised.value)


def test_e26_the_sentence_names_option_and_value() -> None:
    with pytest.raises(ValueError, match="opt_authorizers") as raised:
        bahamut.new(bahamut.opt_authorizers([Plain()]))
    assert str(raised.value) == (
        "opt_authorizers(): <Plain> has no coroutine method is_authorized(ctx): "
        "declare it with 'async def'"
    )


@pytest.mark.parametrize("auditer", [object(), Short(), 5, "audit"])
def test_e26_an_auditer_without_audit_is_refused(auditer: Any) -> None:
    with pytest.raises(ValueError, match=r"opt_auditer\(\): .* has no method audit\(ctx, error\)"):
        bahamut.new(bahamut.opt_auditer(auditer))


FUNCTIONS = [
    bahamut.opt_custom_root_handler,
    bahamut.opt_identifiable_retriever,
    bahamut.opt_post_start_hook,
    bahamut.opt_pre_stop_hook,
    lambda f: bahamut.opt_health_custom_stats({"key": f}),
]


@pytest.mark.parametrize("option", FUNCTIONS)
@pytest.mark.parametrize("function", [plain, Plain().hook, functools.partial(plain), Short().hook])
def test_e26_a_function_that_cannot_be_awaited_is_refused(option: Any, function: Any) -> None:
    with pytest.raises(ValueError, match=r"opt_\w+\(\): .* is not a coroutine function"):
        bahamut.new(option(function))


@pytest.mark.parametrize("option", FUNCTIONS)
@pytest.mark.parametrize(
    "function",
    [
        coroutine,
        Called(),
        functools.partial(coroutine),
        wrapped(coroutine),
        bare(coroutine),
        wrapped(wrapped(coroutine)),
        lambda one: coroutine(one),
    ],
)
def test_g5_coroutine_functions_are_recognised_behind_wrappers(option: Any, function: Any) -> None:
    bahamut.new(option(function))


PLAIN_FUNCTIONS = [
    bahamut.opt_error_transformer,
    lambda f: bahamut.opt_unmarshallers({Note.IDENTITY: f}),
    lambda f: bahamut.opt_api_rate_limiting(Note.IDENTITY, 1, 1, f),
]


@pytest.mark.parametrize("option", PLAIN_FUNCTIONS)
@pytest.mark.parametrize("function", [coroutine, Called(), wrapped(coroutine), 5, lambda: None])
def test_e26_a_coroutine_function_where_a_plain_one_is_wanted_is_refused(
    option: Any, function: Any
) -> None:
    with pytest.raises(ValueError, match=r"opt_\w+\(\): .* is not a plain function"):
        bahamut.new(option(function))
    bahamut.new(option(plain))


@pytest.mark.parametrize(
    "listen",
    "8080;nope;;host;:;host:;:x;:-1;:65536;:8 0;: 80;a b:80;http://h:80;:٨٠;:999999999".split(";"),  # noqa: SIM905
)
@pytest.mark.parametrize("option", [bahamut.opt_rest_server, bahamut.opt_health_server])
def test_e26_an_address_that_is_none_is_refused(option: Any, listen: str) -> None:
    with pytest.raises(ValueError, match="invalid listen address") as raised:
        bahamut.new(option(listen))
    assert f"{option.__name__}(): invalid listen address '{listen}'" in str(raised.value)


@pytest.mark.parametrize("listen", [":0", ":8080", "127.0.0.1:80", "[::1]:65535", "localhost:1"])
@pytest.mark.parametrize("option", [bahamut.opt_rest_server, bahamut.opt_health_server])
def test_e26_an_address_is_taken(option: Any, listen: str) -> None:
    bahamut.new(option(listen))


NONSENSE = [
    *((bahamut.opt_rest_server, (value,)) for value in (8080, None, b":80")),
    *((bahamut.opt_health_server, (value,)) for value in (8080, None)),
    *((bahamut.opt_health_server, (":0", value)) for value in (plain, 5)),
    *((bahamut.opt_max_connection, (value,)) for value in (-1, True, 1.5, "1", None, NAN)),
    *((bahamut.opt_max_body_size, (value,)) for value in (-1, False, 1.5, "1", None)),
    *((bahamut.opt_max_header_size, (value,)) for value in (-1, True, "64")),
    *((bahamut.opt_shutdown_timeout, (value,)) for value in (-1, NAN, INF, True, "1", None)),
    *((bahamut.opt_timeouts, (value,)) for value in (-1, NAN, INF, True, "1", None)),
    *((bahamut.opt_timeouts, (0, 0, value)) for value in (-0.1, "75")),
    *((bahamut.opt_health_server_timeouts, (value,)) for value in (-1, NAN, "1")),
    *((bahamut.opt_rate_limiting, (value, 1)) for value in (-1, NAN, INF, "1", True)),
    *((bahamut.opt_rate_limiting, (1, value)) for value in (-1, 1.5, "1", True)),
    *((bahamut.opt_api_rate_limiting, (Note.IDENTITY, value, 1)) for value in (-1, NAN, "1")),
    *((bahamut.opt_push_slow_consumer, ("drop", value)) for value in (-1, True, 1.5, "64")),
    *((bahamut.opt_push_slow_consumer, ("drop", 1, value)) for value in (-1, NAN, "30")),
    *((bahamut.opt_push_max_message_size, (value,)) for value in (-1, True, "1")),
    (bahamut.opt_push_slow_consumer, (5,)),
    *((bahamut.opt_push_server, (value, "topic")) for value in (object(), 5, "nats://")),
    *((bahamut.opt_push_server, (client(), value)) for value in ("", "a b", "a.>", "*", 5, None)),
    *((bahamut.opt_custom_listener, (value,)) for value in (5, ":8080")),
    *((bahamut.opt_service_info, (value, "1", None)) for value in (5, None)),
    *((bahamut.opt_namespacer, (value,)) for value in (5, object())),
    *((bahamut.opt_cors_access_control, (value,)) for value in (5, "*", object())),
    *((bahamut.opt_trace_cleaner, (value,)) for value in (5, coroutine)),
    *((bahamut.opt_opentracing_tracer, (value,)) for value in (5, object())),
    *((bahamut.opt_health_server_metrics_manager, (value,)) for value in (5, object())),
    *((bahamut.opt_model, (value,)) for value in (5, "spec", {0: 5}, {"0": registry()})),
    *((bahamut.opt_marshallers, (value,)) for value in (5, {Note.IDENTITY: 5})),
    *((bahamut.opt_authorizers, (value,)) for value in (5, "ab", Plain())),
    *((bahamut.opt_authenticators, (value,)) for value in (5, "ab", Plain())),
    *((bahamut.opt_cors_origin, (value,)) for value in (5, None, "a.b", "https://", "https://a/")),
    *((bahamut.opt_push_endpoint, (value,)) for value in ("", "/", "/a?b", "/../a")),
]


@pytest.mark.parametrize(
    ("option", "arguments"), NONSENSE, ids=[f"{o.__name__}{a!r}"[:60] for o, a in NONSENSE]
)
def test_e26_nonsense_is_refused_with_the_name_of_the_option(option: Any, arguments: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=rf"{option.__name__}\(\)|path prefix"):
        bahamut.new(option(*arguments))


@pytest.mark.parametrize("policy", ["", "Drop", "none", "conflated"])
def test_e26_an_unknown_policy_is_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="unknown policy"):
        bahamut.new(bahamut.opt_push_slow_consumer(policy))


@pytest.mark.parametrize("value", [5, None, "opt", plain, bahamut.opt_disable_compression])
def test_e26_what_is_no_option_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"new\(\): .* is not an option"):
        bahamut.new(value)


def test_e26_sensible_values_are_taken() -> None:
    with socket.socket() as listener:
        bahamut.new(
            bahamut.opt_custom_listener(listener),
            bahamut.opt_model({0: registry()}),
            bahamut.opt_timeouts(0, 1, 2.5, header=0),
            bahamut.opt_rate_limiting(0.5, 1),
            bahamut.opt_push_server(client(), "a.b-c"),
            bahamut.opt_push_dispatch_handler(None),
            bahamut.opt_namespacer(None),
            bahamut.opt_cors_origin("https://a.example"),
            bahamut.opt_authorizers([simple.new_authorizer(coroutine)]),
            bahamut.opt_health_server_metrics_manager(bahamut.new_prometheus_metrics_manager()),
        )


@pytest.mark.asyncio
async def test_e26_a_server_that_runs_cannot_be_run_again() -> None:
    started, ctx = asyncio.Event(), bahamut.RunContext()

    async def announce(_server: Any) -> None:
        started.set()

    server = bahamut.new(
        bahamut.opt_rest_server("127.0.0.1:0"), bahamut.opt_post_start_hook(announce)
    )
    for _ in range(2):  # one after the other is fine
        ctx = bahamut.RunContext()
        running = asyncio.create_task(server.run(ctx))
        await asyncio.wait_for(started.wait(), 5)
        with pytest.raises(RuntimeError, match="the server is running already"):
            await server.run()
        ctx.cancel()
        await asyncio.wait_for(running, 5)
        started.clear()


@pytest.mark.parametrize(
    "make",
    [
        simple.new_authenticator,
        lambda function: simple.new_authenticator(None, function),
        simple.new_authorizer,
        simple.new_publish_handler,
    ],
)
@pytest.mark.parametrize("function", [plain, Short().hook, 5, functools.partial(plain)])
def test_e26_a_guard_is_made_of_coroutine_functions(make: Any, function: Any) -> None:
    with pytest.raises(TypeError, match="is not a coroutine function"):
        make(function)
    for taken in (coroutine, Called(), wrapped(coroutine), bare(coroutine), None):
        make(taken)


# --- processors and routes ------------------------------------------------------------------------


class Generator:
    async def process_create(self, ctx: Any) -> Any:
        yield ctx


class NoArguments:
    async def process_create(self) -> None: ...


class Value:
    process_create = 5


@pytest.mark.parametrize("processor", [Generator(), NoArguments(), Value(), NoArguments, object()])
def test_e26_a_processor_that_cannot_be_called_is_refused(processor: Any) -> None:
    server = bahamut.new(bahamut.opt_model({0: registry()}))
    with pytest.raises(TypeError, match="process_create"):
        server.register_processor(processor, Note.IDENTITY)


def test_e26_processor_and_identity_cannot_be_swapped() -> None:
    server: Any = bahamut.new(bahamut.opt_model({0: registry()}))
    with pytest.raises(TypeError, match="the processor comes first"):
        server.register_processor(Note.IDENTITY, Value())


@pytest.mark.parametrize("function", [wrapped(coroutine), bare(coroutine), coroutine, Called()])
def test_g6_a_route_has_its_path_first(function: Any) -> None:
    server: Any = bahamut.new()
    with pytest.raises(TypeError, match="the path comes first, then the handler"):
        server.register_custom_route_handler(function, "/path")
    with pytest.raises(TypeError, match="the path comes first, then the handler"):
        bahamut.register_custom_handler_or_die(server, function, "/path")
    assert not server.custom_handlers
    server.register_custom_route_handler("/path", function)
    bahamut.register_custom_handler_or_die(server, "/other", function)
    assert list(server.custom_handlers) == ["/path", "/other"]


@pytest.mark.parametrize(
    "path", ["", "/", "//", "x", "x/y", "/a//b", "/a b", "/a?b", "/a#b", "http://h/a", "/../a"]
)
def test_g6_an_odd_path_is_refused(path: str) -> None:
    server = bahamut.new()
    with pytest.raises(ValueError, match="path"):
        server.register_custom_route_handler(path, coroutine)
    with pytest.raises(RuntimeError, match="path"):
        bahamut.register_custom_handler_or_die(server, path, coroutine)


@pytest.mark.parametrize("handler", [plain, 5, None, Short().hook])
def test_g6_a_handler_that_cannot_be_awaited_is_refused(handler: Any) -> None:
    server = bahamut.new()
    with pytest.raises(TypeError, match="is not a coroutine function"):
        server.register_custom_route_handler("/path", handler)


# --- how functions are recognised -----------------------------------------------------------------


def test_g5_what_is_known_of_functions() -> None:
    for function in (coroutine, Called(), functools.partial(coroutine), wrapped(coroutine)):
        assert is_coroutine_function(function)
    for function in (plain, bare(coroutine), Plain().hook, functools.partial(plain), print, 5):
        assert not is_coroutine_function(function)
    assert may_return_awaitable(bare(coroutine))
    assert may_return_awaitable(functools.partial(bare(coroutine)))
    assert not may_return_awaitable(bare(plain))
    assert is_generator(Generator().process_create)
    assert not is_generator(coroutine)
    assert accepts(print, 3)
    assert accepts(wrapped(coroutine), 1)
    assert not accepts(coroutine, 2)
