"""Objects in the memory of the process: the reference for what every other driver must answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Any, TypeVar

from bahamut._kit.ids import object_id
from bahamut._kit.turns import breathe, in_worker
from bahamut.elemental.filters import Filter, FilterCostError, PreparedFilter
from bahamut.elemental.filters.paths import specs_along
from bahamut.elemental.filters.scanner import shortened
from bahamut.elemental.model import Model
from bahamut.elemental.pieces import FLAT_PIECE, is_slow, nested_attributes
from bahamut.manipulate.base import (
    EVERYTHING,
    ROOT,
    Capabilities,
    Page,
    Parent,
    Plan,
    Query,
    check_page,
)
from bahamut.manipulate.errors import (
    ConflictError,
    InvalidQueryError,
    ObjectNotFoundError,
    QueryTimeoutError,
    TooExpensiveError,
    UnsupportedError,
    VersionMismatchError,
)
from bahamut.manipulate.filters import namespace_test
from bahamut.manipulate.iteration import BLOCK, iterate
from bahamut.manipulate.search import BUDGET, PREPARING, Conditions, Work, select
from bahamut.manipulate.sorting import ordered
from bahamut.manipulate.table import Table

M = TypeVar("M", bound=Model)

# What takes back the changes of the transactions that a task is in, by manipulator: what others
# change meanwhile is none of a transaction's business.
_OPEN: ContextVar[Mapping[MemoryManipulator, list[Callable[[], Any]]]] = ContextVar("open")


class MemoryManipulator:
    """Keeps objects in memory (Go: manipmemory).

    Args:
        make_id: makes identifiers; 24 hexadecimal digits without.
        budget: units of work that one call may cost (`bahamut.manipulate.search`); beyond it the
            call raises TooExpensiveError.

    Calls that look at many objects let other tasks run meanwhile. They answer as of the moment at
    which they began: what is stored, changed or removed meanwhile makes no difference.
    """

    capabilities = Capabilities(transactions=True, versions=True, regex=True, total_count=True)

    def __init__(self, make_id: Callable[[], str] = object_id, budget: int = BUDGET) -> None:
        self._make_id = make_id
        self._budget = budget
        self._turns = asyncio.Lock()
        self._tables: dict[str, Table] = {}
        self._transaction = asyncio.Lock()
        self._log: list[Callable[[], Any]] | None = None

    def _table(self, model: type[Model]) -> Table:
        plain = model.PLAIN
        table = self._tables.get(plain.IDENTITY.name)
        if table is None:
            table = self._tables[plain.IDENTITY.name] = Table(plain)
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
        table, stored = self._table(type(obj)), await _copied(obj)
        if not stored.identifier:
            stored.identifier = self._make_id()
        identifier = stored.identifier
        if identifier in table.objects:
            raise ConflictError("ID", identifier)
        if query.finalizer is not None:
            query.finalizer(stored)
            stored.identifier = identifier  # under which it is looked for
        table.put(stored, query.parent or ROOT)
        self._undoing(lambda: identifier in table.objects and table.pop(identifier))
        return await _copied(stored)

    async def retrieve(self, model: type[M], identifier: str, query: Query = EVERYTHING) -> M:
        """Return one object."""
        stored = self._stored(model, identifier, query)
        found: Any = stored.to_sparse(*query.fields) if query.fields else stored
        return await _copied(found)

    async def retrieve_many(self, model: type[M], query: Query = EVERYTHING) -> Page[M]:
        """Return the objects that a query means."""
        check_page(query)
        work = self._work(query)
        found = await self._selected(model, query, work)
        page, following = _page(found, query)
        # Stored objects are replaced, never changed: the page stays what it is.
        since, items = perf_counter(), list[Any]()
        for begin in range(0, len(page), FLAT_PIECE):
            part = page[begin : begin + FLAT_PIECE]
            if query.fields:
                part = [obj.to_sparse(*query.fields) for obj in part]
            if nested_attributes(model):
                for obj in part:
                    items.append(await _copied(obj))
                    since = await breathe(since)
            else:
                items += [obj.copy() for obj in part]
                since = await breathe(since)
        return Page(items, len(found), following)

    def _changing(self, model: type[Model], identifier: str, query: Query) -> Model:
        """Return one object as it is stored, if a query means it in the version that it has."""
        stored = self._stored(model, identifier, query)
        version = self._table(model).versions[identifier]
        if query.expected_version not in (0, version):
            raise VersionMismatchError(query.expected_version, version)
        return stored

    def _stored(self, model: type[Model], identifier: str, query: Query) -> Model:
        """Return one object as it is stored, if a query means it."""
        table = self._table(model)
        stored = table.objects.get(identifier)
        if stored is None or not _is_under(table, identifier, query):
            raise ObjectNotFoundError
        if not _conditions(table, query).hold(stored):
            raise ObjectNotFoundError
        return stored

    def _work(self, query: Query) -> Work:
        return Work(self._budget, query.deadline, self._turns)

    async def _selected(self, model: type[M], query: Query, work: Work) -> list[Model]:
        table = self._table(model)
        conditions = _conditions(table, query)
        if conditions.filter is not None:
            work.spend(PREPARING * conditions.filter.cost)
            await work.pause()
        found = await select(table.candidates(query), conditions, work)
        return await ordered(found, table.model, query.order, work)

    async def update(self, obj: M, query: Query = EVERYTHING) -> M:
        """Replace an object, or what is present of a sparse one."""
        given, table = await _copied(obj), self._table(type(obj))
        stored: Model | None = None
        while stored is None:
            before = self._changing(type(obj), obj.identifier, query)
            version = table.versions[obj.identifier]
            stored = await _patched(before, given) if obj.IS_SPARSE else given
            if table.versions.get(obj.identifier) != version:
                stored = None  # another task has changed the object while it was copied
        # No other task may run between the check and the change.
        table.put(stored, table.parents[obj.identifier])
        self._undoing(lambda: table.restore(before, version))
        copy: Any = await _copied(stored)
        return copy  # type: ignore[no-any-return]

    async def delete(self, obj: M, query: Query = EVERYTHING) -> M:
        """Remove an object."""
        table, _ = self._table(type(obj)), self._changing(type(obj), obj.identifier, query)
        copy: Any = await _copied(self._pop(table, obj.identifier))
        return copy  # type: ignore[no-any-return]

    def _pop(self, table: Table, identifier: str) -> Model:
        popped = table.pop(identifier)
        self._undoing(lambda: table.put_back(*popped))
        return popped[0]

    async def delete_many(self, model: type[M], query: Query) -> int:
        """Remove the objects that a query means.

        What is changed while the objects are looked for is looked at again, and removed if the
        query still means it. Use a transaction to remove all of them or none.
        """
        table = self._table(model)
        conditions = _conditions(table, query)
        if not query.all and query.parent is None and conditions == (None, None):
            raise InvalidQueryError("To delete many objects, say which, or that all are meant")
        work, count = self._work(query), 0
        found = await self._selected(model, query, work)
        while found:
            changed: list[Model] = []
            for obj in found:
                stored = table.objects.get(obj.identifier)
                if stored is obj:
                    self._pop(table, obj.identifier)
                    count += 1
                elif stored is not None and _is_under(table, obj.identifier, query):
                    changed.append(stored)
                await work.pause_by_clock()
            found = await select(changed, conditions, work)
        return count

    async def count(self, model: type[M], query: Query = EVERYTHING) -> int:
        """Return how many objects a query means."""
        table = self._table(model)
        conditions = _conditions(table, query)
        if query.parent is None and conditions == (None, None):
            return len(table.objects)
        return len(await select(table.candidates(query), conditions, self._work(query)))

    def iter(
        self, model: type[M], query: Query = EVERYTHING, block: int = BLOCK
    ) -> AsyncIterator[M]:
        """Yield all objects that a query means."""
        return iterate(self, model, query, block=block)

    async def version_of(self, model: type[M], identifier: str) -> int:
        """Return the version of an object."""
        version = self._table(model).versions.get(identifier)
        if version is None:
            raise ObjectNotFoundError
        return version

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

    async def ensure(self, *models: type[Model], dry_run: bool = False) -> Plan:
        """Make the tables of these kinds."""
        missing = {model.PLAIN.IDENTITY.name: model for model in models}
        steps = tuple(f"table {name}" for name in missing if name not in self._tables)
        for model in missing.values() if not dry_run else ():
            self._table(model)
        return Plan(steps)

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - a pinger's argument
        """Memory always answers."""


def _conditions(table: Table, query: Query) -> Conditions:
    """Return what must hold of the objects that a query means, apart from their parent.

    Raises:
        InvalidQueryError: its filter speaks of unknown attributes.
        TooExpensiveError: its filter is too large.
        UnsupportedError: it names a transaction.
        QueryTimeoutError: its deadline has passed.
    """
    _check_supported(query)
    within = namespace_test(
        table.model, query.namespace, recursive=query.recursive, propagated=query.propagated
    )
    return Conditions(within, _prepared(table.model, query.filter) if query.filter else None)


async def _copied(obj: M) -> M:
    """Return a copy of *obj*; the worker thread copies a large one."""
    copy: Any = await in_worker(obj.copy) if is_slow(obj) else obj.copy()
    return copy  # type: ignore[no-any-return]


async def _patched(stored: Model, sparse: Model) -> Model:
    copy = await _copied(stored)
    copy.patch(sparse)
    return copy


def _is_under(table: Table, identifier: str, query: Query) -> bool:
    return query.parent is None or table.parents.get(identifier) == query.parent


def _check_supported(query: Query) -> None:
    if query.deadline and time.monotonic() > query.deadline:
        raise QueryTimeoutError
    if query.transaction_id:
        raise UnsupportedError("Transactions in memory have no names: use transaction()")


def _prepared(model: type[Model], condition: Filter) -> PreparedFilter:
    for key in dict.fromkeys(condition.attribute_names()):
        if not specs_along(model, key):
            raise InvalidQueryError(f"A filter speaks of an unknown attribute '{shortened(key)}'")
    try:
        return PreparedFilter(condition)
    except FilterCostError as error:
        raise TooExpensiveError(f"Invalid filter: {error}") from error


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
