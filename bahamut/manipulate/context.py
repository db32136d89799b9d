"""`MContext` and its ``mctx_opt_*`` functions: a `Query`, put together by options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from uuid import uuid4

from bahamut.elemental.filters import Filter
from bahamut.elemental.model import Model
from bahamut.manipulate.base import (
    EVERYTHING,
    Finalizer,
    Parent,
    Query,
    ReadConsistency,
    Tracking,
    WriteConsistency,
)

MContextOption = Callable[[Query], Query]
"""What a ``mctx_opt_*`` function returns: a query goes in, a changed one comes out."""


class MContext:
    """What a call of a `Manipulator` is about (Go: manipulate.Context, NewContext).

    It is a value: options are given when it is made, and `derive` makes another one. What a call
    finds out (objects, their number, where the next page begins) is what the call returns.

    Args:
        *options: applied in this order; of an option given twice the last one wins.
    """

    __slots__ = ("_query",)

    def __init__(self, *options: MContextOption) -> None:
        self._query = _applied(EVERYTHING, options)

    def query(self) -> Query:
        """Return the query that the methods of a `Manipulator` take."""
        return self._query

    def derive(self, *options: MContextOption) -> MContext:
        """Return a context with *options* on top of its own, without its idempotency key.

        Go: Derive. A key belongs to one call: another one under it would be taken for a repetition.
        """
        derived = MContext()
        derived._query = _applied(replace(self._query, idempotency_key=""), options)
        return derived

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MContext) and other._query == self._query

    __hash__ = None  # type: ignore[assignment] # parameters are a mapping

    def __repr__(self) -> str:
        query = self._query
        return (
            f"<Context page:{query.page} page_size:{query.page_size} "
            f"filter:{query.filter or ''} version:{query.version}>"
        )


def _applied(query: Query, options: Iterable[MContextOption]) -> Query:
    return reduce(lambda changed, option: option(changed), options, query)


def new_transaction_id() -> str:
    """Return a random name for a transaction (Go: NewTransactionID)."""
    return str(uuid4())


# --- which objects ---------------------------------------------------------------------------


def mctx_opt_filter(condition: Filter | None) -> MContextOption:
    """Mean the objects that match *condition* (Go: ContextOptionFilter)."""
    return lambda query: replace(query, filter=condition)


def mctx_opt_namespace(namespace: str) -> MContextOption:
    """Mean the objects in *namespace*; empty for any (Go: ContextOptionNamespace)."""
    return lambda query: replace(query, namespace=namespace)


def mctx_opt_recursive(recursive: bool) -> MContextOption:  # noqa: FBT001 - the original's form
    """Mean those in the namespaces below, too (Go: ContextOptionRecursive)."""
    return lambda query: replace(query, recursive=recursive)


def mctx_opt_propagated(propagated: bool) -> MContextOption:  # noqa: FBT001
    """Mean those that the namespaces above propagate, too (Go: ContextOptionPropagated)."""
    return lambda query: replace(query, propagated=propagated)


def mctx_opt_parent(parent: Model | Parent | None) -> MContextOption:
    """Mean the objects under *parent*, an object or the name and identifier of one.

    Go: ContextOptionParent.
    """
    if isinstance(parent, Model):
        parent = Parent(parent.identity.name, parent.identifier)
    return lambda query: replace(query, parent=parent)


def mctx_opt_parameters(parameters: Mapping[str, Sequence[str]]) -> MContextOption:
    """Send these query parameters to a remote API (Go: ContextOptionParameters)."""
    copied = {name: tuple(values) for name, values in parameters.items()}
    return lambda query: replace(query, parameters=copied)


def mctx_opt_all(everything: bool) -> MContextOption:  # noqa: FBT001
    """Mean all objects when nothing says which; deleting many asks for it."""
    return lambda query: replace(query, all=everything)


# --- in which order, how many, what of them --------------------------------------------------


def mctx_opt_order(*names: str) -> MContextOption:
    """Order by these attributes, ``-`` in front for descending (Go: ContextOptionOrder)."""
    return lambda query: replace(query, order=names)


def mctx_opt_page(number: int, size: int) -> MContextOption:
    """Ask for a page by its number, from 1, of *size* objects (Go: ContextOptionPage)."""
    return lambda query: replace(query, page=number, page_size=size)


def mctx_opt_after(position: str, limit: int) -> MContextOption:
    """Ask for *limit* objects behind a position, empty for the first (Go: ContextOptionAfter).

    Args:
        position: what the page before gave as `Page.next`.
        limit: 0 for all that follow.
    """
    return lambda query: replace(query, after=position, limit=limit)


def mctx_opt_fields(names: Iterable[str]) -> MContextOption:
    """Ask for these attributes only; objects come sparse (Go: ContextOptionFields)."""
    asked = tuple(names)
    return lambda query: replace(query, fields=asked)


# --- how it is done --------------------------------------------------------------------------


def mctx_opt_version(version: int) -> MContextOption:
    """Speak this version of a remote API; 0 for that of the model (Go: ContextOptionVersion)."""
    return lambda query: replace(query, version=version)


def mctx_opt_expected_version(version: int) -> MContextOption:
    """Change the object only if this is its version; 0 for any."""
    return lambda query: replace(query, expected_version=version)


def mctx_opt_deadline(deadline: float) -> MContextOption:
    """Fail behind this moment of `time.monotonic`; 0 for never."""
    return lambda query: replace(query, deadline=deadline)


def mctx_opt_override(override: bool) -> MContextOption:  # noqa: FBT001
    """Bypass the protection of objects (Go: ContextOptionOverride)."""
    return lambda query: replace(query, override=override)


def mctx_opt_tracking(identifier: str, kind: str) -> MContextOption:
    """Say of what the call is part, for audits (Go: ContextOptionTracking)."""
    return lambda query: replace(query, tracking=Tracking(identifier, kind))


def mctx_opt_finalizer(finalizer: Finalizer | None) -> MContextOption:
    """Call *finalizer* with an object that is about to be created (Go: ContextOptionFinalizer).

    It has its identifier already. What the finalizer changes is stored; if it raises, nothing is.
    """
    return lambda query: replace(query, finalizer=finalizer)


def mctx_opt_transaction_id(transaction_id: str) -> MContextOption:
    """Do it in the transaction of that name (Go: ContextOptionTransactionID).

    For drivers whose `Capabilities.transaction_ids` say so; others refuse it. All of them have
    `Manipulator.transaction`.
    """
    return lambda query: replace(query, transaction_id=transaction_id)


def mctx_opt_read_consistency(consistency: ReadConsistency) -> MContextOption:
    """Say how fresh what is read must be (Go: ContextOptionReadConsistency)."""
    return lambda query: replace(query, read_consistency=consistency)


def mctx_opt_write_consistency(consistency: WriteConsistency) -> MContextOption:
    """Say how safe what is written must be (Go: ContextOptionWriteConsistency)."""
    return lambda query: replace(query, write_consistency=consistency)


def mctx_opt_idempotency_key(key: str) -> MContextOption:
    """Name a call, so that repeating it does nothing twice (Go: ContextOptionIdempotencyKey).

    For drivers whose `Capabilities.idempotency_keys` say so; to others it says nothing.
    """
    return lambda query: replace(query, idempotency_key=key)
