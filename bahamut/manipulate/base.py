"""`Manipulator`: what a storage driver does, and the `Query` that says which objects are meant."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

from bahamut.elemental.filters import Filter
from bahamut.elemental.model import Model
from bahamut.manipulate.errors import InvalidQueryError

M = TypeVar("M", bound=Model)


class Parent(NamedTuple):
    """The object under which others live."""

    type: str
    """Name of its identity, ``root`` for none."""
    id: str


ROOT = Parent("root", "")


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


EVERYTHING = Query()


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some of the objects that a query means."""

    items: list[M] = field(default_factory=list)
    total: int = 0
    """How many the query means in all, whatever the page."""
    next: str = ""
    """Where the next page begins; empty when there is none."""


class Manipulator(Protocol):
    """Keeps objects (Go: manipulate.Manipulator).

    What is handed out is the caller's: changing it changes nothing that is stored.
    """

    async def create(self, obj: M, query: Query = EVERYTHING) -> M:
        """Store a new object, with an identifier if it has none, and return it.

        Raises:
            ConflictError: its identifier is taken.
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
        """
        ...

    async def delete(self, obj: M, query: Query = EVERYTHING) -> M:
        """Remove an object and return what was stored.

        Raises:
            ObjectNotFoundError: there is none.
        """
        ...

    async def delete_many(self, model: type[M], query: Query) -> int:
        """Remove the objects that a query means and return their number.

        Raises:
            InvalidQueryError: the query means all of them, by having neither filter nor parent.
        """
        ...

    async def count(self, model: type[M], query: Query = EVERYTHING) -> int:
        """Return how many objects a query means."""
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

    async def ping(self, timeout: float) -> None:  # noqa: ASYNC109 - a pinger's argument
        """Raise unless the storage answers."""
        ...


def check_page(query: Query) -> None:
    """Refuse contradictory paging.

    Raises:
        InvalidQueryError: pages by number and by position are asked for at once.
    """
    if (query.page or query.page_size) and query.after:
        raise InvalidQueryError("You cannot set 'after' and 'page' at the same time")
