"""`Plan`: all that can be known of a request before it comes, decided once for each kind."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bahamut._kit.bucket import Bucket
from bahamut._kit.calls import is_coroutine_function
from bahamut._kit.workers import BusyError, Workers
from bahamut.config import Config, RateLimit
from bahamut.context import Context
from bahamut.elemental.errors import Error
from bahamut.elemental.identity import ROOT_IDENTITY
from bahamut.elemental.model import Model
from bahamut.elemental.operations import Operation
from bahamut.elemental.registry import ON_OBJECTS, Registry, Route
from bahamut.elemental.request import Request
from bahamut.interfaces import CustomMarshaller, CustomUmarshaller, Processor, RateLimitCondition

Process = Callable[[Context], Awaitable[None]]
Limits = tuple[tuple[Bucket, RateLimitCondition | None], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """What one operation asks of the pipeline."""

    method: str
    """The processor's method."""
    label: str
    """Its name in refusals."""
    reads: bool = False
    """Whether there is a body to decode."""
    writes: bool = False
    """Whether read-only mode forbids it."""
    of_many: bool = False
    """Whether refusals name the category instead of the object."""
    event: str = ""
    """Type of the event about its output, empty for none."""
    is_patch: bool = False
    """Whether the body holds some of the attributes only."""


RULES = {
    Operation.RETRIEVE_MANY: Rule("process_retrieve_many", "RetrieveMany", of_many=True),
    Operation.RETRIEVE: Rule("process_retrieve", "Retrieve"),
    Operation.CREATE: Rule("process_create", "Create", reads=True, writes=True, event="create"),
    Operation.UPDATE: Rule("process_update", "Update", reads=True, writes=True, event="update"),
    Operation.DELETE: Rule("process_delete", "Delete", writes=True, event="delete"),
    Operation.PATCH: Rule(
        "process_patch",
        "Patch",
        reads=True,
        writes=True,
        of_many=True,
        event="update",
        is_patch=True,
    ),
    Operation.INFO: Rule("process_info", "Info", of_many=True),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """All that can be known of a request before it comes.

    One per route of a version, made when first asked for.
    """

    rule: Rule
    is_allowed: bool
    is_locked: bool
    process: Process | None
    model: type[Model]
    marshaller: CustomMarshaller | None
    unmarshaller: CustomUmarshaller | None
    template: str
    """The route, for metrics: ``/lists/:id/tasks``."""
    limits: Limits
    allow: tuple[str, ...] = ()
    """The methods that the model allows there instead, if it does not allow this one."""


class Plans:
    """The plans of one server, each made when it is first asked for.

    Args:
        config: read here, once.
        processors: by identity name; the server's own mapping, followed as it changes.
    """

    def __init__(self, config: Config, processors: Mapping[str, Processor]) -> None:
        self._processors = processors
        self._model = config.model
        self._prefix = config.rest.api_prefix
        globally = _bucket(config.limits.globally)
        self.global_limits: Limits = () if globally is None else (globally,)
        """What counts every request, also those that are refused before they are understood."""
        self._buckets = {
            identity: (Bucket(rate.limit, rate.burst), rate.condition)
            for identity, rate in config.limits.by_identity.items()
        }
        self._workers = Workers(
            "bahamut processor",
            maximum=config.model.worker_threads,
            waiting=config.model.worker_waiting,
        )
        self._plans: dict[Route | None, Plan] = {}

    def stop(self) -> None:
        """Let the worker threads end; one whose processor does not return is left behind."""
        self._workers.stop()

    def forget(self) -> None:
        """Decide anew: a processor came or went."""
        self._plans.clear()

    def of(self, request: Request, registry: Registry) -> Plan:
        """Return the plan for requests of that kind."""
        found = self._plans.get(request.route)
        if found is None:
            found = self._planned(request, registry)
            if request.route is not None:  # one made by hand says nothing of the next
                self._plans[request.route] = found
        return found

    def _planned(self, request: Request, registry: Registry) -> Plan:
        identity, rule = request.identity, RULES[request.operation]
        limits, of_identity = self.global_limits, self._buckets.get(identity)
        if of_identity is not None:
            limits = (*limits, of_identity)
        is_allowed = registry.is_operation_allowed(
            identity, request.parent_identity, request.operation
        )
        excluded = identity in self._model.read_only_excluded
        return Plan(
            rule=rule,
            is_allowed=is_allowed,
            is_locked=rule.writes and self._model.read_only and not excluded,
            process=self._process(request),
            model=registry.model(identity),
            marshaller=self._model.marshallers.get(identity),
            unmarshaller=self._model.unmarshallers.get(identity),
            template=self._prefix + _template(request),
            limits=limits,
            allow=() if is_allowed else _allowed(request, registry),
        )

    def _process(self, request: Request) -> Process | None:
        """Return what serves this: a coroutine method, or a plain one in a worker thread."""
        rule = RULES[request.operation]
        method_name = rule.method
        if rule.is_patch and self._model.retriever is not None:
            method_name = RULES[Operation.UPDATE].method
        method = getattr(self._processors.get(request.identity.name), method_name, None)
        if method is None or inspect.iscoroutinefunction(method):
            return method
        if is_coroutine_function(method):  # behind a plain wrapper
            return partial(_awaited, method)
        return partial(self._in_thread, method)

    async def _in_thread(self, method: Callable[[Context], Any], ctx: Context) -> None:
        try:
            found = await self._workers.run(method, ctx)
        except BusyError as error:
            raise _busy() from error
        if inspect.isawaitable(found):  # nobody could know that it is no plain method
            await found


async def _awaited(method: Callable[[Context], Any], ctx: Context) -> None:
    found = method(ctx)
    if inspect.isawaitable(found):
        await found


def _busy() -> Error:
    text = "All worker threads are busy. Please try again later"
    busy = Error("Service Unavailable", text, "bahamut", 503)
    busy.retry_after = 1.0
    return busy


def _bucket(rate: RateLimit | None) -> tuple[Bucket, RateLimitCondition | None] | None:
    return (Bucket(rate.limit, rate.burst), rate.condition) if rate else None


def _allowed(request: Request, registry: Registry) -> tuple[str, ...]:
    parent = request.parent_identity
    found = registry.methods(
        request.identity.category,
        "" if parent == ROOT_IDENTITY else parent.category,
        has_object_id=request.operation in ON_OBJECTS,
    )
    return found or ()


def _template(request: Request) -> str:
    category = request.identity.category
    if request.parent_id:
        return f"/{request.parent_identity.category}/:id/{category}"
    return f"/{category}/:id" if request.object_id else f"/{category}"
