"""Specifications (Go: regolithe): folders of YAML that describe an API, loaded and checked."""

from bahamut.regolithe.build import build_registry
from bahamut.regolithe.loader import load
from bahamut.regolithe.spec import (
    Finding,
    Place,
    Specification,
    SpecificationError,
    SpecificationSet,
)

__all__ = [
    "Finding",
    "Place",
    "Specification",
    "SpecificationError",
    "SpecificationSet",
    "build_registry",
    "load",
]
