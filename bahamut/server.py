"""`Server`: processors and custom routes are registered here, and `run` serves them.

`new` makes one from options. What runs is a list of services under one supervisor: they start in
order, and stop in reverse.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import web

from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, failure, log_failure
from bahamut.app import make_application
from bahamut.checks import Hook, described
from bahamut.config import Config, Option
from bahamut.elemental.event import Event
from bahamut.elemental.identity import Identity
from bahamut.interfaces import CustomHandler, Processor
from bahamut.pipeline import Pipeline
from bahamut.plan import RULES
from bahamut.rest.meta import RouteInfo, routes_of
from bahamut.rest.routes import RestDoor
from bahamut.supervisor import RunContext, Service, install_sigint_handler, supervise
from bahamut.web.service import Site

if TYPE_CHECKING:
    from bahamut.push.service import Push

log = get_logger(__name__)

PROCESSOR_METHODS = tuple(rule.method for rule in RULES.values())
PROCESSOR_HOOKS = tuple(Hook(name, "ctx", "any", is_optional=True) for name in PROCESSOR_METHODS)


class Server:
    """An API server (Go: Server, NewServer). Use `new` to make one from options.

    Args:
        config: the configuration.

    Raises:
        ValueError: the configuration contradicts itself; the text says how.
    """

    def __init__(self, config: Config) -> None:
        problems = config.problems()
        if problems:
            raise ValueError("; ".join(problems))
        self.config = config
        self._processors: dict[str, Processor] = {}
        self._custom_handlers: dict[str, CustomHandler] = {}
        self._push: Push | None = None
        if config.push.client is not None:
            from bahamut.push.service import Push  # with what it needs, only if it is needed

            self._push = Push(config)
        publisher = self._push.publisher if self._push is not None else None
        self._pipeline = Pipeline(config, self._processors, publisher)
        if self._push is not None and self._push.endpoint is not None:
            self._push.endpoint.bucket = self._pipeline.global_bucket
        self._is_ready = False
        self._is_running = False
        self._site: Site | None = None

    # --- processors --------------------------------------------------------------------------

    def register_processor(self, processor: Processor, identity: Identity) -> None:
        """Let *processor* serve the operations on *identity* (Go: RegisterProcessor).

        Coroutine methods run on the event loop, plain ones in a worker thread. A plain wrapper made
        with `functools.wraps` around a coroutine method runs on the event loop, too.

        Raises:
            ValueError: the identity has a processor already, or belongs to no model.
            TypeError: the processor has none of the methods ``process_*``, or one that cannot be
                called with a context alone; *identity* is not an `Identity`.
        """
        if not isinstance(identity, Identity):
            raise TypeError(
                f"{described(identity)} is not an Identity: the processor comes first, then the "
                "identity, for instance Task.IDENTITY"
            )
        if identity.name in self._processors:
            raise ValueError(f"identity {identity} already has a registered processor")
        if not any(callable(getattr(processor, name, None)) for name in PROCESSOR_METHODS):
            raise TypeError(
                f"{type(processor).__name__} is not a processor: it has none of the methods "
                + ", ".join(PROCESSOR_METHODS)
            )
        for hook in PROCESSOR_HOOKS:
            if problem := hook.problem(processor):
                raise TypeError(problem)
        registries = self.config.model.registries.values()
        if registries and all(
            registry.identity_from_name(identity.name).is_empty for registry in registries
        ):
            raise ValueError(f"identity {identity} belongs to no model given to opt_model()")
        self._processors[identity.name] = processor
        self._pipeline.forget_plans()

    def unregister_processor(self, identity: Identity) -> None:
        """Take the processor of *identity* away (Go: UnregisterProcessor).

        Raises:
            LookupError: it has none.
        """
        self.processor_for_identity(identity)
        del self._processors[identity.name]
        self._pipeline.forget_plans()

    def processor_for_identity(self, identity: Identity) -> Processor:
        """Return the processor of *identity* (Go: ProcessorForIdentity).

        Raises:
            LookupError: it has none.
        """
        try:
            return self._processors[identity.name]
        except KeyError:
            raise LookupError(f"no registered processor for identity {identity}") from None

    def processors_count(self) -> int:
        """Return how many processors are registered (Go: ProcessorsCount)."""
        return len(self._processors)

    # --- custom routes -----------------------------------------------------------------------

    def register_custom_route_handler(self, path: str, handler: CustomHandler) -> None:
        """Serve *path* with an aiohttp handler (Go: RegisterCustomRouteHandler).

        It serves GET, POST, PUT, DELETE, HEAD, PATCH and OPTIONS. Register before the server runs.
        An `elemental.Error` that it raises is answered like that of a processor, any other
        exception with 500; `web.HTTPException` is its own answer.

        Args:
            path: below the custom route prefix, for instance ``/status``; aiohttp's patterns such
                as ``/files/{name}`` may be used.
            handler: a coroutine function that takes aiohttp's request and returns its response.

        Raises:
            TypeError: *handler* is not a coroutine function, or the arguments are swapped.
            ValueError: the path has a handler already, or is not an absolute path.
        """
        _check_route(path, handler)
        if path in self._custom_handlers:
            raise ValueError(f"path {path} has a registered handler already")
        self._custom_handlers[path] = handler

    def unregister_custom_route_handler(self, path: str) -> None:
        """Take the handler of *path* away (Go: UnregisterCustomRouteHandler).

        Raises:
            LookupError: it has none.
        """
        if path not in self._custom_handlers:
            raise LookupError(f"path {path} has no existing handler")
        del self._custom_handlers[path]

    @property
    def custom_handlers(self) -> Mapping[str, CustomHandler]:
        """The custom routes, by path; a copy."""
        return dict(self._custom_handlers)

    # --- what it says of itself --------------------------------------------------------------

    def routes_info(self) -> dict[int, list[RouteInfo]]:
        """Return what can be called, per version of the API (Go: RoutesInfo)."""
        return {
            version: routes_of(
                registry,
                self._processors,
                patch_method="process_update" if self.config.model.retriever else "process_patch",
            )
            for version, registry in sorted(self.config.model.registries.items())
        }

    def versions_info(self) -> Mapping[str, Any] | None:
        """Return the versions given to `opt_service_info` (Go: VersionsInfo)."""
        return self.config.meta.versions

    async def push(self, *events: Event) -> None:
        """Send *events* to whoever asked for them (Go: Push); without a push server, to nobody.

        What cannot be published is logged and counted; nothing is raised.
        """
        if self._push is not None:
            await self._push.publisher.push(*events)
        elif events:
            log.debug("%d events are not pushed: there is no push server", len(events))

    @property
    def push_endpoint(self) -> str:
        """The path of the websocket, empty when there is none (Go: PushEndpoint)."""
        return self.config.push.served_endpoint

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the API listens, empty while it does not."""
        return self._site.addresses if self._site is not None else []

    # --- running -----------------------------------------------------------------------------

    def make_app(self) -> web.Application:
        """Return the API as an aiohttp application, for a server of one's own.

        A module's ``make_app(argv)`` that returns it is what
        ``python -m aiohttp.web package.module:make_app`` calls.
        """
        app, _ = self._application()
        if self._push is not None:
            self._push.embed(app)
        return app

    def _application(self) -> tuple[web.Application, RestDoor]:
        return make_application(
            self.config, self._pipeline, self.routes_info, self._custom_handlers, self._push
        )

    async def run(self, ctx: RunContext | None = None) -> None:
        """Serve until *ctx* is cancelled or the task is, then stop in order (Go: Run).

        Args:
            ctx: ends the run when cancelled; without one only the task's cancellation does.

        Raises:
            RuntimeError: it is running already.
            Exception: what kept a service from starting, what it died of, or what the post-start
                hook raised; by then everything that ran has been stopped.
        """
        if self._is_running:
            raise RuntimeError("the server is running already")
        self._is_running = True
        try:
            await self._run(ctx or RunContext())
        finally:
            self._is_running = False

    async def _run(self, context: RunContext) -> None:
        self._pipeline.context = context
        if self._push is not None and self._push.endpoint is not None:
            self._push.endpoint.context = context
        await supervise(context, self._services(), started=self._started, stopping=self._stopping)

    Run = run

    def _services(self) -> list[Service]:
        """Return what runs, in the order in which it starts."""
        config = self.config
        services, behind = self._push.services() if self._push is not None else ([], [])
        if config.rest.is_served:
            app, door = self._application()
            metrics, shortcut = config.health.metrics, door.shortcut
            self._site = Site(
                "rest", app, config.rest, metrics=metrics, shortcut=shortcut, door=door
            )
            services.append(self._site)
        services += behind
        if config.health.enabled:
            from bahamut.health.app import HealthDoor  # with what it needs, only if it is needed

            health = HealthDoor(config.health, lambda: self._is_ready)
            services.append(
                Site("health", web.Application(), config.health, shortcut=lambda _: health.serve)
            )
        return services

    async def _started(self) -> None:
        self._is_ready = True
        if self.config.post_start_hook is not None:
            try:
                await self.config.post_start_hook(self)
            except asyncio.CancelledError as error:
                raise failure(error) from error

    async def _stopping(self) -> None:
        self._is_ready = False
        if self.config.pre_stop_hook is not None:
            try:
                await self.config.pre_stop_hook(self)
            except FAILURES as error:
                log_failure(log, error, "The pre-stop hook failed")


