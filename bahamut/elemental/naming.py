"""Names of attributes: their Python form, and what keeps methods of the same name reachable."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import Any


def python_name_of(name: str, reserved: frozenset[str]) -> str:
    """Return the Python name for a specification's: ``create_time`` for ``createTime``.

    Args:
        name: the specification's.
        reserved: names that are taken: they get a trailing ``_``.
    """
    words = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))  # as Python reads names
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words)
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", words).lower()
    is_taken = words in reserved or keyword.iskeyword(words)
    words = f"{words}_" if is_taken else words
    return words if words.isidentifier() else f"_{words}"


class KeptMethod:
    """Keeps a method of `Model` reachable on objects that have an attribute of its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return getattr(super(owner, instance if instance is not None else owner), self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError(f"{self.name} is a method; set {self.name}_ instead")


class KeptCompiled:
    """As `KeptMethod`, for a method that is compiled into the class itself."""

    def __init__(self, method: Any) -> None:
        self.method = method

    def __get__(self, instance: Any, owner: type) -> Any:
        get = getattr(self.method, "__get__", None)
        return get(instance, owner) if get is not None else self.method

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError("a method cannot be set")
