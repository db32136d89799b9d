"""The life of a request, top to bottom: `Pipeline.handle`, then `Pipeline.operate`.

No socket and no aiohttp: plain values come in, plain values go out. A step of `operate` is a method
below it, in the same order; nothing else in the house decides anything about a request.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from bahamut import respond
from bahamut._kit.calls import decided, is_coroutine_function, shown
from bahamut._kit.logs import get_logger
from bahamut._kit.tasks import FAILURES, OrderedQueue, failure, log_failure
from bahamut._kit.turns import in_worker
from bahamut.auth.chain import ask, forbidden, unauthorized
from bahamut.config import Config
from bahamut.context import Context, ResponseWriter
from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import JSON, MSGPACK, decode_into
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.event import Event
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.negotiation import accepted_encoding
from bahamut.elemental.pieces import is_slow
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.registry import Registry
from bahamut.elemental.request import (
    Request,
    RequestSettings,
    UnknownCategoryError,
    parse_request,
    split_version,
    unparsed_request,
)
from bahamut.elemental.response import RawResponse
from bahamut.elemental.verify import patched
from bahamut.errors import (
    BadRequestError,
    LockedError,
    NotAllowedError,
    NotImplementedByProcessorError,
    RateLimitError,
    RequestEntityTooLargeError,
    TooManyValuesError,
    UnknownAPIVersionError,
)
from bahamut.interfaces import Auditer, IdentifiableRetriever, Processor
from bahamut.plan import Limits, Plan, Plans
from bahamut.routing import (
    KNOWN_METHODS,
    LIMITED,
    OTHER_METHOD,
    check_shape,
    is_routed,
    template_of,
)
from bahamut.telemetry import tracing
from bahamut.telemetry.metrics import FinishMeasurementFunc

log = get_logger(__name__)

Process = Callable[[Context], Awaitable[None]]
ReadBody = Callable[[], Awaitable[bytes]]

AUDIT_BOUND = 1024
"""Audits of an asynchronous auditer that may wait; beyond, operations wait for it."""


LARGE_BODY = 16 * 1024
"""Bytes beyond which a body is decoded and validated in the worker thread."""


class Pusher(Protocol):
    """Publishes what happened; nothing that goes wrong there concerns a request."""

    async def push(self, *events: Event) -> None:
        """Publish events."""
        ...

    async def push_object(self, kind: str, obj: Model) -> None:
        """Publish that something happened to an object."""
        ...


class Pipeline:
    """Serves operations.

    Args:
        config: read here, once; never again while requests are served.
        processors: by identity name; the server's own mapping, followed as it changes.
        pusher: publishes events, if anything does.
    """

    def __init__(
        self,
        config: Config,
        processors: Mapping[str, Processor],
        pusher: Pusher | None = None,
    ) -> None:
        self.context: Any = None
        """What operations live in: the server puts its `RunContext` here."""
        self._registries: Mapping[int, Registry] = config.model.registries
        self._pusher = pusher
        self._model = config.model
        security = config.security
        self._authenticators = [a.authenticate_request for a in security.request_authenticators]
        self._authorizers = [a.is_authorized for a in security.authorizers]
        self._fail_closed = security.fail_closed
        self._auditer = security.auditer
        self._errors = config.errors
        self._metrics = config.health.metrics
        self._tracing = config.tracing
        self._limiter = config.limits.limiter
        self._prefix = config.rest.api_prefix
        self._max_items = config.rest.max_body_items
        self._small = min(LARGE_BODY, self._max_items or LARGE_BODY)
        self._settings = RequestSettings(
            trusted_proxies=config.rest.trusted_proxies,
            namespacer=config.model.namespacer,
            external_content_types=config.model.external_content_types,
            external_accept_types=config.model.external_accept_types,
            keeps_propagated=config.model.keeps_propagated,
            secret_parameters=config.security.secret_parameters,
        )
        self._audits = _audits(config)
        self._plans = Plans(config, processors)
        limits = self._plans.global_limits
        self.global_bucket = limits[0][0] if limits else None
        """The global rate limit, which push handshakes share."""

    async def start(self) -> None:
        """Start what runs beside the requests: the queue of an asynchronous auditer."""
        if self._audits is not None:
            await self._audits.start()

    async def stop(self) -> None:
        """Let worker threads end, and wait until all that happened has been audited."""
        self._plans.stop()
        if self._audits is not None:
            await self._audits.stop()

    def forget_plans(self) -> None:
        """Decide anew what each operation does: a processor came or went."""
        self._plans.forget()

    async def handle(self, raw: RawRequest, read_body: ReadBody) -> RawResponse:
        """Answer one request; the one border at which exceptions become answers.

        Args:
            raw: the request as HTTP has it, its path below the API's prefix.
            read_body: reads the body, within the limits of the door.

        Raises:
            Exception: unexpected, and panic recovery is off.
        """
        try:
            request, registry = self.parse(raw)
        except FAILURES as error:
            return await self.refuse(raw, failure(error), is_limited=isinstance(error, LIMITED))
        plan = self._plans.of(request, registry)
        ctx = Context(request, self.context)
        if self._metrics is None:
            return await self.attempt(ctx, plan, read_body)
        finish = self._metrics.measure_request(raw.method, plan.template)
        response = await self.attempt(ctx, plan, read_body)
        if response.writer is None:
            finish(response.status, ctx.span)
        else:
            response.writer = _measured(finish, response.writer, ctx)
        return response

    async def refuse(
        self, raw: RawRequest, error: Exception, *, template: str = "", is_limited: bool = True
    ) -> RawResponse:
        """Answer what never became the request of an operation: limited and counted as those are.

        Args:
            raw: the request.
            error: what is wrong with it.
            template: what metrics call it; that of its path, which is below the API's prefix,
                without one.
            is_limited: whether it takes a token of the limits.
        """
        try:
            if is_limited and (self._plans.global_limits or self._limiter is not None):
                request = unparsed_request(raw, self._settings)
                await self._take(self._plans.global_limits, request)
        except FAILURES as limited:
            error = failure(limited)
        if not isinstance(error, Error | Errors):
            log.error("A request cannot be parsed", exc_info=error)
        # Most early errors are JSON, as in the original; this one is answered as any operation.
        is_unknown = isinstance(error, UnknownCategoryError)
        response = respond.failure(
            respond.failure_of(error, expose=self._errors.expose_internal),
            encoding=accepted_encoding(raw.headers) if is_unknown else JSON,
        )
        if self._metrics is not None:
            method = raw.method if raw.method in KNOWN_METHODS else OTHER_METHOD
            url = template or self._prefix + template_of(raw.path, self._registries.values())
            self._metrics.measure_request(method, url)(response.status, None)
        return response

    def is_routed(self, raw: RawRequest) -> bool:
        """Tell whether a path below the API's prefix belongs to the models."""
        return is_routed(raw.path, self._registries.values())

    async def attempt(self, ctx: Context, plan: Plan, read_body: ReadBody) -> RawResponse:
        """Run one operation between its limits and its audit."""
        try:
            if plan.limits or self._limiter is not None:
                await self.limit(ctx, plan)
            if plan.rule.reads:
                await self.read(ctx, plan, read_body)
            if self._tracing.tracer is not None:
                self.trace(ctx, self._tracing.tracer)
            response = await self.operate(ctx, plan)
        except FAILURES as error:
            response = await self._failed(ctx, plan, failure(error))
        else:
            if self._auditer is not None:
                await self.audit(ctx, self._auditer, None)
            if ctx.span is not None:
                tracing.finish_request_span(ctx.span, ctx, response.status)
        return response

    async def operate(self, ctx: Context, plan: Plan) -> RawResponse:
        """Run one operation, from permission to answer."""
        if not plan.is_allowed:
            raise _refusal(ctx, plan)
        if self._authenticators:
            await ask(self._authenticators, ctx, unauthorized, fail_closed=self._fail_closed)
        if self._authorizers:
            await ask(self._authorizers, ctx, forbidden, fail_closed=self._fail_closed)
        if plan.is_locked:
            raise LockedError
        if plan.process is None:
            raise NotImplementedByProcessorError(
                ctx.request.operation.value, ctx.request.identity.name
            )
        if plan.rule.reads:
            if len(ctx.request.data) <= self._small:
                given = self.decode(ctx.request, plan)
            else:
                given = await in_worker(self.decode_large, ctx.request, plan)
            if plan.rule.is_patch and self._model.retriever is not None:
                given = await self.patch(ctx.request, given, self._model.retriever)
            ctx.input_data = given
        await plan.process(ctx)
        if self._pusher is not None:
            await self.publish(ctx, plan, self._pusher)
        return await respond.success(ctx, plan.marshaller)

    # --- the steps, in order -----------------------------------------------------------------

    def parse(self, raw: RawRequest) -> tuple[Request, Registry]:
        """Version, identity, operation, parameters."""
        version, path = split_version(raw.path)
        registry = self._registries.get(version)
        if registry is None:
            raise UnknownAPIVersionError
        check_shape(raw.method, path, registry, self._prefix + raw.path, raw.path)
        request = parse_request(raw, registry, self._settings, version=version, path=path)
        return request, registry

    async def limit(self, ctx: Context, plan: Plan) -> None:
        """Take a token of each bucket that counts this request, before its body is read."""
        await self._take(plan.limits, ctx.request)

    async def read(self, ctx: Context, plan: Plan, read_body: ReadBody) -> None:
        """Read the body, unless it is of a foreign type that only a processor understands."""
        is_foreign = ctx.request.content_type in self._settings.external_content_types
        if not is_foreign or plan.unmarshaller is not None:
            ctx.request.data = await read_body()

    def trace(self, ctx: Context, tracer: tracing.Tracer) -> None:
        """Start a span for the request, if requests of its kind are traced."""
        ctx.span = tracing.start_request_span(
            tracer,
            ctx.request,
            excluded=self._tracing.excluded,
            cleaner=self._tracing.cleaner,
            secrets=self._settings.secret_parameters,
        )

    def decode(self, request: Request, plan: Plan) -> Any:
        """Return what the body says: a validated object, or a sparse one for a patch."""
        given = self._unmarshalled(request, plan)
        if not plan.rule.is_patch:
            given.validate()
        return given

    def decode_large(self, request: Request, plan: Plan) -> Any:
        """Return the same as `decode`, if the body holds no more values than it may.

        Runs in the worker thread. A smaller body cannot hold too many: a value takes a byte.

        Raises:
            TooManyValuesError: it holds more.
        """
        kind = request.content_type
        if kind in (JSON, MSGPACK) and holds_more(kind, request.data, self._max_items):
            raise TooManyValuesError(self._max_items)
        return self.decode(request, plan)

    async def patch(self, request: Request, sparse: Any, retriever: IdentifiableRetriever) -> Model:
        """Return the retrieved object with *sparse* applied, checked as an update (X32)."""
        pristine = await retriever(request)
        if not isinstance(pristine, Model) or not pristine.ATTRIBUTES:
            raise BadRequestError("Identifiable is not patchable")
        if pristine.identity != sparse.identity:
            raise BadRequestError("Patch and target does not have the same identity")
        if is_slow(pristine) or is_slow(sparse):
            return await in_worker(patched, pristine, sparse)
        return patched(pristine, sparse)

    async def publish(self, ctx: Context, plan: Plan, pusher: Pusher) -> None:
        """Push the events of the processor, then the one about its output."""
        if ctx.events:
            await pusher.push(*ctx.events)
        is_automatic = plan.rule.event and not ctx.disable_output_data_push
        if is_automatic and isinstance(ctx.output_data, Model):
            await pusher.push_object(plan.rule.event, ctx.output_data)

    async def audit(self, ctx: Context, auditer: Auditer, error: BaseException | None) -> None:
        """Tell the auditer, once, however it ended; what it raises changes nothing."""
        if self._audits is not None:
            await self._audits.put((ctx, error))
        else:
            try:
                found = auditer.audit(ctx, error)
                if found is not None and inspect.isawaitable(found):  # behind a plain wrapper
                    await found
            except FAILURES as raised:
                log_failure(log, raised, "The auditer failed")

    # --- how they do it ----------------------------------------------------------------------

    async def _take(self, limits: Limits, request: Request) -> None:
        for bucket, condition in limits:
            if condition is None or decided(condition(request), condition):
                wait = bucket.take()
                if wait:
                    raise RateLimitError(wait)
        if self._limiter is not None:
            is_refused = await self._limiter.rate_limit(request)
            if decided(is_refused, self._limiter.rate_limit):
                raise RateLimitError

    def _unmarshalled(self, request: Request, plan: Plan) -> Any:
        if plan.unmarshaller is not None:
            try:
                return plan.unmarshaller(request)
            except Exception as error:
                raise _UndecodableError(error) from error
        target = plan.model.SPARSE() if plan.rule.is_patch else plan.model()
        if request.data or plan.rule.is_patch:
            try:
                decode_into(request.content_type, request.data, target)
            except DecodeError as error:
                raise _UndecodableError(error) from error
        return target

    async def _failed(self, ctx: Context, plan: Plan, error: Exception) -> RawResponse:
        """Audit, trace and answer an error of an operation."""
        is_early = isinstance(error, RateLimitError | RequestEntityTooLargeError)
        cause = error.cause if isinstance(error, _UndecodableError) else error
        # What the model does not offer is a route that is not there.
        if plan.is_allowed and self._auditer is not None:
            await self.audit(ctx, self._auditer, cause)
        answered = error if is_early else self._transformed(error)
        is_expected = isinstance(answered, Error | Errors | TimeoutError)
        failed = respond.failure_of(
            answered,
            trace=tracing.trace_id(ctx.span),
            expose=self._errors.expose_internal,
        )
        if failed.errors.code >= 500 and failed.errors.code != 501:
            log.error("%s in %r", failed.errors, ctx, exc_info=error)
        if ctx.span is not None:
            tracing.fail_request_span(ctx.span, failed.errors, None if is_expected else error)
        if not is_expected and not self._errors.panic_recovery:
            raise error
        if ctx.response_writer is not None:  # the original lets the writer have its way
            return RawResponse(status=failed.errors.code, headers=[], writer=ctx.response_writer)
        return respond.failure(failed, ctx.request, None if is_early else plan.marshaller)

    def _transformed(self, error: Exception) -> BaseException:
        if self._errors.transformer is None:
            return error
        try:
            transformed: object = self._errors.transformer(error)
            if transformed is not None and not isinstance(transformed, BaseException):
                what = shown(transformed)
                raise TypeError(f"it must return an exception or None, not {what}")
        except FAILURES as raised:
            log_failure(log, raised, "The error transformer failed")
            return failure(raised)
        return error if transformed is None else transformed


class _UndecodableError(BadRequestError):
    """The body is no object; auditers are given the cause, clients a 400."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _refusal(ctx: Context, plan: Plan) -> NotAllowedError:
    """Return the answer to what the model does not offer."""
    identity = ctx.request.identity
    subject = identity.category if plan.rule.of_many else identity.name
    return NotAllowedError(f"{plan.rule.label} operation not allowed on {subject}", plan.allow)


def _measured(
    finish: FinishMeasurementFunc, writer: ResponseWriter, ctx: Context
) -> ResponseWriter:
    """Return a writer that ends the measurement when the answer has been written."""

    async def write_and_finish(stream: Any) -> int:
        status = await writer(stream)
        finish(status, ctx.span)
        return status

    return write_and_finish


def _audits(config: Config) -> OrderedQueue | None:
    """Return the queue before an asynchronous auditer, None for a plain one."""
    auditer = config.security.auditer
    if auditer is None or not is_coroutine_function(auditer.audit):
        return None
    audit: Any = auditer.audit

    async def consume(entry: tuple[Context, BaseException | None]) -> None:
        await audit(*entry)

    return OrderedQueue(consume, bound=AUDIT_BOUND, name="auditer")
