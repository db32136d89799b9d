"""What options are given, checked when a server is made: one table for hooks, one for values.

`problems` gets a configuration and returns sentences; each names the option and the value. A field
that is in no table is checked by its type alone.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from bahamut._kit.calls import accepts, is_coroutine_function, is_generator, may_return_awaitable

Colour = Literal["coroutine", "plain", "any"]


@dataclass(frozen=True, slots=True)
class Hook:
    """Something that is called: a method of an object, or a function if it has no name."""

    name: str
    arguments: str
    """Names of its positional arguments, for the sentence; their number is checked."""
    colour: Colour = "coroutine"
    is_optional: bool = False

    def fits(self, function: object) -> bool:
        """Tell whether *function* can be called as this hook is."""
        if not callable(function) or is_generator(function):
            return False
        if self.colour == "coroutine" and not may_return_awaitable(function):
            return False
        if self.colour == "plain" and is_coroutine_function(function):
            return False
        return accepts(function, len(self.arguments.split()))

    def problem(self, value: object) -> str | None:
        """Return what is wrong with *value*, None if nothing is."""
        call = f"({', '.join(self.arguments.split())})"
        kind = {"coroutine": "coroutine ", "plain": "plain ", "any": ""}[self.colour]
        if not self.name:
            if self.fits(value):
                return None
            return f"{described(value)} is no {kind}function that takes {call}"
        method = getattr(value, self.name, None)
        is_absent = method is None and self.is_optional
        if is_absent or (self.fits(method) and not _is_unbound(value, self.name)):
            return None
        return f"{described(value)} has no {kind}method {self.name}{call}"


def _is_unbound(value: object, name: str) -> bool:
    """Tell whether *value* is a class whose method needs an instance."""
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
"""Path in the configuration, option, and what is called; of mappings and sequences, each item."""

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
"""Beginnings of paths and their options; the option of another is named after its field."""

_HOST = re.compile(r"[^\s/@?#]*")
_TOPIC = re.compile(r"[^\s*>.]+(\.[^\s*>.]+)*")


def problems(config: Any) -> Iterator[str]:
    """Yield sentences that say what is wrong with the values of a configuration."""
    for path, option, hooks in HOOKS:
        for value in _found(config, path.split(".")):
            yield from (f"{option}(): {p}" for hook in hooks if (p := hook.problem(value)))
    yield from _scalars(config, "")
    yield from _others(config)


def described(value: object) -> str:
    """Return a value as a sentence names it, without saying more of it than its type."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    name = getattr(value, "__name__", None)
    return str(name) if isinstance(name, str) else f"<{type(value).__name__}>"


def listed(option: str, values: Iterable[Any]) -> tuple[Any, ...]:
    """Return the items that an option was given.

    Raises:
        TypeError: it was given a single object.
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"{option}(): {described(values)} is not a list")
    return tuple(values)


def mapped(option: str, values: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the mapping that an option was given.

    Raises:
        TypeError: it was given something else.
    """
    if not isinstance(values, Mapping):
        raise TypeError(f"{option}(): {described(values)} is not a mapping")
    return dict(values)


def split_listen(listen: str) -> tuple[str | None, int]:
    """Return host and port of ``host:port``; an empty host is every interface.

    Raises:
        ValueError: there is no port, or host or port cannot be one.
    """
    host, colon, port = listen.rpartition(":")
    is_port = port.isascii() and port.isdigit() and len(port) < 6 and int(port) <= 65535
    if not colon or not is_port or not _HOST.fullmatch(host):
        raise ValueError(
            f"'{listen}' is no address to listen on: say HOST:PORT, for instance :8080"
        )
    return host.strip("[]") or None, int(port)


def _found(node: Any, path: list[str]) -> Iterator[Any]:
    """Yield what a path leads to, item by item; nothing for None."""
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
    """Yield what is wrong with the texts, numbers and switches of a tree of dataclasses."""
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
    "int": (_is_whole, "a whole number that is not negative"),
    "float": (_is_number, "a finite number that is not negative"),
    "str": (lambda value: isinstance(value, str), "a text"),
}


def _others(config: Any) -> Iterator[str]:
    """Yield what is wrong with values whose types say little."""
    yield from _addresses(config)
    yield from _push(config.push)
    tracer = config.tracing.tracer
    if tracer is not None and not hasattr(tracer, "start_span"):
        yield f"opt_opentracing_tracer(): {described(tracer)} has no method start_span"
    for version, registry in config.model.registries.items():
        if not _is_whole(version) or not hasattr(registry, "identity_from_name"):
            entry = f"{described(version)}: {described(registry)}"
            yield f"opt_model(): {entry} is not a version and its registry"


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
    for name in ("connect", "disconnect", "publish", "subscribe"):
        if not callable(getattr(push.client, name, None)):
            yield f"opt_push_server(): {described(push.client)} has no method {name}"
    if isinstance(push.topic, str) and not _TOPIC.fullmatch(push.topic):
        yield f"opt_push_server(): '{push.topic}' is not a topic to publish on"
