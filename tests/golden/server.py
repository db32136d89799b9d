"""Our server, behaving as the one that the recordings were made with.

    python -m tests.golden.server --variant NAME --port N

It stands on the library's public API alone. What it does is described by the recordings' README;
the variants are in the table at the end.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import bahamut
import orjson
from aiohttp import web
from bahamut import elemental, regolithe
from bahamut.auth import simple
from bahamut.elemental import Error, Identity
from tests.golden.push import TOPIC, Dispatcher, events_of, push_options
from tests.golden.tracing import RecordingTracer
from tests.golden.workshop import Workshop, processors

SPECS = Path(__file__).parent / "data" / "specs"
APP = "https://app.example.org"
OTHERS = ("https://other.example.org", "http://third.example.org:8080")


def with_push(port: int, *options: bahamut.Option, nats: str = "", bare: bool = False) -> Any:
    """Return a server that pushes, over NATS if there is a URL."""
    golden = Golden()
    dispatcher = Dispatcher(golden.registry)
    client = bahamut.new_nats_pubsub_client(nats) if nats else bahamut.new_local_pubsub_client()
    if bare:
        golden.options += [
            bahamut.opt_push_server(client, TOPIC),
            bahamut.opt_push_dispatch_handler(None),
        ]
    else:
        golden.options += push_options(golden.registry, client, dispatcher)
    golden.options += options
    server = golden.server(port)

    async def sessions(request: web.Request) -> web.Response:
        lines, dispatcher.lines = dispatcher.lines, []
        return json_response(lines)

    server.register_custom_route_handler("/custom/sessions", sessions)
    return server


class Golden:
    """One variant: a registry, a workshop, an auditer's lines, and the server made of them."""

    def __init__(self, *options: bahamut.Option, versions: Iterable[int] = (0,)) -> None:
        self.registry = regolithe.build_registry(regolithe.load(SPECS))
        self.workshop = Workshop(self.registry)
        self.lines: list[str] = []
        self.options: list[bahamut.Option] = [
            bahamut.opt_model(dict.fromkeys(versions, self.registry)),
            bahamut.opt_identifiable_retriever(self.workshop.retrieve),
            bahamut.opt_auditer(self),
            bahamut.opt_expose_internal_errors(),
            *options,
        ]

    def identity(self, name: str) -> Identity:
        return self.registry.identity(name)

    def audit(self, ctx: bahamut.Context, error: BaseException | None) -> None:
        request = ctx.request
        outcome = str(error) if error is not None else "ok"
        self.lines.append(f"{request.operation} {request.identity.name} {outcome}")

    async def audited(self, request: web.Request) -> web.Response:
        lines, self.lines = self.lines, []
        return json_response(lines)

    def server(self, port: int, *, bare: bool = False, with_patch: bool = False) -> bahamut.Server:
        server = bahamut.new(bahamut.opt_rest_server(f"127.0.0.1:{port}"), *self.options)
        if not bare:
            made = processors(self.workshop, with_patch=with_patch)
            for name, processor in made.items():
                bahamut.register_processor_or_die(server, processor, self.identity(name))
            self.add_routes(server)
        return server

    def add_routes(self, server: bahamut.Server) -> None:
        async def push(request: web.Request) -> web.Response:
            return await pushed(server, self.registry, request)

        routes = {"/custom/ping": ping, "/custom/audit": self.audited, "/custom/push": push}
        for path, handler in routes.items():
            bahamut.register_custom_handler_or_die(server, path, handler)


def json_response(value: Any) -> web.Response:
    return web.Response(
        body=orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + b"\n",
        headers={"Content-Type": "application/json"},
    )


async def ping(request: web.Request) -> web.Response:
    return web.Response(
        body=f"pong {request.method} {request.path}\n".encode(),
        headers={"Content-Type": "text/plain"},
    )