def new(*options: Option) -> Server:
    """Return a server with these options (Go: New).

    If an option is given twice, the last one wins. Probable mistakes are logged as warnings.

    Raises:
        TypeError: an argument is not an option.
        ValueError: the value of an option is invalid, or two options contradict each other; the
            message names them.
    """
    config = Config()
    for option in options:
        config = _applied(option, config)
    server = Server(config)
    for warning in config.warnings():
        log.warning(warning)
    return server


def _applied(option: Any, config: Config) -> Config:
    name = str(getattr(option, "__name__", ""))
    if not callable(option) or name.startswith("opt_"):
        hint = f": call it, {name}(...)" if name.startswith("opt_") else ""
        raise TypeError(f"new(): {described(option)} is not an option{hint}")
    changed = option(config)
    if not isinstance(changed, Config):
        raise TypeError(f"new(): {described(option)} is not an option: it returns no Config")
    return changed


def run(server: Server) -> None:
    """Run *server* until SIGINT or SIGTERM: event loop, context and signals in one line.

    It uses uvloop if that is installed. Everything that exists by then is exempted from garbage
    collection (`gc.freeze`), which makes the pauses of full collections shorter.
    """

    async def main() -> None:
        ctx = RunContext()
        install_sigint_handler(ctx.cancel)
        await server.run(ctx)

    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's event loop where it is installed, None for asyncio's own."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return None
    return new_event_loop


