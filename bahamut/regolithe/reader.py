"""Strict YAML into the dataclasses of a specification, with the place of everything.

PyYAML's nodes are read by the fields of the dataclasses: an unknown key, a key given twice or a
value of another type is a finding, and so is a file that is too large, too deep or too clever.
What a plain word means (``010``, ``1e3``, ``yes``) is what it means to the original's library; but
in the place of a text a word is a text.
"""

from __future__ import annotations

import codecs
import math
import re
import types
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import yaml

from bahamut.regolithe.spec import Finding, Located, Place, SpecificationError

MAX_SIZE = 1 << 20
"""Bytes of one file."""
MAX_NODES = 50_000
"""Values of one file, those of aliases counted each time."""
MAX_DEPTH = 64
MAX_INTEGER = (1 << 63) - 1
_LONGEST = (1 << 16) - 1
_LONGEST_NUMBER = 300
"""Digits; what has more is beyond any float."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_LENGTHS = frozenset(("max_length", "min_length"))
_FREE = frozenset(("default_value", "example_value"))
_KEYS = {"import_": "import"}
_TEXTS = frozenset(("string", "enum"))
_BOOLEANS = {
    word: is_true
    for is_true, words in ((True, "y yes true on"), (False, "n no false off"))
    for lower in words.split()
    for word in (lower, lower.capitalize(), lower.upper())
}
_SCALARS: dict[Any, tuple[str, frozenset[str]]] = {
    str: ("a text", frozenset(("str", "int", "float", "bool", "null", "merge"))),
    bool: ("true or false", frozenset(("bool", "null"))),
    int: ("a whole number", frozenset(("int", "float", "null"))),
    float: ("a number", frozenset(("int", "float", "null"))),
}


_TOO_MANY = f"more than {MAX_NODES} values"
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"


class _Loader(yaml.SafeLoader):
    """The safe loader, with the original's notion of what a plain word is."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class declares it
    nodes = 0
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node while there are not too many, nor too deep."""
        self.nodes += 1
        self.depth += 1
        if self.nodes > MAX_NODES:
            raise self._refusal(_TOO_MANY)
        if self.depth > MAX_DEPTH:
            raise self._refusal(_TOO_DEEP)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and _SURROGATE.search(node.value):
            raise self._refusal("half a character", node.start_mark)
        return node

    def _refusal(self, problem: str, mark: Any = None) -> yaml.MarkedYAMLError:
        mark = mark or self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(rf"(?:{pattern})\Z"), list(first) or None
    )


_resolve("bool", "|".join(_BOOLEANS), "yYnNtTfFoO")
_resolve("null", "|~|null|Null|NULL", "")
_resolve("merge", "<<", "<")
_resolve(
    "int",
    r"[-+]?(?:0b[01_]+|0[xX][0-9a-fA-F_]+|0o?[0-7_]+|0|[1-9][0-9_]*)",
    "-+0123456789",
)
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+.0123456789",
)


class Null(NamedTuple):
    """Nothing, where an entry of a list or a mapping should be."""

    path: str
    expected: str
    """``array`` or ``object``."""
    place: Place


class Reader:
    """Reads one file.

    Args:
        path: of the file.
        prefix: put before its messages.
    """

    def __init__(self, path: Path, prefix: str = "") -> None:
        self.path = path
        self.prefix = prefix
        self.findings: list[Finding] = []
        self.warnings: list[Finding] = []
        self.nulls: list[Null] = []
        self._nodes = 0

    def fatal(self, message: str, node: yaml.Node | None = None) -> SpecificationError:
        """Return the error that ends the reading."""
        return SpecificationError([self._finding(message, node)])

    def _finding(self, message: str, node: yaml.Node | None = None, **options: Any) -> Finding:
        place = Place(self.path.name) if node is None else self.place(node)
        at = f"line {place.line}: " if place.line else ""
        return Finding(f"{self.prefix}{at}{message}", "yaml", place, **options)

    def wrong(self, message: str, node: yaml.Node) -> None:
        """Note what is wrong with a node, and go on."""
        self.findings.append(self._finding(message, node))

    def place(self, node: yaml.Node) -> Place:
        """Return where a node stands."""
        mark = node.start_mark
        return Place(self.path.name, mark.line + 1, mark.column + 1)

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            SpecificationError: something was.
        """
        if self.findings:
            raise SpecificationError(self.findings)

    # --- nodes -------------------------------------------------------------------------------

    def root(self) -> yaml.Node:
        """Return the first document of the file.

        Raises:
            SpecificationError: there is none, or it is no YAML.
        """
        try:
            loader = _Loader(self._text())
            try:
                node = self._composed(loader)
            finally:
                loader.dispose()
        except yaml.YAMLError as error:
            raise self._unreadable(error) from None
        if node is None:
            raise self.fatal("EOF")
        self._count(node, 0)
        return node

    def _text(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_SIZE + 1)
        except OSError as error:
            raise self.fatal(f"cannot be read: {error.strerror}") from error
        if len(data) > MAX_SIZE:
            raise self.fatal(f"the file is larger than {MAX_SIZE} bytes")
        is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        try:
            return data.decode("utf-16" if is_wide else "utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            place = Place(self.path.name, line, 1)
            text = f"{self.prefix}line {line}: the file is not UTF-8"
            raise SpecificationError([Finding(text, "yaml", place)]) from None

    def _composed(self, loader: _Loader) -> yaml.Node | None:
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
            text = f"line {place.line}: {text}"
        return SpecificationError([Finding(f"{self.prefix}{text}", "yaml", place)])

    def _count(self, node: yaml.Node, depth: int) -> None:
        """Refuse what would take for ever: aliases of aliases, and nesting."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise self.fatal(_TOO_MANY, node)
        if depth > MAX_DEPTH:
            raise self.fatal(_TOO_DEEP, node)
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._count(item, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            for key, item in node.value:
                self._count(key, depth + 1)
                self._count(item, depth + 1)

    def pairs(self, node: yaml.Node, path: str) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Return key and value of a mapping by the text of the key; null is an empty mapping."""
        if _tag(node) == "null":
            return {}
        if not isinstance(node, yaml.MappingNode):
            self.wrong(f"{path or 'the document'} must be a mapping", node)
            return {}
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.wrong(f"a key{_in(path)} must be a text", key)
            elif _tag(key) == "merge":
                bases = value.value if isinstance(value, yaml.SequenceNode) else [value]
                for base in bases:
                    merged = self.pairs(base, path) | merged
            elif key.value in found:
                self.wrong(f"key '{key.value}' is given twice{_in(path)}", key)
            else:
                found[key.value] = (key, value)
        return merged | found

    # --- values ------------------------------------------------------------------------------

    def read(self, node: yaml.Node, kind: Any, path: str) -> Any:
        """Return what a node says, as a value of the type *kind*."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is types.UnionType:
            return None if _tag(node) == "null" else self.read(node, arguments[0], path)
        if kind is Any:
            return self.free(node, path)
        if kind in _SCALARS:
            return self.scalar(node, kind, path)
        if origin is tuple:
            return self._items(node, arguments[0], path)
        if origin is dict:
            pairs = self.pairs(node, path).items()
            return {key: self._entry(n, arguments[1], _below(path, key)) for key, (_, n) in pairs}
        return self.structure(node, kind, path)

    def _items(self, node: yaml.Node, kind: Any, path: str) -> tuple[Any, ...]:
        if _tag(node) == "null":
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.wrong(f"{path} must be a list", node)
            return ()
        return tuple(self._entry(n, kind, _below(path, i)) for i, n in enumerate(node.value))

    def _entry(self, node: yaml.Node, kind: Any, path: str) -> Any:
        if _tag(node) == "null" and kind is not Any and kind not in _SCALARS:
            expected = "array" if get_origin(kind) is tuple else "object"
            self.nulls.append(Null(path, expected, self.place(node)))
        return self.read(node, kind, path)

    def scalar(self, node: yaml.Node, kind: type, path: str) -> Any:
        """Return a text, a number or a boolean; null is an empty one."""
        expected, tags = _SCALARS[kind]
        tag = _tag(node)
        if not isinstance(node, yaml.ScalarNode) or tag not in tags:
            self.wrong(f"{path} must be {expected}", node)
            return kind()
        if tag == "null":
            return kind()
        if kind is str:
            return node.value
        value = self.free(node, path)
        if value is None:
            return kind()
        return self._whole(node, value, path) if kind is int else kind(value)

    def _whole(self, node: yaml.Node, value: float, path: str) -> int:
        is_length = path.rpartition(".")[2] in _LENGTHS
        lowest, highest = (0, _LONGEST) if is_length else (-MAX_INTEGER - 1, MAX_INTEGER)
        if not lowest <= value <= highest:
            self.wrong(f"{path} must be a whole number from {lowest} to {highest}", node)
            return 0
        if value != int(value):
            text = f"{path} must be a whole number; {value} is read as {int(value)}"
            self.warnings.append(self._finding(text, node, is_warning=True))
        return int(value)

    def free(self, node: yaml.Node, path: str, *, is_text: bool = False) -> Any:
        """Return whatever a node says: text, number, boolean, null, list, mapping.

        Args:
            node: what says it.
            path: of the node, for messages.
            is_text: whether words such as ``no`` and ``on`` are meant as they stand.
        """
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.free(n, _below(path, i), is_text=is_text) for i, n in items]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path, is_text=is_text)
        word, tag = node.value, _tag(node)
        if tag == "bool" and word in _BOOLEANS:
            return word if is_text and word.lower() not in ("true", "false") else _BOOLEANS[word]
        if tag == "null":
            return None
        if tag in ("int", "float"):
            return self._number(node, path)
        if tag not in ("str", "merge"):
            self.wrong(f"{path} has a tag that means nothing here", node)
        return word

    def _mapping(self, node: yaml.Node, path: str, *, is_text: bool) -> dict[str, Any]:
        found = {}
        for key, (key_node, value) in self.pairs(node, path).items():
            if _tag(key_node) != "str":
                self.wrong(f"a key{_in(path)} must be a text", key_node)
            found[key] = self.free(value, _below(path, key), is_text=is_text)
        return found

    def _number(self, node: yaml.Node, path: str) -> float | None:
        try:
            return _number(node.value, is_float=_tag(node) == "float")
        except (ValueError, OverflowError):
            self.wrong(f"{path}: '{node.value[:40]}' is no number", node)
            return None

    def structure(self, node: yaml.Node, kind: Any, path: str) -> Any:
        """Return a dataclass, each of whose fields is a key."""
        hints = _hints(kind)
        values: dict[str, Any] = {}
        places: dict[str, Place] = {}
        pairs = self.pairs(node, path)
        is_text = _is_text(pairs)
        for key, (key_node, value) in pairs.items():
            if key not in hints:
                self.wrong(f"unknown key '{key}'{_in(path)}", key_node)
                continue
            name, hint = hints[key]
            places[key] = self.place(key_node)
            if name in _FREE:
                values[name] = self.free(value, _below(path, key), is_text=is_text)
            else:
                values[name] = self.read(value, hint, _below(path, key))
        return kind(place=self.place(node), places=places, **values)


_LOCATION = frozenset(field.name for field in fields(Located))


@lru_cache(maxsize=64)
def _hints(kind: Any) -> Mapping[str, tuple[str, Any]]:
    """Return field name and type by the key of a file."""
    return {
        _KEYS.get(name, name): (name, hint)
        for name, hint in get_type_hints(kind).items()
        if name not in _LOCATION
    }


def _is_text(pairs: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> bool:
    """Tell whether what these keys declare holds texts."""
    kind, of = (pairs[key][1].value if key in pairs else "" for key in ("type", "subtype"))
    declared = of if kind == "list" else kind
    return isinstance(declared, str) and declared in _TEXTS


def _tag(node: yaml.Node) -> str:
    return str(node.tag).removeprefix("tag:yaml.org,2002:")


def _below(path: str, key: object) -> str:
    return f"{path}.{key}" if path else str(key)


def _in(path: str) -> str:
    return f" in {path}" if path else ""


def _number(word: str, *, is_float: bool) -> float:
    """Return the number that a plain word is, a float if it is too large for 64 bits."""
    digits = word.replace("_", "").lower()
    body = digits.lstrip("+-")
    if body in (".inf", ".nan"):
        return float(digits.replace(".", ""))
    if is_float:
        return float(digits)
    if len(body) > _LONGEST_NUMBER:
        return math.inf
    if body[:2] in ("0x", "0o", "0b"):
        value = int(body, 0)
    else:
        value = int(body, 8 if body.startswith("0") else 10)
    value = -value if digits.startswith("-") else value
    return value if -MAX_INTEGER - 1 <= value <= 2 * MAX_INTEGER + 1 else float(value)