async def pushed(
    server: bahamut.Server, registry: elemental.Registry, request: web.Request
) -> web.Response:
    """Make events and push them in one call; the query says what and how many."""
    if registry.identity_from_name(request.query.get("identity", "list")).is_empty:
        return web.Response(status=400)
    await server.push(*events_of(registry, request.query))
    return web.Response(status=204)


async def root(request: web.Request) -> web.Response:
    return web.Response(
        body=f"root {request.method}\n".encode(),
        headers={"Content-Type": "text/plain", "X-Root": "yes"},
    )


# --- authentication and authorization ----------------------------------------------------------


async def first_authenticator(ctx: bahamut.Context) -> bahamut.AuthAction:
    match ctx.request.password:
        case "good":
            ctx.claims = ["user=ann"]
            return bahamut.AuthAction.OK
        case "bad":
            return bahamut.AuthAction.KO
        case "error":
            raise RuntimeError("token check failed")
        case "coded":
            raise Error("Expired", "the token has expired", "workshop", 419)
        case "boom":
            raise RuntimeError("authenticator boom")
    return bahamut.AuthAction.CONTINUE


async def second_authenticator(ctx: bahamut.Context) -> bahamut.AuthAction:
    refused = ctx.request.headers.get("X-Second") == "ko"
    return bahamut.AuthAction.KO if refused else bahamut.AuthAction.CONTINUE


async def first_authorizer(ctx: bahamut.Context) -> bahamut.AuthAction:
    match ctx.request.namespace:
        case "/forbidden":
            return bahamut.AuthAction.KO
        case "/broken":
            raise RuntimeError("authorization check failed")
        case "/open":
            return bahamut.AuthAction.OK
    return bahamut.AuthAction.CONTINUE


async def second_authorizer(ctx: bahamut.Context) -> bahamut.AuthAction:
    refused = ctx.request.operation is elemental.Operation.DELETE
    return bahamut.AuthAction.KO if refused else bahamut.AuthAction.CONTINUE


def auth_options() -> list[bahamut.Option]:
    authenticators = [
        simple.new_authenticator(first_authenticator),
        simple.new_authenticator(second_authenticator),
    ]
    authorizers = [
        simple.new_authorizer(first_authorizer),
        simple.new_authorizer(second_authorizer),
    ]
    return [bahamut.opt_authenticators(authenticators), bahamut.opt_authorizers(authorizers)]


# --- marshalling of tasks ----------------------------------------------------------------------


def unmarshal_task(registry: elemental.Registry, request: elemental.Request) -> Any:
    body = request.data.decode()
    if "=" not in body:
        raise ValueError(f"cannot read a task from '{body}'")
    values: dict[str, Any] = {}
    for part in body.split(";"):
        key, _, value = part.partition("=")
        if key in ("name", "description", "priority"):
            values[key] = value
    if "priority" in values:
        try:
            values["priority"] = int(values["priority"])
        except ValueError:
            raise Error("Bad Priority", "not a number", "workshop", 409) from None
    model = registry.model("task")
    task = model.SPARSE() if request.operation is elemental.Operation.PATCH else model()
    for key, value in values.items():
        setattr(task, key, value)
    return task


def marshal_task(request: elemental.Request, output: Any, errors: elemental.Errors | None) -> bytes:
    if errors is not None:
        listed = "".join(f";{error.code} {error.title}" for error in errors)
        return f"failed {errors.code}{listed}\n".encode()
    tasks = output if isinstance(output, list) else [output]
    if not all(getattr(task, "identity", None) == request.identity for task in tasks):
        return b"something else\n"
    if any(task.description == "refuse" for task in tasks):
        raise RuntimeError("refused to write")
    lines = (
        f"id={t.identifier};name={t.name};description={t.description};priority={t.priority}\n"
        for t in tasks
    )
    return "".join(lines).encode()


def marshalled(*options: bahamut.Option) -> Golden:
    golden = Golden(*options)
    task = golden.identity("task")
    golden.options += [
        bahamut.opt_marshallers({task: marshal_task}),
        bahamut.opt_unmarshallers({task: partial(unmarshal_task, golden.registry)}),
    ]
    return golden


