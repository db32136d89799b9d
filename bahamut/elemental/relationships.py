"""Who may do what under which parent, and with which parameters."""

from dataclasses import dataclass, field

from bahamut.elemental.identity import Identity
from bahamut.elemental.operations import Operation
from bahamut.elemental.parameters import (
    NO_REQUIREMENT,
    ParameterDefinition,
    ParametersRequirement,
)


@dataclass(frozen=True, slots=True)
class RelationshipInfo:
    """One operation on one kind of object under one parent (Go: elemental.RelationshipInfo)."""

    deprecated: bool = False
    parameters: tuple[ParameterDefinition, ...] = ()
    required: ParametersRequirement = NO_REQUIREMENT


@dataclass(slots=True)
class Relationship:
    """All operations on one kind of object (Go: elemental.Relationship)."""

    infos: dict[Operation, dict[str, RelationshipInfo]] = field(
        default_factory=lambda: {operation: {} for operation in Operation if operation}
    )
    """By operation, by REST name of the parent; ``root`` for the top level."""

    def allow(self, operation: Operation, parent: Identity | str, info: RelationshipInfo) -> None:
        """Allow an operation under a parent; info follows retrieve-many, patch follows update."""
        name = parent if isinstance(parent, str) else parent.name
        self.infos[operation][name] = info
        follower = _FOLLOWERS.get(operation)
        if follower is not None:
            self.infos[follower][name] = info


_FOLLOWERS = {Operation.RETRIEVE_MANY: Operation.INFO, Operation.UPDATE: Operation.PATCH}
