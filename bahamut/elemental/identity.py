"""What kind of object one speaks of: `Identity`, and the three well-known ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """The name of a kind of object (Go: elemental.Identity).

    Two identities are equal when their names and categories are: an identity made by hand finds
    what was registered under the generated one (the original compares all four fields in places).
    """

    name: str
    """Singular REST name, for instance ``task``."""
    category: str
    """Plural form, the segment of URLs, for instance ``tasks``."""
    private: bool = False
    """Whether the object is kept out of public descriptions of the API."""
    package: str = ""
    """The service or package that owns the object."""

    @property
    def is_empty(self) -> bool:
        """Whether name and category are both empty."""
        return not self.name and not self.category

    def to_wire(self) -> dict[str, str]:
        """Return the wire form: name and category."""
        return {"category": self.category, "name": self.name}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identity):
            return NotImplemented
        return self.name == other.name and self.category == other.category

    def __hash__(self) -> int:
        return hash((self.name, self.category))

    def __str__(self) -> str:
        return f"<Identity {self.name}|{self.category}>"


ALL_IDENTITY = Identity("*", "*")
"""Stands for every identity (Go: AllIdentity)."""
EMPTY_IDENTITY = Identity("", "")
"""Stands for none (Go: EmptyIdentity)."""
ROOT_IDENTITY = Identity("root", "root")
"""The parent of what has no other parent (Go: RootIdentity)."""
