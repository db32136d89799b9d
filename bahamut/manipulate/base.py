"""`Manipulator`: what a storage driver does, and the `Query` that says which objects are meant."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, Self, TypeVar

from bahamut.elemental.filters import Filter
from bahamut.elemental.model import Model
from bahamut.elemental.request import Request
from bahamut.manipulate.errors import InvalidQueryError
from bahamut.manipulate.filters import new_filters_from_query_parameters

M = TypeVar("M", bound=Model)


class Parent(NamedTuple):
    """The object under which others live."""

    type: str
    """Name of its identity, ``root`` for none."""
    id: str


ROOT = Parent("root", "")


class Tracking(NamedTuple):
    """What a call is part of, as the outside world names it."""

    id: str
    type: str


UNTRACKED = Tracking("", "")


class ReadConsistency(StrEnum):
    """How fresh what is read must be (Go: ReadConsistency)."""

    DEFAULT = "default"
    NEAREST = "nearest"
    EVENTUAL = "eventual"
    MONOTONIC = "monotonic"
    STRONG = "strong"
    WEAKEST = "weakest"


class WriteConsistency(StrEnum):
    """How safe what is written must be (Go: WriteConsistency)."""

    DEFAULT = "default"
    NONE = "none"
    STRONG = "strong"
    STRONGEST = "strongest"


Finalizer = Callable[[Any], None]
"""Changes an object that is about to be created, or raises to refuse it (Go: FinalizerFunc)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which objects are meant, and in which order (Go: manipulate.Context).

    Paging is by number (`page`, `page_size`) or by position (`after`, `limit`), not both.
    """

    filter: Filter | None = None
    parent: Parent | None = None
    """Objects under this one only; on creation, where the object will live. None: anywhere."""
    order: Sequence[str] = ()
    """Attribute names, ``-`` in front for descending; the identifier breaks ties."""
    page: int = 0
    """From 1; 0 with a page size is 1."""
    page_size: int = 0
    after: str = ""
    """Identifier of the object behind which the page begins."""
    limit: int = 0
    fields: Sequence[str] = ()
    """Attributes that are asked for; all without. Then objects come sparse."""
    namespace: str = ""
    """Objects in this namespace only, if they have an attribute ``namespace``; empty: anywhere."""
    recursive: bool = False
    """Those in the namespaces below, too."""
    propagated: bool = False
    """Those of the namespaces above, too, whose attribute ``propagate`` is true."""
    all: bool = False
    """On deletion of many, that all of them are meant when nothing says which."""
    expected_version: int = 0
    """On update and deletion, the version that the object must have; 0 for any."""
    deadline: float = 0.0
    """Moment of `time.monotonic` behind which the call fails; 0 for none."""
    finalizer: Finalizer | None = None
    """On creation, called when the identifier is known and nothing is stored yet."""
    read_consistency: ReadConsistency = ReadConsistency.DEFAULT
    write_consistency: WriteConsistency = WriteConsistency.DEFAULT
    transaction_id: str = ""
    """Refused by drivers that know no such names: `Capabilities.transaction_ids`."""
    idempotency_key: str = ""
    """Names a creation or an update: `Capabilities.idempotency_keys`."""

    # What follows is for drivers that speak to a remote API.
    version: int = 0
    """Of that API; 0 for that of the model."""
    override: bool = False
    """Whether the protection of objects is bypassed."""
    tracking: Tracking = UNTRACKED
    parameters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Query parameters to send."""

    @classmethod
    def from_request(cls, request: Request) -> Self:
        """Return what a request asks for: filter, parent, order, page and namespace.

        Raises:
            InvalidQueryError: its parameter ``q`` is no filter.
        """
        parent = Parent(request.parent_identity.name, request.parent_id)
        return cls(
            filter=new_filters_from_query_parameters(request.parameters),
            parent=parent if parent.id else None,
            order=tuple(request.order),
            page=request.page,
            page_size=request.page_size,
            after=request.after,
            limit=request.limit,
            namespace=request.namespace,
            recursive=request.recursive,
            propagated=request.propagated,
        )


EVERYTHING = Query()


