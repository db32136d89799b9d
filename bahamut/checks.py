"""Validates the values of options when a server is created: one table for hooks, one for values.

`problems` yields one sentence per mistake, with the option and the value. A field that is in
neither table is only checked by its type.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from bahamut._kit.calls import accepts, is_coroutine_function, is_generator, may_return_awaitable
from bahamut.elemental.identity import Identity

Colour = Literal["coroutine", "plain", "any"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A user-supplied callable: a method of an object, or a function if *name* is empty."""

    name: str
    arguments: str
    """Names of the positional arguments, for the message; their number is checked."""
    colour: Colour = "coroutine"
    is_optional: bool = False

    def fits(self, function: object) -> bool:
        """Return whether *function* can be called like this hook."""
        if not callable(function) or is_generator(function):
            return False
        if self.colour == "coroutine" and not may_return_awaitable(function):
            return False
        if self.colour == "plain" and is_coroutine_function(function):
            return False
        return accepts(function, len(self.arguments.split()))

    def problem(self, value: object) -> str | None:
        """Return an error message, or None if *value* is valid."""
        call = f"({', '.join(self.arguments.split())})"
        kind = {"coroutine": "coroutine ", "plain": "plain ", "any": ""}[self.colour]
        if not self.name:
            if self.fits(value):
                return None
            return f"{described(value)} is not a {kind}function that takes {call}"
        method = getattr(value, self.name, None)
        is_absent = method is None and self.is_optional
        if is_absent or (self.fits(method) and not _is_unbound(value, self.name)):
            return None
        hint = self._hint(value, method)
        return f"{described(value)} has no {kind}method {self.name}{call}{hint}"

    def _hint(self, value: object, method: object) -> str:
        """Return how to correct a method that exists but cannot be called like this hook."""
        is_short = callable(method) and not accepts(method, len(self.arguments.split()))
        is_coroutine = callable(method) and may_return_awaitable(method)
        for is_mistake, hint in (
            (isinstance(value, type), ": pass an instance, not the class"),
            (inspect.isroutine(value), ": an object with that method is required, not a function"),
            (not callable(method), ""),
            (is_short, ": its parameters are different"),
            (self.colour == "coroutine" and not is_coroutine, ": declare it with 'async def'"),
            (self.colour == "plain", ": declare it with 'def', not 'async def'"),
        ):
            if is_mistake:
                return hint
        return ""


def _is_unbound(value: object, name: str) -> bool:
    """Return whether *value* is a class whose method needs an instance."""
    return isinstance(value, type) and inspect.isfunction(inspect.getattr_static(value, name, None))


def _function(arguments: str, colour: Colour = "coroutine") -> tuple[Hook, ...]:
    return (Hook("", arguments, colour),)


HOOKS: tuple[tuple[str, str, tuple[Hook, ...]], ...] = (
    ("rest.root_handler", "opt_custom_root_handler", _function("request")),
    ("model.marshallers", "opt_marshallers", _function("request output errors", "plain")),
    ("model.unmarshallers", "opt_unmarshallers", _function("request", "plain")),
    ("model.retriever", "opt_identifiable_retriever", _function("request")),
    ("model.namespacer", "opt_namespacer", (Hook("extract", "request", "plain"),)),
    (
        "security.request_authenticators",
        "opt_authenticators",
        (Hook("authenticate_request", "ctx"),),
    ),
    (
        "security.session_authenticators",
        "opt_authenticators",
        (Hook("authenticate_session", "session"),),
    ),
    ("security.authorizers", "opt_authorizers", (Hook("is_authorized", "ctx"),)),
    ("security.auditer", "opt_auditer", (Hook("audit", "ctx error", "any"),)),
    (
        "security.cors",
        "opt_cors_access_control",
        (Hook("policy_for_request", "request", "plain"),),
    ),
    ("limits.globally.condition", "opt_rate_limiting", _function("request", "plain")),
    ("limits.by_identity.condition", "opt_api_rate_limiting", _function("request", "plain")),
    ("limits.limiter", "opt_rate_limiter", (Hook("rate_limit", "request"),)),
    ("errors.transformer", "opt_error_transformer", _function("error", "plain")),
    (
        "push.dispatch_handler",
        "opt_push_dispatch_handler",
        (
            Hook("on_push_session_init", "session"),
            Hook("on_push_session_start", "session"),
            Hook("on_push_session_stop", "session"),
            Hook("should_dispatch", "session event summary"),
            Hook("summarize_event", "event", is_optional=True),
            Hook("related_event_identities", "name", "plain", is_optional=True),
        ),
    ),
    ("push.publish_handler", "opt_push_publish_handler", (Hook("should_publish", "event"),)),
    ("health.check", "opt_health_server", _function("")),
    ("health.stats", "opt_health_custom_stats", _function("request")),
    (
        "health.metrics",
        "opt_health_server_metrics_manager",
        (Hook("measure_request", "method url", "plain"), Hook("write", "accept", "plain")),
    ),
    ("tracing.cleaner", "opt_trace_cleaner", _function("identity data", "plain")),
    ("post_start_hook", "opt_post_start_hook", _function("server")),
    ("pre_stop_hook", "opt_pre_stop_hook", _function("server")),
)
"""Path in the configuration, option, and hooks; each item of a mapping or sequence is checked."""

