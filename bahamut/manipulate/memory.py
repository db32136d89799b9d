"""Objects in the memory of the process: the reference for what every other driver must answer.

Each kind of object is a table: objects by identifier, in order of creation, each with its parent.
Attributes that are filterable have a hash index, which serves ``==`` and ``in``; an index only
narrows what is looked at, the filter decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, TypeVar

from bahamut._kit.gotime import to_seconds
from bahamut._kit.ids import object_id
from bahamut.elemental.filters import (
    Comparator,
    Comparison,
    Filter,
    MatcherError,
    compile_filter,
)
from bahamut.elemental.filters.matcher import Predicate
from bahamut.elemental.filters.paths import specs_along
from bahamut.elemental.model import Model
from bahamut.manipulate.base import (
    EVERYTHING,
    ROOT,
    Capabilities,
    Page,
    Parent,
    Query,
    check_page,
)
from bahamut.manipulate.errors import (
    ConflictError,
    InvalidQueryError,
    ObjectNotFoundError,
    TooExpensiveError,
    UnsupportedError,
)
from bahamut.manipulate.filters import namespace_test

M = TypeVar("M", bound=Model)
_INDEXED = ("string", "enum", "integer", "boolean")

# What takes back the changes of the transactions that a task is in, by manipulator: what others
# change meanwhile is none of a transaction's business.
_OPEN: ContextVar[Mapping[MemoryManipulator, list[Callable[[], Any]]]] = ContextVar("open")


class _Table:
    """The objects of one kind."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.objects: dict[str, Model] = {}
        self.serials: dict[str, int] = {}
        self.serial = 0
        self.parents: dict[str, Parent] = {}
        self.children: dict[Parent, dict[str, None]] = {}
        self.indexes: dict[str, dict[Any, dict[str, None]]] = {
            spec.wire: {}
            for spec in model.ATTRIBUTES
            if spec.filterable and not spec.identifier and spec.type in _INDEXED
        }

    def put(self, obj: Model, parent: Parent) -> None:
        """Store *obj*, in the place of the one that has its identifier."""
        identifier = obj.identifier
        if identifier in self.objects:
            self._unindex(identifier)
        else:
            self.serial += 1
            self.serials[identifier] = self.serial
        self.objects[identifier] = obj
        self.parents[identifier] = parent
        self.children.setdefault(parent, {})[identifier] = None
        for wire, index in self.indexes.items():
            index.setdefault(obj.__dict__.get(wire), {})[identifier] = None

    def put_back(self, obj: Model, parent: Parent, serial: int) -> None:
        """Store *obj* where it was in the order of creation."""
        self.put(obj, parent)
        self.serials[obj.identifier] = serial
        in_order = sorted(self.objects.items(), key=lambda item: self.serials[item[0]])
        self.objects = dict(in_order)

    def pop(self, identifier: str) -> tuple[Model, Parent, int]:
        """Take an object out; return it, its parent and its serial."""
        self._unindex(identifier)
        serial = self.serials.pop(identifier)
        parent = self.parents.pop(identifier)
        members = self.children[parent]
        del members[identifier]
        if not members:
            del self.children[parent]
        return self.objects.pop(identifier), parent, serial

    def _unindex(self, identifier: str) -> None:
        values = self.objects[identifier].__dict__
        for wire, index in self.indexes.items():
            entries = index[values.get(wire)]
            del entries[identifier]
            if not entries:
                del index[values.get(wire)]

    def candidates(self, query: Query) -> Iterable[Model]:
        """Return the objects that can match, in order of creation."""
        narrow = self._narrowest(query)
        if narrow is None:
            return self.objects.values()
        ordered = sorted(narrow, key=self.serials.__getitem__)
        return [self.objects[key] for key in ordered]

    def _narrowest(self, query: Query) -> Iterable[str] | Any:
        found: list[Any] = []
        if query.parent is not None:
            found.append(self.children.get(query.parent, {}))
        for slot in query.filter.slots if query.filter else ():
            if isinstance(slot, Comparison):
                looked_up = self._look_up(slot)
                if looked_up is not None:
                    found.append(looked_up)
        return min(found, key=len, default=None)

    def _look_up(self, slot: Comparison) -> Any:
        wire = self.model.WIRE_NAMES.get(slot.key)
        if slot.comparator not in (Comparator.EQUAL, Comparator.IN) or wire is None:
            return None
        if not all(isinstance(value, str) for value in slot.values):
            return None  # numbers of different types are equal; the filter knows, the index not
        if wire == self.model.IDENTIFIER:
            return [value for value in dict.fromkeys(slot.values) if value in self.objects]
        index = self.indexes.get(wire)
        if index is None:
            return None
        return {key: None for value in slot.values for key in index.get(value, ())}


