"""``bahamut serve SPECS`` and ``bahamut routes SPECS``."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bahamut._kit.logs import get_logger
from bahamut._version import __version__
from bahamut.config import Option
from bahamut.cors import new_default_cors_controller
from bahamut.crud import PARENT_ID, PARENT_TYPE, CRUDProcessor
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.operations import Operation
from bahamut.elemental.parameters import ParameterDefinition
from bahamut.elemental.registry import Registry
from bahamut.elemental.relationships import RelationshipInfo
from bahamut.elemental.shapes import DecodeError, decode_string
from bahamut.manipulate.base import Parent, Query
from bahamut.manipulate.memory import MemoryManipulator
from bahamut.options import (
    opt_cors_access_control,
    opt_enable_api_path_prefix,
    opt_model,
    opt_post_start_hook,
    opt_push_dispatch_handler,
    opt_push_server,
    opt_rest_server,
    opt_service_info,
)
from bahamut.pubsub import PubSubClient, new_local_pubsub_client, new_nats_pubsub_client
from bahamut.regolithe import SpecificationError, SpecificationSet, build_registry, load
from bahamut.server import Server, new, run

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+").fullmatch


class UsageError(Exception):
    """A mistake in the command line or a data file; shown to the user without a traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        given.command(given)
    except OSError as error:
        hint = " (choose another with --listen)" if error.errno == errno.EADDRINUSE else ""
        print(f"bahamut: {error.strerror or error}{hint}", file=sys.stderr)
        return 1
    except (UsageError, ValueError) as error:
        print(f"bahamut: {error}", file=sys.stderr)
        return 1
    except SpecificationError as error:
        print(f"bahamut: invalid specifications in {given.specs}:", file=sys.stderr)
        print(error.report(), file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("bahamut", description="Model-driven API servers.")
    parser.add_argument("--version", action="version", version=f"bahamut {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    serving = commands.add_parser(
        "serve", help="serve a folder of specifications; objects are kept in memory"
    )
    serving.add_argument("specs", metavar="SPECS", help="folder that contains the specifications")
    serving.add_argument(
        "--listen", default="127.0.0.1:8080", metavar="HOST:PORT", help="default: %(default)s"
    )
    serving.add_argument(
        "--prefix", default="", metavar="PATH", help="path prefix of the API, for instance /api"
    )
    serving.add_argument("--data", metavar="FILE.json", help="initial objects")
    serving.add_argument(
        "--pubsub", default="", metavar="URL", help="share events over NATS: nats://HOST:PORT"
    )
    serving.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="allow pages of this origin to use the API and its websocket, for instance "
        "http://localhost:3000; may be repeated; null for pages without an origin, such as files; "
        "* for every page, without the websocket",
    )
    serving.add_argument(
        "--topic", default="events", help="NATS subject of the events; default: %(default)s"
    )
    serving.add_argument("--access-log", action="store_true", help="log every request")
    serving.set_defaults(command=serve)
    listing = commands.add_parser("routes", help="list the routes of a folder of specifications")
    listing.add_argument("specs", metavar="SPECS", help="folder that contains the specifications")
    listing.set_defaults(command=routes)
    return parser


def serve(given: argparse.Namespace) -> None:
    """Serve specifications from memory until SIGINT or SIGTERM."""
    if given.access_log:
        get_logger("bahamut.access").setLevel(logging.INFO)
    specs, registry = _load(given.specs)
    manipulator = MemoryManipulator()
    count = 0
    if given.data:
        path = Path(given.data)
        count = asyncio.run(fill(manipulator, registry, path, _read_data(path)))

    async def announce(server: Server) -> None:
        prefix = server.config.rest.api_prefix
        for host, port in server.addresses:
            shown = f"[{host}]" if ":" in host else host
            print(f"{specs.name} {specs.version} serves http://{shown}:{port}{prefix}")
            print(f"Events: ws://{shown}:{port}{server.push_endpoint}")
        _print_routes(server, prefix)
        if given.data:
            print(f"{count} objects were loaded from {given.data}")
        print("Press Ctrl-C to stop.", flush=True)

    versions = dict.fromkeys((0, specs.api.version), registry)
    server = new(
        opt_rest_server(given.listen),
        opt_enable_api_path_prefix(given.prefix),
        opt_model(versions),
        opt_service_info(specs.name, specs.version, {specs.name: specs.version}),
        opt_push_server(_pubsub(given.pubsub), given.topic),
        opt_push_dispatch_handler(None),
        opt_post_start_hook(announce),
        *_cors(given.cors),
    )
    register_all(server, manipulator, registry)
    run(server)
    print("Stopped.")


def _cors(origins: Sequence[str]) -> list[Option]:
    """Return the CORS option for these origins; an empty list without any.

    Raises:
        UsageError: a value is not an origin.
    """
    wanted = {origin.lower() for origin in origins}
    for origin in sorted(wanted - {"*", "null"}):
        if _ORIGIN(origin) is None:
            text = f"'{origin}' is not an origin: use SCHEME://HOST:PORT without a path, null or *"
            raise UsageError(text)
    if not wanted:
        return []
    everybody = "*" if "*" in wanted else ""
    controller = new_default_cors_controller(everybody, wanted - {"*"})
    return [opt_cors_access_control(controller)]