NAMES = {
    "rest.timeouts": "opt_timeouts",
    "rest.listen": "opt_rest_server",
    "rest.max_connections": "opt_max_connection",
    "limits.globally": "opt_rate_limiting",
    "limits.by_identity": "opt_api_rate_limiting",
    "meta": "opt_service_info",
    "model.worker": "opt_worker_threads",
    "push.topic": "opt_push_server",
    "push.message_rate": "opt_push_message_rate",
    "push.slow": "opt_push_slow_consumer",
    "push.max_message": "opt_push_max_message_size",
    "health.timeouts": "opt_health_server_timeouts",
    "health.listen": "opt_health_server",
}
"""Options by path prefix; any other option is named after its field."""

_HOST = re.compile(r"[^\s/@?#]*")
_TOPIC = re.compile(r"[^\s*>.]+(\.[^\s*>.]+)*")


def problems(config: Any) -> Iterator[str]:
    """Yield a message for each invalid value of a configuration."""
    for path, option, hooks in HOOKS:
        for value in _found(config, path.split(".")):
            yield from (f"{option}(): {p}" for hook in hooks if (p := hook.problem(value)))
    yield from _scalars(config, "")
    yield from _others(config)


def described(value: object) -> str:
    """Return how messages name a value: constants as they are, other objects by their type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    name = getattr(value, "__name__", None)
    return str(name) if isinstance(name, str) else f"<{type(value).__name__}>"


def listed(option: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """Return the items of *values* as a tuple.

    Raises:
        TypeError: *values* is a string or not iterable.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{option}(): {described(values)} is not a list: use [...]")
    return tuple(values)


def identified(option: str, values: Iterable[Any]) -> tuple[Identity, ...]:
    """Return *values* as a tuple of identities.

    Raises:
        TypeError: *values* is not iterable, or contains something other than an `Identity`.
    """
    found = listed(option, values)
    for value in found:
        if not isinstance(value, Identity):
            raise TypeError(
                f"{option}(): {described(value)} is not an Identity, for instance Task.IDENTITY"
            )
    return found