# --- errors, namespaces, limits ----------------------------------------------------------------


def transform(error: BaseException) -> BaseException | None:
    if "plain" in str(error):
        return Error("Transformed", f"it was: {error}", "workshop", 409)
    if elemental.is_error_with_code(error, 404):
        return RuntimeError("hidden")
    return None


class OwnNamespacer:
    """A namespacer of one's own."""

    def extract(self, request: elemental.RawRequest) -> str:
        match request.headers.get("X-Ns", ""):
            case "bad":
                raise RuntimeError("bad namespace")
            case "coded":
                raise Error("No Namespace", "refused", "workshop", 409)
            case namespace:
                return f"own:{namespace}"

    def inject(self, headers: Any, namespace: str) -> None:
        headers["X-Ns"] = namespace


def limited_by_identity() -> Golden:
    golden = Golden()
    golden.options += [
        bahamut.opt_api_rate_limiting(golden.identity("list"), 0.0001, 2),
        bahamut.opt_api_rate_limiting(
            golden.identity("user"),
            0.0001,
            1,
            lambda request: request.headers.get("X-Limited") == "yes",
        ),
    ]
    return golden


def read_only() -> Golden:
    golden = Golden()
    golden.options.append(bahamut.opt_read_only([golden.identity("user")]))
    return golden


# --- metrics, tracing, health ------------------------------------------------------------------

SHOWN = ("http_requests_", "http_errors_5xx", "http_ws_", "tcp_connections_")


def metrics_server(port: int) -> bahamut.Server:
    manager = bahamut.new_prometheus_metrics_manager()

    async def metrics(request: web.Request) -> web.Response:
        _, exposition = manager.write()
        shown = []
        for line in exposition.decode().splitlines():
            name = line.split()[2] if line.startswith("#") else line
            if name.startswith(SHOWN):
                shown.append(_without_values(line) if not line.startswith("#") else line)
        return web.Response(
            body="".join(f"{line}\n" for line in shown).encode(),
            headers={"Content-Type": "text/plain"},
        )

    server = Golden(bahamut.opt_health_server_metrics_manager(manager)).server(port)
    server.register_custom_route_handler("/custom/metrics", metrics)
    return server


def _without_values(line: str) -> str:
    series, _, value = line.rpartition(" ")
    if series.startswith("tcp_connections_"):
        value = "(number)"
    elif "_sum" in series or "quantile=" in series:
        value = "(time)"
    return f"{series} {value}"


def traced_server(port: int) -> bahamut.Server:
    tracer = RecordingTracer()

    async def spans(request: web.Request) -> web.Response:
        return json_response(tracer.take())

    golden = Golden(
        bahamut.opt_opentracing_tracer(tracer),
        bahamut.opt_trace_cleaner(
            lambda identity, data: b"[cleaned]" if identity.name == "safe" else data
        ),
    )
    golden.options.append(bahamut.opt_opentracing_excluded_identities([golden.identity("user")]))
    server = golden.server(port)
    server.register_custom_route_handler("/custom/spans", spans)
    return server


async def healthy() -> None:
    """Be healthy."""


class Silent:
    """A pinger that fails."""

    async def ping(self, timeout: float) -> None:
        raise RuntimeError("no answer")


async def teapot(request: web.Request) -> web.Response:
    return web.Response(status=418, text="short and stout")


async def stats(request: web.Request) -> web.Response:
    return web.Response(text=request.rel_url.raw_query_string or None)


def health_server(port: int, *options: bahamut.Option, check: Any = None) -> bahamut.Server:
    return bahamut.new(bahamut.opt_health_server(f"127.0.0.1:{port}", check), *options)


# --- the variants ------------------------------------------------------------------------------

