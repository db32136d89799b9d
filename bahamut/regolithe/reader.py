"""Strict YAML into the dataclasses of a specification, with the place of everything.

PyYAML's nodes are read by the fields of the dataclasses: an unknown key, a key given twice or a
value of another type is a finding, and so is a file that is too large, too deep or too clever.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from bahamut.regolithe.spec import Finding, Place, SpecificationError

MAX_SIZE = 4 * 1024 * 1024
"""Bytes of one file."""
MAX_NODES = 200_000
MAX_DEPTH = 64
_MAX_UINT16 = 0xFFFF
_UINT16 = frozenset(("max_length", "min_length"))
_KEYS = {"import_": "import"}
_SCALARS: dict[Any, tuple[str, frozenset[str]]] = {
    str: ("a text", frozenset(("str", "int", "float", "bool", "timestamp", "null"))),
    bool: ("true or false", frozenset(("bool", "null"))),
    int: ("a whole number", frozenset(("int", "float", "null"))),
    float: ("a number", frozenset(("int", "float", "null"))),
}


class _Loader(yaml.SafeLoader):
    """The safe loader, but that dates stay texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Reader:
    """Reads one file.

    Args:
        path: of the file.
        prefix: put before its messages.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path = path
        self.prefix = prefix
        self.nodes = 0

    def fail(self, message: str, node: yaml.Node | None = None) -> SpecificationError:
        """Return the error that says what is wrong with the file."""
        place = self.place(node) if node is not None else Place(self.path.name)
        at = f"line {place.line}: " if place.line else ""
        return SpecificationError([Finding(f"{self.prefix}{at}{message}", "yaml", place)])

    def place(self, node: yaml.Node) -> Place:
        """Return where a node stands."""
        mark = node.start_mark
        return Place(self.path.name, mark.line + 1, mark.column + 1)

    def root(self) -> yaml.Node:
        """Return the first document of the file.

        Raises:
            SpecificationError: there is none, or it is no YAML.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise self.fail(f"cannot be read: {error.strerror}") from error
        if len(data) > MAX_SIZE:
            raise self.fail(f"the file is larger than {MAX_SIZE} bytes")
        try:
            loader = _Loader(data.decode())
            try:
                node = self._compose(loader)
            finally:
                loader.dispose()
        except UnicodeDecodeError:
            raise self.fail("the file is not UTF-8") from None
        except yaml.YAMLError as error:
            raise self._unreadable(error) from None
        except RecursionError:
            raise self.fail(f"nested deeper than {MAX_DEPTH} levels") from None
        if node is None:
            raise self.fail("EOF")
        self._count(node, 0)
        return node

    def _compose(self, loader: _Loader) -> yaml.Node | None:
        loader.get_event()  # type: ignore[no-untyped-call] # the start of the stream
        if loader.check_event(yaml.StreamEndEvent):
            return None
        node: yaml.Node | None = loader.compose_document()
        return node

    def _unreadable(self, error: yaml.YAMLError) -> SpecificationError:
        mark = getattr(error, "problem_mark", None)
        text = getattr(error, "problem", None) or str(error).splitlines()[0]
        place = Place(self.path.name)
        if mark is not None:
            place = Place(self.path.name, mark.line + 1, mark.column + 1)
        at = f"line {place.line}: " if place.line else ""
        return SpecificationError([Finding(f"{self.prefix}{at}{text}", "yaml", place)])

    def _count(self, node: yaml.Node, depth: int) -> None:
        """Refuse what would take for ever: aliases of aliases, and nesting."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(f"more than {MAX_NODES} values", node)
        if depth > MAX_DEPTH:
            raise self.fail(f"nested deeper than {MAX_DEPTH} levels", node)
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._count(item, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                self._count(key, depth + 1)
                self._count(item, depth + 1)

    # --- typed values ------------------------------------------------------------------------

    def pairs(self, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
        """Return the values of a mapping by key; an empty document is an empty mapping."""
        if _tag(node) == "null":
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(f"{what} must be a mapping", node)
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.fail(f"a key of {what} must be a text", key)
            if key.value in found:
                raise self.fail(f"key '{key.value}' is given twice in {what}", key)
            found[key.value] = value
        return found

    def read(self, node: yaml.Node, kind: Any, what: str) -> Any:
        """Return what a node says, as a value of the type *kind*."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            inner = next(argument for argument in arguments if argument is not type(None))
            return None if _tag(node) == "null" else self.read(node, inner, what)
        if kind is Any:
            return self.free(node)
        if kind in _SCALARS:
            return self.scalar(node, kind, what)
        if origin is list:
            return self.items(node, arguments[0], what)
        if origin is dict:
            return {
                key: self.read(n, arguments[1], what) for key, n in self.pairs(node, what).items()
            }
        return self.structure(node, kind, what)

    def items(self, node: yaml.Node, kind: Any, what: str) -> list[Any]:
        """Return the items of a list."""
        if _tag(node) == "null":
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(f"{what} must be a list", node)
        return [self.read(item, kind, what) for item in node.value]

    def scalar(self, node: yaml.Node, kind: type, what: str) -> Any:
        """Return a text, a number or a boolean."""
        expected, tags = _SCALARS[kind]
        if not isinstance(node, yaml.ScalarNode) or _tag(node) not in tags:
            raise self.fail(f"{what} must be {expected}", node)
        if _tag(node) == "null":
            return kind()
        if kind is str:
            return node.value
        value = self.free(node)
        if kind is int and value != int(value):
            raise self.fail(f"{what} must be {expected}", node)
        return kind(value)

    def free(self, node: yaml.Node) -> Any:
        """Return whatever a node says: texts, numbers, booleans, lists, mappings."""
        if isinstance(node, yaml.SequenceNode):
            return [self.free(item) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return {key: self.free(value) for key, value in self.pairs(node, "a mapping").items()}
        if _tag(node) == "str":
            return node.value
        constructor = yaml.constructor.SafeConstructor()
        try:
            return constructor.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise self.fail(f"'{node.value}' cannot be read: {error}", node) from None

    def structure(self, node: yaml.Node, kind: Any, what: str) -> Any:
        """Return a dataclass, each of whose fields is a key."""
        hints = _hints(kind)
        found = {}
        for key, value in self.pairs(node, what).items():
            if key not in hints:
                raise self.fail(f"unknown key '{key}' in {what}", value)
            name, hint = hints[key]
            found[name] = self.read(value, hint, f"'{key}' of {what}")
            if name in _UINT16 and not 0 <= found[name] <= _MAX_UINT16:
                raise self.fail(f"'{key}' of {what} must be between 0 and {_MAX_UINT16}", value)
        if "place" in {f.name for f in fields(kind)}:
            found["place"] = self.place(node)
        return kind(**found)


@lru_cache(maxsize=64)
def _hints(kind: Any) -> Mapping[str, tuple[str, Any]]:
    """Return field name and type by the key of a file."""
    return {
        _KEYS.get(name, name): (name, hint)
        for name, hint in get_type_hints(kind).items()
        if name not in ("place", "file")
    }


def _tag(node: yaml.Node) -> str:
    return str(node.tag).rpartition(":")[2]