def register_processor_or_die(server: Server, processor: Processor, identity: Identity) -> None:
    """Register a processor; raise RuntimeError if that is not possible.

    Go: RegisterProcessorOrDie.

    Raises:
        RuntimeError: *server* is None, or the processor cannot be registered.
    """
    _or_die(server, "processor", lambda: server.register_processor(processor, identity))


def register_custom_handler_or_die(server: Server, path: str, handler: CustomHandler) -> None:
    """Register a custom route; raise RuntimeError if that is not possible.

    Go: RegisterCustomHandlerOrDie, which takes the handler first; here the path comes first, as in
    `Server.register_custom_route_handler`.

    Raises:
        TypeError: *handler* is not a coroutine function, or the arguments are swapped.
        RuntimeError: *server* is None, or the path already has a handler or is not absolute.
    """
    _check_handler(path, handler)
    _or_die(server, "custom handler", lambda: server.register_custom_route_handler(path, handler))


def _check_handler(path: object, handler: object) -> None:
    if isinstance(handler, str) and callable(path):
        raise TypeError("the path comes first, then the handler")
    if not isinstance(path, str):
        raise TypeError(f"{described(path)} is not a path: the path comes first, then the handler")
    problem = Hook("", "request").problem(handler)
    if problem is not None:
        raise TypeError(f"path {path}: {problem}")


def _check_route(path: str, handler: CustomHandler) -> None:
    _check_handler(path, handler)
    parts = urlsplit(path)
    is_odd = parts.scheme or parts.netloc or parts.query or parts.fragment or "//" in path
    if is_odd or not path.startswith("/") or any(c.isspace() or c == "\\" for c in path):
        raise ValueError(f"'{path}' is not an absolute path, for instance /status")
    if any(segment in (".", "..") for segment in path.split("/")) or not path.strip("/"):
        raise ValueError(f"'{path}' is not a valid path for a custom route")


def _or_die(server: Server | None, what: str, register: Callable[[], None]) -> None:
    if server is None:
        raise RuntimeError("bahamut server must not be nil")
    try:
        register()
    except (ValueError, TypeError) as error:
        raise RuntimeError(f"cannot register {what}: {error}") from error
