"""`Registry`: the models of one version of an API, by name, category and alias."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bahamut.elemental.identity import EMPTY_IDENTITY, ROOT_IDENTITY, Identity
from bahamut.elemental.model import Model
from bahamut.elemental.operations import (
    METHODS_OF_LISTS,
    METHODS_OF_OBJECTS,
    Operation,
    operation_of,
)
from bahamut.elemental.parameters import (
    NO_REQUIREMENT,
    ParameterDefinition,
    ParametersRequirement,
)
from bahamut.elemental.relationships import Relationship, RelationshipInfo


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What the requests of one method and one shape of path are about."""

    operation: Operation
    identity: Identity
    parent_identity: Identity
    info: RelationshipInfo | None
    """None for what is not allowed."""


ON_OBJECTS = frozenset((Operation.RETRIEVE, Operation.UPDATE, Operation.DELETE, Operation.PATCH))
"""Operations on one object, which have no parent."""


class Registry:
    """The models of one version of an API (Go: elemental.ModelManager).

    Args:
        models: their classes.
        relationships: what is allowed where, by identity; `allow` adds to it.
        version: of the API.

    Raises:
        ValueError: two models share a name, a category or an alias.

    With hand-written models::

        registry = Registry([Task, List])
        registry.allow(List, "create", "retrieve-many", "retrieve", "update", "delete")
        registry.allow(Task, "create", "retrieve-many", under=List)
    """

    def __init__(
        self,
        models: Iterable[type[Model]],
        relationships: Mapping[Identity, Relationship] | None = None,
        *,
        version: int = 0,
    ) -> None:
        self.version = version
        self.relationships: dict[Identity, Relationship] = dict(relationships or {})
        self._routes: dict[tuple[str, str, str, bool], Route] = {}
        """Those that were asked for."""
        self._models: dict[str, type[Model]] = {}
        self._by_category: dict[str, Identity] = {}
        self._by_alias: dict[str, Identity] = {}
        self.detached: dict[str, type[Model]] = {}
        """Classes that are only nested in others, by their name."""
        for model in models:
            if model.DETACHED:
                self.detached[model.__name__] = model
            else:
                self._add(model)

    def _add(self, model: type[Model]) -> None:
        identity = model.IDENTITY
        if identity.name in self._models:
            raise ValueError(f"two models are named '{identity.name}'")
        if identity.category in self._by_category:
            raise ValueError(f"two models have the category '{identity.category}'")
        self._models[identity.name] = model
        self._by_category[identity.category] = identity
        for alias in model.ALIASES:
            if alias in self._by_alias:
                raise ValueError(f"two models have the alias '{alias}'")
            self._by_alias[alias] = identity

    def allow(
        self,
        what: type[Model] | Identity | str,
        *operations: Operation | str,
        under: type[Model] | Identity | str = ROOT_IDENTITY,
        parameters: Sequence[ParameterDefinition] = (),
        required: ParametersRequirement = NO_REQUIREMENT,
    ) -> Registry:
        """Allow operations on a kind of object; without any, all of them.

        Retrieve, update, delete and patch act on one object and know no parent; create,
        retrieve-many and info happen *under* one, the root by default. Allowing update allows
        patch, allowing retrieve-many allows info.

        Args:
            what: model, identity or name of the objects.
            *operations: what may be done.
            under: model, identity or name of the parent.
            parameters: query parameters that the operations take.
            required: combinations of them that must be sent.

        Returns:
            The registry, so that calls can be chained.

        Raises:
            LookupError: no such model.
            ValueError: no such operation.
        """
        identity, parent = self._identity_of(what), self._identity_of(under)
        info = RelationshipInfo(parameters=tuple(parameters), required=required)
        relationship = self.relationships.setdefault(identity, Relationship())
        self._routes.clear()
        for operation in map(_operation, operations or [o for o in Operation if o]):
            under_what = ROOT_IDENTITY if operation in ON_OBJECTS else parent
            relationship.allow(operation, under_what, info)
        return self

    def _identity_of(self, what: type[Model] | Identity | str) -> Identity:
        if isinstance(what, str):
            return ROOT_IDENTITY if what == "root" else self.identity(what)
        return what if isinstance(what, Identity) else what.IDENTITY

    # --- looking up --------------------------------------------------------------------------

    def identity(self, name: str) -> Identity:
        """Return the identity of that name, category or alias.

        Raises:
            LookupError: there is none.
        """
        found = self.identity_from_any(name)
        if found.is_empty:
            raise LookupError(f"no model is named '{name}'")
        return found

    def identity_from_name(self, name: str) -> Identity:
        """Return the identity of that name, the empty one if unknown."""
        model = self._models.get(name)
        return model.IDENTITY if model is not None else EMPTY_IDENTITY

    def identity_from_category(self, category: str) -> Identity:
        """Return the identity of that category, the empty one if unknown."""
        return self._by_category.get(category, EMPTY_IDENTITY)

    def identity_from_alias(self, alias: str) -> Identity:
        """Return the identity of that alias, the empty one if unknown."""
        return self._by_alias.get(alias, EMPTY_IDENTITY)

    def identity_from_any(self, text: str) -> Identity:
        """Return the identity of that name, else category, else alias; the empty one if unknown."""
        for look_up in (
            self.identity_from_name,
            self.identity_from_category,
            self.identity_from_alias,
        ):
            found = look_up(text)
            if not found.is_empty:
                return found
        return EMPTY_IDENTITY

    def model(self, what: Identity | str) -> type[Model]:
        """Return the class of an identity, or of its name.

        Raises:
            LookupError: there is none.
        """
        name = what if isinstance(what, str) else what.name
        try:
            return self._models[name]
        except KeyError:
            raise LookupError(f"no model is named '{name}'") from None

    def identifiable(self, identity: Identity) -> Model | None:
        """Return a new object, None if the identity is unknown (Go: Identifiable)."""
        model = self._models.get(identity.name)
        return model() if model is not None else None

    def sparse_identifiable(self, identity: Identity) -> Model | None:
        """Return a new sparse object, None if unknown or without attributes."""
        model = self._models.get(identity.name)
        return model.SPARSE() if model is not None and model.ATTRIBUTES else None

    def identifiable_from_string(self, text: str) -> Model | None:
        """Return a new object of what *text* names, None if unknown."""
        return self.identifiable(self.identity_from_any(text))

    def identifiables(self, identity: Identity) -> list[Any] | None:
        """Return an empty list for objects of that identity, None if unknown."""
        return [] if identity.name in self._models else None

    def indexes(self, identity: Identity) -> tuple[tuple[str, ...], ...]:
        """Return the names of attributes that are looked up together."""
        model = self._models.get(identity.name)
        return model.INDEXES if model is not None else ()

    def aliases(self, identity: Identity) -> tuple[str, ...]:
        """Return the further names of an identity."""
        model = self._models.get(identity.name)
        return model.ALIASES if model is not None else ()

    def all_identities(self) -> list[Identity]:
        """Return every identity, by name."""
        return [self._models[name].IDENTITY for name in sorted(self._models)]

    def models(self) -> list[type[Model]]:
        """Return every class, by name."""
        return [self._models[name] for name in sorted(self._models)]

    # --- what is allowed ---------------------------------------------------------------------

    def route(
        self, method: str, category: str, parent: str = "", *, has_object_id: bool = False
    ) -> Route | None:
        """Return what requests are about, None when one of the categories is unknown.

        Args:
            method: of HTTP.
            category: of the objects.
            parent: category of their parent, empty without one.
            has_object_id: whether one object is named.
        """
        key = (method, category, parent, has_object_id)
        found = self._routes.get(key)
        if found is None:
            identity = self._by_category.get(category)
            parent_identity = self._by_category.get(parent) if parent else ROOT_IDENTITY
            if identity is None or parent_identity is None:
                return None
            operation = operation_of(method, has_object_id=has_object_id)
            info = self.relationship_info(identity, parent_identity, operation)
            found = Route(operation, identity, parent_identity, info)
            if operation:  # clients may invent methods without end
                self._routes[key] = found
        return found

    def methods(
        self, category: str, parent: str = "", *, has_object_id: bool = False
    ) -> tuple[str, ...] | None:
        """Return the methods of HTTP that are allowed there, None for an unknown category.

        Args:
            category: of the objects.
            parent: category of their parent, empty without one.
            has_object_id: whether one object is named.
        """
        known = METHODS_OF_OBJECTS if has_object_id else METHODS_OF_LISTS
        routes = [self.route(m, category, parent, has_object_id=has_object_id) for m in known]
        if None in routes:
            return None
        pairs = zip(known, routes, strict=True)
        return tuple(method for method, route in pairs if route and route.info is not None)

    def relationship_info(
        self, identity: Identity, parent: Identity | str, operation: Operation
    ) -> RelationshipInfo | None:
        """Return what is known of an operation there, None if it is not allowed."""
        relationship = self.relationships.get(identity)
        if relationship is None or not operation:
            return None
        name = parent if isinstance(parent, str) else parent.name
        return relationship.infos[operation].get(name)

    def is_operation_allowed(
        self, identity: Identity, parent: Identity | str, operation: Operation
    ) -> bool:
        """Tell whether an operation is allowed there (Go: IsOperationAllowed)."""
        return self.relationship_info(identity, parent, operation) is not None


ModelManager = Registry
"""The original's name."""


def _operation(name: Operation | str) -> Operation:
    try:
        return Operation(name)
    except ValueError:
        known = ", ".join(operation.value for operation in Operation if operation)
        raise ValueError(f"unknown operation {name!r}, expected one of {known}") from None
