"""`Table`: the objects of one kind, in the order of their creation, each with its parent.

Attributes that are filterable have a hash index, which serves ``==`` and ``in``; an index only
narrows what is looked at, the filter decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any

from bahamut.elemental.filters import Comparator, Comparison
from bahamut.elemental.model import Model
from bahamut.manipulate.base import Parent, Query

_LOOKED_UP = (Comparator.EQUAL, Comparator.IN)
_INDEXED = ("string", "enum", "integer", "boolean")


class Table:
    """The objects of one kind."""

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.objects: dict[str, Model] = {}
        self._is_sorted = True
        """Whether `objects` is in the order of creation."""
        self.serials: dict[str, int] = {}
        self.serial = 0
        self.parents: dict[str, Parent] = {}
        self.versions: dict[str, int] = {}
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
        self.versions[identifier] = self.versions.get(identifier, 0) + 1
        self.children.setdefault(parent, {})[identifier] = None
        for wire, index in self.indexes.items():
            index.setdefault(obj.__dict__.get(wire), {})[identifier] = None

    def restore(self, obj: Model, version: int) -> None:
        """Store *obj* as it was before it was changed, unless somebody has taken it out since."""
        if obj.identifier in self.objects:
            self.put(obj, self.parents[obj.identifier])
            self.versions[obj.identifier] = version

    def put_back(self, obj: Model, parent: Parent, serial: int, version: int) -> None:
        """Store *obj* where it was in the order of creation."""
        self.put(obj, parent)
        self.serials[obj.identifier], self.versions[obj.identifier] = serial, version
        self._is_sorted = False  # sorting now would sort once per object of a rollback

    def pop(self, identifier: str) -> tuple[Model, Parent, int, int]:
        """Take an object out; return it, its parent, its serial and its version."""
        self._unindex(identifier)
        serial = self.serials.pop(identifier)
        parent = self.parents.pop(identifier)
        members = self.children[parent]
        del members[identifier]
        if not members:
            del self.children[parent]
        return self.objects.pop(identifier), parent, serial, self.versions.pop(identifier)

    def _unindex(self, identifier: str) -> None:
        values = self.objects[identifier].__dict__
        for wire, index in self.indexes.items():
            entries = index[values.get(wire)]
            del entries[identifier]
            if not entries:
                del index[values.get(wire)]

    def candidates(self, query: Query) -> list[Model]:
        """Return the objects under the parent of a query that can match, in order of creation."""
        narrow = self._narrowest(query)
        if narrow is None:
            self._sort()
            return list(self.objects.values())
        found = sorted(narrow, key=self.serials.__getitem__)
        if query.parent is None:
            return [self.objects[key] for key in found]
        parents, parent = self.parents, query.parent
        return [self.objects[key] for key in found if parents[key] == parent]

    def _sort(self) -> None:
        """Bring the objects into the order of creation if any have been put back."""
        if not self._is_sorted:
            in_order = sorted(self.objects.items(), key=lambda item: self.serials[item[0]])
            self.objects = dict(in_order)
            self._is_sorted = True

    def _narrowest(self, query: Query) -> Iterable[str] | None:
        """Return the identifiers of the smallest set that an index knows, None for all objects."""
        found: list[list[Collection[str]]] = []
        if query.parent is not None:
            found.append([self.children.get(query.parent, ())])
        for slot in query.filter.slots if query.filter else ():
            if isinstance(slot, Comparison) and slot.comparator in _LOOKED_UP:
                looked_up = self._look_up(slot)
                if looked_up is not None:
                    found.append(looked_up)
        if not found:
            return None
        smallest: list[Collection[str]] = min(found, key=_size)
        return chain.from_iterable(smallest)

    def _look_up(self, slot: Comparison) -> list[Collection[str]] | None:
        """Return the sets of identifiers of which an index says that they have a value."""
        wire = self.model.WIRE_NAMES.get(slot.key)
        if wire is None or not all(isinstance(value, str) for value in slot.values):
            return None  # numbers of different types are equal; the filter knows, the index not
        if wire == self.model.IDENTIFIER:
            return [(value,) for value in dict.fromkeys(slot.values) if value in self.objects]
        index = self.indexes.get(wire)
        if index is None:
            return None
        return [index[value] for value in dict.fromkeys(slot.values) if value in index]


def _size(sets: list[Collection[str]]) -> int:
    return sum([len(each) for each in sets])
