"""Storage (Go: manipulate): one interface for every place where objects are kept."""

from bahamut.manipulate.base import Manipulator, Page, Parent, Query
from bahamut.manipulate.errors import (
    ConflictError,
    InvalidQueryError,
    ManipulateError,
    ObjectNotFoundError,
)
from bahamut.manipulate.iteration import iterate
from bahamut.manipulate.memory import MemoryManipulator

__all__ = [
    "ConflictError",
    "InvalidQueryError",
    "ManipulateError",
    "Manipulator",
    "MemoryManipulator",
    "ObjectNotFoundError",
    "Page",
    "Parent",
    "Query",
    "iterate",
]
