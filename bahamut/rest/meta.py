"""What a service says of itself: ``/_meta/name``, ``/_meta/version``, ``/_meta/routes``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from bahamut.config import MetaConfig
from bahamut.elemental.operations import Operation
from bahamut.elemental.registry import Registry
from bahamut.respond import ACCEPT, content_type

_VERBS = {
    Operation.RETRIEVE_MANY: ("GET", "process_retrieve_many"),
    Operation.INFO: ("HEAD", "process_info"),
    Operation.CREATE: ("POST", "process_create"),
    Operation.RETRIEVE: ("GET", "process_retrieve"),
    Operation.UPDATE: ("PUT", "process_update"),
    Operation.DELETE: ("DELETE", "process_delete"),
    Operation.PATCH: ("PATCH", "process_patch"),
}
_ON_OBJECTS = (Operation.RETRIEVE, Operation.UPDATE, Operation.DELETE, Operation.PATCH)
JSON_HEADERS = (ACCEPT, content_type("application/json"))


@dataclass(frozen=True, slots=True)
class RouteInfo:
    """One path of the API (Go: RouteInfo)."""

    identity: str
    """The category of what it serves."""
    url: str
    verbs: tuple[str, ...] = ()
    private: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Return the wire form; what says nothing is left out."""
        wire: dict[str, Any] = {"identity": self.identity, "url": self.url}
        if self.verbs:
            wire["verbs"] = list(self.verbs)
        if self.private:
            wire["private"] = True
        return wire

    def __str__(self) -> str:
        return f"{self.url} -> {', '.join(self.verbs)}"


def routes_of(
    registry: Registry, processors: Mapping[str, Any], *, patch_method: str = "process_patch"
) -> list[RouteInfo]:
    """Return what can be called, by path (decision X30: exactly what is routable).

    Args:
        registry: the models of one version.
        processors: by identity name.
        patch_method: the method that serves patches.
    """
    verbs: dict[str, set[str]] = {}
    owners: dict[str, Any] = {}
    for identity in registry.all_identities():
        processor = processors.get(identity.name)
        relationship = registry.relationships.get(identity)
        if processor is None or relationship is None:
            continue
        for operation, (verb, method) in _VERBS.items():
            if operation is Operation.PATCH:
                method = patch_method
            if not hasattr(processor, method):
                continue
            for parent in relationship.infos[operation]:
                url = _url(registry, operation, parent, identity.category)
                verbs.setdefault(url, set()).add(verb)
                owners.setdefault(url, identity)
    return [
        RouteInfo(owners[url].category, url, tuple(sorted(verbs[url])), owners[url].private)
        for url in sorted(verbs)
    ]


def _url(registry: Registry, operation: Operation, parent: str, category: str) -> str:
    if operation in _ON_OBJECTS:
        return f"/{category}/:id"
    if parent == "root":
        return f"/{category}"
    return f"/{registry.identity_from_name(parent).category}/:id/{category}"


def install_meta(
    app: web.Application,
    config: MetaConfig,
    routes: Callable[[], Mapping[int, list[RouteInfo]]],
) -> list[str]:
    """Add the meta routes to *app*, for GET and HEAD, and return their paths."""
    handlers: dict[str, Callable[[web.Request], Any]] = {}
    if config.service_name:
        name = config.service_name.encode()

        async def service_name(_request: web.Request) -> web.Response:
            headers = dict([ACCEPT, ("Content-Type", "text/plain")])
            return web.Response(body=name, headers=headers)

        handlers["/_meta/name"] = service_name
    if config.versions is not None:
        versions = _indented(config.versions)

        async def service_version(_request: web.Request) -> web.Response:
            return web.Response(body=versions, headers=dict(JSON_HEADERS))

        handlers["/_meta/version"] = service_version
    if config.routes:

        async def service_routes(_request: web.Request) -> web.Response:
            listed = {
                str(version): [info.to_wire() for info in infos]
                for version, infos in routes().items()
            }
            return web.Response(body=orjson.dumps(listed), headers=dict(JSON_HEADERS))

        handlers["/_meta/routes"] = service_routes
    for path, handler in handlers.items():
        app.router.add_get(path, handler)
    return list(handlers)


def _indented(value: Any) -> bytes:
    """Return JSON with sorted keys, indented by four spaces as the original has it."""
    two = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2).split(b"\n")
    lines = []
    for line in two:
        stripped = line.lstrip(b" ")
        lines.append(b" " * (2 * (len(line) - len(stripped))) + stripped)
    return b"\n".join(lines)