def _pubsub(url: str) -> PubSubClient:
    return new_nats_pubsub_client(url) if url else new_local_pubsub_client()


def routes(given: argparse.Namespace) -> None:
    """Print the routes of a folder of specifications."""
    _, registry = _load(given.specs)
    get_logger("bahamut.server").setLevel(logging.ERROR)  # nothing is served
    server = new(opt_rest_server(":0"), opt_model({0: registry}))
    register_all(server, MemoryManipulator(), registry)
    _print_routes(server, "")


def register_all(server: Server, manipulator: MemoryManipulator, registry: Registry) -> None:
    """Let one generic processor serve every identity of *registry*."""
    processor = CRUDProcessor(manipulator, registry)
    for model in registry.models():
        if model.ATTRIBUTES:
            server.register_processor(processor, model.IDENTITY)


def _load(folder: str) -> tuple[SpecificationSet, Registry]:
    """Load specifications; add the parameter ``q`` to every list operation that lacks it."""
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"'{folder}' is not a folder")
    specs = load(path)
    if str(specs.import_root) not in sys.path:
        sys.path.append(str(specs.import_root))
    registry = build_registry(specs)
    q = ParameterDefinition("q", "string")
    for relationship in registry.relationships.values():
        for operation in (Operation.RETRIEVE_MANY, Operation.INFO):
            for parent, info in list(relationship.infos[operation].items()):
                if all(parameter.name != "q" for parameter in info.parameters):
                    relationship.infos[operation][parent] = RelationshipInfo(
                        info.deprecated, (*info.parameters, q), info.required
                    )
    return specs, registry


def _print_routes(server: Server, prefix: str) -> None:
    infos = server.routes_info()[0]
    width = max((len(info.url) for info in infos), default=0) + len(prefix)
    for info in infos:
        print(f"  {prefix + info.url:<{width}}  {' '.join(info.verbs)}")


# --- data ----------------------------------------------------------------------------------------


def _read_data(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: the file must hold an object of lists, by REST name")
    return content


async def fill(
    manipulator: MemoryManipulator, registry: Registry, path: Path, content: dict[str, Any]
) -> int:
    """Store the objects of a data file and return their number.

    Args:
        manipulator: where to store them.
        registry: the models.
        path: of the file, for errors.
        content: lists of objects as they travel, with their identifiers, by REST name; a parent is
            named by ``parentID`` and ``parentType``.

    Raises:
        UsageError: the file is wrong; the text names it, the identity and the index.
    """
    count = 0
    for name, objects in content.items():
        if registry.identity_from_name(name).is_empty:
            raise UsageError(f"{path}: {name}: no specification has that name")
        if not isinstance(objects, list):
            raise UsageError(f"{path}: {name}: must be a list of objects")
        for index, value in enumerate(objects):
            try:
                await _store(manipulator, registry, name, value)
            except (Error, Errors, DecodeError) as error:
                raise UsageError(f"{path}: {name}[{index}]: {error}") from error
            count += 1
    await _check_parents(manipulator, registry, path, content)
    return count


async def _store(manipulator: MemoryManipulator, registry: Registry, name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise DecodeError("must be an object")
    obj = registry.model(name).from_wire(value)
    if not obj.identifier:
        raise DecodeError("has no identifier")
    obj.validate()
    await manipulator.create(obj, Query(parent=_parent(value)))


def _parent(value: dict[str, Any]) -> Parent:
    """Return the parent that an object names.

    Raises:
        DecodeError: its type or identifier is not a string.
    """
    kind, identifier = (decode_string(value.get(key), key) for key in (PARENT_TYPE, PARENT_ID))
    return Parent(kind or "root", identifier)


async def _check_parents(
    manipulator: MemoryManipulator, registry: Registry, path: Path, content: dict[str, Any]
) -> None:
    for name, objects in content.items():
        for index, value in enumerate(objects):
            parent = _parent(value)
            if not parent.id:
                continue
            where = f"{path}: {name}[{index}]"
            if registry.identity_from_name(parent.type).is_empty:
                raise UsageError(f"{where}: no specification is named '{parent.type}'")
            if not _may_live_under(registry, name, parent.type):
                raise UsageError(f"{where}: nothing of that name lives under a {parent.type}")
            try:
                await manipulator.retrieve(registry.model(parent.type), parent.id)
            except Error as error:
                text = f"{where}: there is no {parent.type} '{parent.id}'"
                raise UsageError(text) from error
    await _check_ancestors(manipulator, registry, path, content)


async def _check_ancestors(
    manipulator: MemoryManipulator, registry: Registry, path: Path, content: dict[str, Any]
) -> None:
    """Reject parent cycles: deleting such an object would never end."""
    rooted: set[Parent] = set()
    for name, objects in content.items():
        for index, value in enumerate(objects):
            seen: set[Parent] = set()
            above = Parent(name, value["ID"])
            while above.id and above not in rooted:
                if above in seen:
                    raise UsageError(f"{path}: {name}[{index}]: lives under itself")
                seen.add(above)
                above = await manipulator.parent_of(registry.model(above.type), above.id)
            rooted |= seen


def _may_live_under(registry: Registry, name: str, parent: str) -> bool:
    return any(
        registry.is_operation_allowed(registry.identity(name), parent, operation)
        for operation in (Operation.CREATE, Operation.RETRIEVE_MANY, Operation.INFO)
    )