VARIANTS: dict[str, Callable[[int], bahamut.Server]] = {
    "default": lambda port: Golden().server(port),
    "readonly": lambda port: read_only().server(port),
    "auth": lambda port: Golden(*auth_options()).server(port),
    "cors": lambda port: cors(APP, OTHERS).server(port),
    "corsmirror": lambda port: cors(bahamut.CORS_ORIGIN_MIRROR).server(port),
    "corsany": lambda port: cors("*").server(port),
    "prefix": lambda port: Golden(
        bahamut.opt_enable_api_path_prefix("/api"),
        bahamut.opt_enable_custom_route_path_prefix("/own"),
    ).server(port),
    "ratelimit": lambda port: Golden(bahamut.opt_rate_limiting(0.0001, 4)).server(port),
    "ratelimitapi": lambda port: limited_by_identity().server(port),
    "marshal": lambda port: marshalled().server(port),
    "external": lambda port: marshalled(
        bahamut.opt_external_types(
            content_types=["application/x-task"], accept_types=["application/x-task"]
        )
    ).server(port),
    "transform": lambda port: Golden(bahamut.opt_error_transformer(transform)).server(port),
    "nometa": lambda port: Golden(
        bahamut.opt_disable_meta_routes(),
        bahamut.opt_service_info("workshop", "1.2.3", {"tool": "hammer"}),
    ).server(port),
    "versions": lambda port: Golden(
        bahamut.opt_service_info(
            "workshop <&> é",
            "1.2.3",
            {"tool": "1.0", "<b>": {"n": 2, "list": [1, 2]}, "a": None},
        ),
        versions=(0, 1),
    ).server(port),
    "nocompress": lambda port: Golden(bahamut.opt_disable_compression()).server(port),
    "nopanic": lambda port: Golden(bahamut.opt_disable_panic_recovery()).server(port),
    "patchproc": lambda port: Golden(bahamut.opt_identifiable_retriever(None)).server(
        port, with_patch=True
    ),
    "root": lambda port: Golden(bahamut.opt_custom_root_handler(root)).server(port),
    "bare": lambda port: Golden().server(port, bare=True),
    "nomodel": lambda port: without_models(port),
    "metrics": metrics_server,
    "namespacer": lambda port: Golden(bahamut.opt_namespacer(OwnNamespacer())).server(port),
    "nonamespacer": lambda port: Golden(bahamut.opt_namespacer(None)).server(port),
    "tracer": traced_server,
    "health": lambda port: health_server(
        port,
        bahamut.opt_health_custom_stats({"teapot": teapot, "stats": stats}),
        check=healthy,
    ),
    "healthbad": lambda port: health_server(
        port, check=lambda: bahamut.retrieve_health_status(1.0, {"silent": Silent()})
    ),
    "healthbare": health_server,
    "push": with_push,
    "pushpath": lambda port: with_push(port, bahamut.opt_push_endpoint("/listen/here")),
    "pushcors": lambda port: with_push(port, bahamut.opt_cors_origin(APP)),
    "pushbare": lambda port: with_push(port, bare=True),
}
OVER_NATS: dict[str, Callable[[int, str], bahamut.Server]] = {
    "pushnats": lambda port, nats: with_push(port, nats=nats),
    "pushhier": lambda port, nats: with_push(
        port, bahamut.opt_push_server_enable_subject_hierarchies(), nats=nats
    ),
}


def without_models(port: int) -> bahamut.Server:
    server = bahamut.new(bahamut.opt_rest_server(f"127.0.0.1:{port}"))
    Golden().add_routes(server)
    return server


def cors(origin: str, others: Iterable[str] = ()) -> Golden:
    controller = bahamut.new_default_cors_controller(origin, others)
    return Golden(bahamut.opt_cors_access_control(controller))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", choices=[*VARIANTS, *OVER_NATS], default="default")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", metavar="URL")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.CRITICAL)
    name, port = arguments.variant, arguments.port
    if name in OVER_NATS:
        bahamut.run(OVER_NATS[name](port, arguments.nats))
    else:
        bahamut.run(VARIANTS[name](port))


if __name__ == "__main__":
    main()