class MemoryManipulator:
    """Keeps objects in memory (Go: manipmemory).

    Args:
        make_id: makes identifiers; 24 hexadecimal digits without.
    """

    capabilities = Capabilities(transactions=True, regex=True, total_count=True)

    def __init__(self, make_id: Callable[[], str] = object_id) -> None:
        self._make_id = make_id
        self._tables: dict[str, _Table] = {}
        self._transaction = asyncio.Lock()
        self._log: list[Callable[[], Any]] | None = None

    def _table(self, model: type[Model]) -> _Table:
        plain = model.PLAIN
        table = self._tables.get(plain.IDENTITY.name)
        if table is None:
            table = self._tables[plain.IDENTITY.name] = _Table(plain)
        return table

    def _undoing(self, undo: Callable[[], Any]) -> None:
        if self._is_inside():
            assert self._log is not None  # noqa: S101
            self._log.append(undo)

    def _is_inside(self) -> bool:
        """Tell whether this task is in the open transaction; one it left behind is not any more."""
        return self._log is not None and _OPEN.get({}).get(self) is self._log

    async def create(self, obj: M, query: Query = EVERYTHING) -> M:
        """Store a new object."""
        _check_supported(query)
        table, stored = self._table(type(obj)), obj.copy()
        if not stored.identifier:
            stored.identifier = self._make_id()
        identifier = stored.identifier
        if identifier in table.objects:
            raise ConflictError(identifier)
        if query.finalizer is not None:
            query.finalizer(stored)
            stored.identifier = identifier  # under which it is looked for
        table.put(stored, query.parent or ROOT)
        self._undoing(lambda: identifier in table.objects and table.pop(identifier))
        return stored.copy()

    async def retrieve(self, model: type[M], identifier: str, query: Query = EVERYTHING) -> M:
        """Return one object."""
        stored = self._stored(model, identifier, query)
        copy: Any = stored.to_sparse(*query.fields).copy() if query.fields else stored.copy()
        return copy  # type: ignore[no-any-return]

    async def retrieve_many(self, model: type[M], query: Query = EVERYTHING) -> Page[M]:
        """Return the objects that a query means."""
        check_page(query)
        found = self._selected(model, query)
        page, following = _page(found, query)
        items: list[Any] = [
            obj.to_sparse(*query.fields).copy() if query.fields else obj.copy() for obj in page
        ]
        return Page(items, len(found), following)

    def _stored(self, model: type[Model], identifier: str, query: Query) -> Model:
        """Return one object as it is stored, if a query means it."""
        table = self._table(model)
        stored = table.objects.get(identifier)
        if stored is None or not all(test(stored) for test in _tests(table, query)):
            raise ObjectNotFoundError
        return stored

    def _selected(self, model: type[M], query: Query) -> list[Model]:
        table = self._table(model)
        found = _meant(table, query, _tests(table, query))
        return _ordered(list(found), table.model, query)

    async def update(self, obj: M, query: Query = EVERYTHING) -> M:
        """Replace an object, or what is present of a sparse one."""
        table, before = self._table(type(obj)), self._stored(type(obj), obj.identifier, query)
        parent = table.parents[obj.identifier]
        if obj.IS_SPARSE:
            stored: Model = before.copy()
            stored.patch(obj)
        else:
            stored = obj.copy()
        table.put(stored, parent)
        self._undoing(lambda: table.put(before, parent))
        copy: Any = stored.copy()
        return copy  # type: ignore[no-any-return]

    async def delete(self, obj: M, query: Query = EVERYTHING) -> M:
        """Remove an object."""
        table, _ = self._table(type(obj)), self._stored(type(obj), obj.identifier, query)
        stored, parent, serial = table.pop(obj.identifier)
        self._undoing(lambda: table.put_back(stored, parent, serial))
        copy: Any = stored.copy()
        return copy  # type: ignore[no-any-return]

    async def delete_many(self, model: type[M], query: Query) -> int:
        """Remove the objects that a query means."""
        if not _tests(self._table(model), query):
            raise InvalidQueryError("To delete many objects, say which: by a filter or a parent")
        found = self._selected(model, query)
        for obj in found:
            await self.delete(obj)
        return len(found)

    async def count(self, model: type[M], query: Query = EVERYTHING) -> int:
        """Return how many objects a query means."""
        table = self._table(model)
        tests = _tests(table, query)
        return sum(1 for _ in _meant(table, query, tests)) if tests else len(table.objects)

    async def parent_of(self, model: type[M], identifier: str) -> Parent:
        """Return what an object lives under."""
        parent = self._table(model).parents.get(identifier)
        if parent is None:
            raise ObjectNotFoundError
        return parent

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryManipulator]:
        """Keep all changes made inside the block, or none; one block at a time.

        A block inside a block is part of it.
        """
        if self._is_inside():
            yield self
            return
        async with self._transaction:
            outside = _OPEN.get({})
            log: list[Callable[[], Any]] = []
            self._log = log
            _OPEN.set({**outside, self: log})
            try:
                yield self
            except BaseException:
                for undo in reversed(log):
                    undo()
                raise
            finally:
                self._log = None
                _OPEN.set(outside)

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - a pinger's argument
        """Memory always answers."""