class Listing(Protocol):
    """What answers to those who list objects: a `bahamut.Context`."""

    output_data: Any
    count: int
    next: str


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some of the objects that a query means."""

    items: list[M] = field(default_factory=list)
    total: int = 0
    """How many the query means in all, whatever the page."""
    next: str = ""
    """Where the next page begins; empty when there is none."""

    def apply(self, ctx: Listing) -> None:
        """Make this page the answer of an operation."""
        ctx.output_data, ctx.count, ctx.next = self.items, self.total, self.next


@dataclass(frozen=True, slots=True)
class Plan:
    """What must be made before objects can be kept."""

    steps: tuple[str, ...] = ()
    """What each step makes, in order; nothing when all is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a driver can do that not all can."""

    transactions: bool = False
    """Whether `Manipulator.transaction` keeps all of the changes inside it or none."""
    transaction_ids: bool = False
    """Whether calls can name the transaction that they are part of."""
    versions: bool = False
    """Whether objects have versions: `Manipulator.version_of`, `Query.expected_version`."""
    idempotency_keys: bool = False
    """Whether a call that is repeated under its key does nothing twice."""
    regex: bool = False
    """Whether ``matches`` takes any pattern; otherwise only what begins with a text."""
    total_count: bool = False
    """Whether `Page.total` is exact."""
    snapshot_paging: bool = False
    """Whether what changes between two pages leaves the second as it would have been."""


class Manipulator(Protocol):
    """Keeps objects (Go: manipulate.Manipulator).

    What is handed out is the caller's: changing it changes nothing that is stored. Parent, filter
    and namespace of a query hold for one object as for many: what they do not mean is not found.

    A driver may refuse a query that costs too much, also one that a processor made, with
    TooExpensiveError.

    Every call may raise QueryTimeoutError (the query's deadline has passed), UnavailableError (the
    storage cannot be reached) and UnsupportedError (the query asks for what is not among the
    driver's `capabilities`).
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this driver can do."""
        ...

    async def create(self, obj: M, query: Query = EVERYTHING) -> M:
        """Store a new object, with an identifier if it has none, and return it.

        Raises:
            ConflictError: its identifier is taken.
            Exception: what the query's finalizer raised.
        """
        ...

    async def retrieve(self, model: type[M], identifier: str, query: Query = EVERYTHING) -> M:
        """Return one object.

        Raises:
            ObjectNotFoundError: there is none.
        """
        ...

    async def retrieve_many(self, model: type[M], query: Query = EVERYTHING) -> Page[M]:
        """Return the objects that a query means.

        Raises:
            InvalidQueryError: it speaks of unknown attributes.
        """
        ...

    async def update(self, obj: M, query: Query = EVERYTHING) -> M:
        """Replace an object, or of a sparse one only what is present, and return it whole.

        Raises:
            ObjectNotFoundError: there is none.
            VersionMismatchError: it has not the version that the query expects.
        """
        ...

    async def delete(self, obj: M, query: Query = EVERYTHING) -> M:
        """Remove an object and return what was stored.

        Raises:
            ObjectNotFoundError: there is none.
            VersionMismatchError: it has not the version that the query expects.
        """
        ...

    async def delete_many(self, model: type[M], query: Query) -> int:
        """Remove the objects that a query means and return their number.

        Raises:
            InvalidQueryError: the query says neither which ones nor `Query.all`.
        """
        ...

    async def count(self, model: type[M], query: Query = EVERYTHING) -> int:
        """Return how many objects a query means."""
        ...

    def iter(
        self, model: type[M], query: Query = EVERYTHING, block: int = 1000
    ) -> AsyncIterator[M]:
        """Yield all objects that a query means, whatever its page, *block* of them at a time."""
        ...

    async def version_of(self, model: type[M], identifier: str) -> int:
        """Return the version of an object: 1 when it is created, and one more with each change.

        Raises:
            ObjectNotFoundError: there is no such object.
        """
        ...

    async def parent_of(self, model: type[M], identifier: str) -> Parent:
        """Return what an object lives under.

        Raises:
            ObjectNotFoundError: there is no such object.
        """
        ...

    def transaction(self) -> AbstractAsyncContextManager[Self]:
        """Keep all changes made inside the block, or, if it raises, none of them."""
        ...

    async def ensure(self, *models: type[Model], dry_run: bool = False) -> Plan:
        """Make what is needed to keep objects of these kinds, and return what that was.

        Args:
            models: their classes.
            dry_run: whether to say what would be made, and make nothing.
        """
        ...

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - a pinger's argument
        """Raise unless the storage answers."""
        ...


def check_page(query: Query) -> None:
    """Refuse paging that cannot be meant.

    Raises:
        InvalidQueryError: pages by number and by position are asked for at once, or negative ones.
    """
    if min(query.page, query.page_size, query.limit) < 0:
        raise InvalidQueryError("'page', 'page size' and 'limit' cannot be negative")
    if (query.page or query.page_size) and query.after:
        raise InvalidQueryError("You cannot set 'after' and 'page' at the same time")