def mapped(option: str, values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return *values* as a dictionary.

    Raises:
        TypeError: *values* is not a mapping.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{option}(): {described(values)} is not a mapping: use {{key: value}}")
    return dict(values)


def keyed(option: str, values: Mapping[Any, Any]) -> dict[Identity, Any]:
    """Return *values* as a dictionary with identities as keys.

    Raises:
        TypeError: *values* is not a mapping, or a key is not an `Identity`.
    """
    found = mapped(option, values)
    identified(option, found)
    return found


def split_listen(listen: str) -> tuple[str | None, int]:
    """Return host and port of ``host:port``; an empty host means every interface.

    Raises:
        ValueError: the port is missing, or host or port is invalid.
    """
    host, colon, port = listen.rpartition(":")
    is_port = port.isascii() and port.isdigit() and len(port) < 6 and int(port) <= 65535
    if not colon or not is_port or not _HOST.fullmatch(host):
        raise ValueError(
            f"invalid listen address '{listen}', expected HOST:PORT, for instance :8080"
        )
    return host.strip("[]") or None, int(port)


def _found(node: Any, path: list[str]) -> Iterator[Any]:
    """Yield the values at *path*, item by item; nothing for None."""
    if isinstance(node, Mapping):
        node = tuple(node.values())
    if isinstance(node, tuple):
        for item in node:
            yield from _found(item, path)
    elif path and node is not None:
        yield from _found(getattr(node, path[0]), path[1:])
    elif node is not None:
        yield node


def _scalars(node: Any, path: str) -> Iterator[str]:
    """Yield a message for each invalid string, number or boolean of a tree of dataclasses."""
    for field in fields(node):
        value, here = getattr(node, field.name), f"{path}.{field.name}".lstrip(".")
        check = _BY_TYPE.get(str(field.type))
        if check is not None and not check[0](value):
            yield f"{_option(here)}(): {field.name} must be {check[1]}, not {described(value)}"
        for item in value.values() if isinstance(value, Mapping) else (value,):
            if is_dataclass(item) and not isinstance(item, type) and _is_ours(item):
                yield from _scalars(item, here)


def _is_ours(value: object) -> bool:
    return type(value).__module__ == "bahamut.config"


def _option(path: str) -> str:
    for beginning, option in NAMES.items():
        if path.startswith(beginning):
            return option
    return f"opt_{path.rpartition('.')[2]}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0  # type: ignore[operator, arg-type]


_BY_TYPE: dict[str, tuple[Callable[[object], bool], str]] = {
    "bool": (lambda value: isinstance(value, bool), "True or False"),
    "int": (_is_whole, "a non-negative integer"),
    "float": (_is_number, "a finite, non-negative number"),
    "str": (lambda value: isinstance(value, str), "a string"),
}


def _others(config: Any) -> Iterator[str]:
    """Yield messages about values that need more than a check of their type."""
    yield from _addresses(config)
    yield from _push(config.push)
    tracer = config.tracing.tracer
    if tracer is not None and not hasattr(tracer, "start_span"):
        yield f"opt_opentracing_tracer(): {described(tracer)} has no method start_span"
    for version, registry in config.model.registries.items():
        if not _is_whole(version) or not hasattr(registry, "identity_from_name"):
            entry = f"{described(version)}: {described(registry)}"
            yield (
                f"opt_model(): {{{entry}}} does not map a version to a registry: "
                "use {0: Registry([...])}"
            )
    logger = config.rest.logger
    if logger is not None and not hasattr(logger, "error"):
        yield f"opt_http_logger(): {described(logger)} is not a logger"


def _addresses(config: Any) -> Iterator[str]:
    rest, health = config.rest, config.health
    for is_used, option, listen in (
        (rest.enabled and rest.listener is None, "opt_rest_server", rest.listen),
        (health.enabled, "opt_health_server", health.listen),
    ):
        if is_used and isinstance(listen, str):
            try:
                split_listen(listen)
            except ValueError as error:
                yield f"{option}(): {error}"
    if rest.listener is not None and not hasattr(rest.listener, "getsockname"):
        yield f"opt_custom_listener(): {described(rest.listener)} is not a socket"


def _push(push: Any) -> Iterator[str]:
    if push.client is None:
        return
    methods = ("connect", "disconnect", "publish", "subscribe")
    missing = [name for name in methods if not callable(getattr(push.client, name, None))]
    if missing:
        yield (
            f"opt_push_server(): {described(push.client)} is not a pub/sub client such as "
            f"new_local_pubsub_client(): it lacks {', '.join(missing)}"
        )
    if isinstance(push.topic, str) and not _TOPIC.fullmatch(push.topic):
        yield f"opt_push_server(): '{push.topic}' is not a topic to publish on"