def _tests(table: _Table, query: Query) -> list[Predicate]:
    """Return what must hold of the objects that a query means; nothing if it means all of them.

    Raises:
        InvalidQueryError: its filter speaks of unknown attributes.
        UnsupportedError: it names a transaction.
    """
    _check_supported(query)
    tests: list[Predicate] = []
    if query.parent is not None:
        parents, parent = table.parents, query.parent
        tests.append(lambda obj: parents[obj.identifier] == parent)
    within = namespace_test(
        table.model, query.namespace, recursive=query.recursive, propagated=query.propagated
    )
    if within is not None:
        tests.append(within)
    if query.filter:
        tests.append(_compiled(table.model, query.filter))
    return tests


def _meant(table: _Table, query: Query, tests: list[Predicate]) -> Iterable[Model]:
    found = table.candidates(query)
    for test in tests:
        found = filter(test, found)
    return found


def _check_supported(query: Query) -> None:
    if query.transaction_id:
        raise UnsupportedError("Transactions in memory have no names: use transaction()")


def _compiled(model: type[Model], condition: Filter) -> Predicate:
    for key in condition.attribute_names():
        if not specs_along(model, key):
            raise InvalidQueryError(f"A filter speaks of an unknown attribute '{key}'")
    try:
        return compile_filter(condition)
    except MatcherError as error:  # patterns too large: a matter of who wrote the filter
        raise TooExpensiveError(f"Invalid filter: {error}") from error


def _ordered(found: list[Model], model: type[Model], query: Query) -> list[Model]:
    """Sort by the attributes of a query; what is equal stays in order of the identifier."""
    if not query.order:
        return found
    found.sort(key=lambda obj: obj.identifier)
    for name in reversed(query.order):
        wire = model.WIRE_NAMES.get(name.removeprefix("-"))
        if wire is None:
            raise InvalidQueryError(f"Unknown attribute '{name.removeprefix('-')}' to order by")
        found.sort(key=_sort_key(wire), reverse=name.startswith("-"))
    return found


def _sort_key(wire: str) -> Callable[[Model], tuple[Any, ...]]:
    """Return a key that sorts the values of an attribute; unset ones come first."""

    def key(obj: Model) -> tuple[Any, ...]:
        value = obj.__dict__.get(wire)
        if value is None:
            return (0,)
        if isinstance(value, datetime):
            return (1, *to_seconds(value))
        if isinstance(value, int | float | str):
            return (1, value)
        return (1, str(value))

    return key


def _page(found: list[Model], query: Query) -> tuple[list[Model], str]:
    """Return the objects of a page, and where the next one begins."""
    if query.page_size or query.page:
        size = query.page_size or 50
        start = (max(query.page, 1) - 1) * size
        return found[start : start + size], ""
    if query.after:
        position = next((i for i, o in enumerate(found) if o.identifier == query.after), None)
        if position is None:
            raise InvalidQueryError(f"There is no object '{query.after}' to continue after")
        found = found[position + 1 :]
    if query.limit and len(found) > query.limit:
        found = found[: query.limit]
        return found, found[-1].identifier
    return found, ""
