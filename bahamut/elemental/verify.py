"""Rules that compare an object with the one that is stored: read-only and creation-only attributes.

And the other helpers that walk the attributes of an object: what is not exposed comes back from the
stored object, zero values and maps are emptied.
"""

from typing import Any

from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.model import Model
from bahamut.elemental.operations import Operation
from bahamut.elemental.shapes import copied
from bahamut.elemental.validators import equal, is_zero


def verify(given: Model, pristine: Model | None, operation: Operation) -> None:
    """Check that *given* sets nothing that its clients may not.

    Go: ValidateAdvancedSpecification. A patch is checked as an update (decision X32).

    Args:
        given: the object as the client wants it.
        pristine: the object as it is stored, None when it is created.
        operation: what is about to happen.

    Raises:
        Errors: one error for each attribute.
    """
    found = []
    if operation is Operation.CREATE:
        found = [
            _error("Read Only", spec.name, "is read only. You cannot set its value.")
            for spec in given.ATTRIBUTES
            if spec.exposed
            and not spec.transient
            and spec.read_only
            and _was_set(given.__dict__.get(spec.wire), spec.default, pristine, spec.wire)
        ]
    elif operation in (Operation.UPDATE, Operation.PATCH) and pristine is not None:
        found = _changes(given, pristine)
    if found:
        raise Errors(*sorted(found, key=lambda error: str(error.data["attribute"])))


validate_advanced_specification = verify


def patched(pristine: Model, sparse: Model) -> Model:
    """Return a copy of *pristine* with *sparse* applied, verified and validated as a whole.

    Raises:
        Error: the patch changes a read-only or a creation-only attribute, or the result is invalid.
    """
    target = pristine.copy()
    target.patch(sparse)
    target.identifier = target.identifier or pristine.identifier
    verify(target, pristine, Operation.PATCH)
    target.validate()
    return target


def _was_set(value: Any, default: Any, pristine: Model | None, wire: str) -> bool:
    if is_zero(value) or equal(value, default):
        return False
    return pristine is None or not equal(value, pristine.__dict__.get(wire))


def _changes(given: Model, pristine: Model) -> list[Error]:
    found = []
    for spec in given.ATTRIBUTES:
        if not spec.exposed or spec.transient or not (spec.read_only or spec.creation_only):
            continue
        if given.IS_SPARSE and spec.wire not in given.__dict__:
            continue
        if equal(given.__dict__.get(spec.wire), pristine.__dict__.get(spec.wire)):
            continue
        if spec.creation_only:
            words = "can only be set during creation. You cannot modify its value."
            found.append(_error("Creation Only", spec.name, words))
        else:
            words = "is read only. You cannot modify its value."
            found.append(_error("Read Only", spec.name, words))
    return found


def _error(kind: str, name: str, words: str) -> Error:
    return Error(f"{kind} Error", f"Field {name} {words}", "elemental", 422, {"attribute": name})


def backport_unexposed_fields(source: Model, destination: Model) -> None:
    """Bring back what a client cannot send: unexposed attributes, and secrets it left unset.

    Go: BackportUnexposedFields. Secrets of nested objects come back too (decision X21): of a
    reference in place, of a map by key, of a list by identifier, else by index.
    """
    for spec in destination.ATTRIBUTES:
        stored = source.__dict__.get(spec.wire)
        value = destination.__dict__.get(spec.wire)
        if not spec.exposed or (spec.secret and is_zero(value)):
            destination.__dict__[spec.wire] = copied(stored)
        elif value and stored:
            _backport_nested(spec.type, stored, value)


def _backport_nested(kind: str, stored: Any, value: Any) -> None:
    if kind == "ref":
        backport_unexposed_fields(stored, value)
    elif kind == "refMap":
        for key, nested in value.items():
            if nested is not None and stored.get(key) is not None:
                backport_unexposed_fields(stored[key], nested)
    elif kind == "refList":
        by_identifier = {n.identifier: n for n in stored if n is not None and n.identifier}
        for index, nested in enumerate(value):
            if nested is None:
                continue
            match = by_identifier.get(nested.identifier) if nested.IDENTIFIER else None
            if match is None and not nested.identifier and index < len(stored):
                match = stored[index]
            if match is not None:
                backport_unexposed_fields(match, nested)


def reset_default_for_zero_values(value: Any) -> None:
    """Give every unset attribute its default, in an object or in each of a list."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, Model):
            each.reset_defaults()


def remove_zero_values(sparse: Model) -> None:
    """Take what says nothing out of a sparse object (Go: RemoveZeroValues).

    An attribute of type object stays, whatever it holds.
    """
    for spec in sparse.ATTRIBUTES:
        if spec.type != "object" and is_zero(sparse.__dict__.get(spec.wire)):
            sparse.__dict__.pop(spec.wire, None)


def reset_maps(value: Any) -> None:
    """Empty every mapping inside *value*, however deep, keeping it (Go: ResetMaps).

    Values of any shape are left alone, alone and in lists.
    """
    if isinstance(value, Model):
        for spec in value.ATTRIBUTES:
            if "object" not in (spec.type, spec.subtype):
                reset_maps(value.__dict__.get(spec.wire))
    elif isinstance(value, dict):
        value.clear()
    elif isinstance(value, list):
        for item in value:
            reset_maps(item)
