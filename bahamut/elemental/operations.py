"""The seven operations of an API, the four types of event, and how a request line names one."""

from enum import StrEnum


class Operation(StrEnum):
    """What a request asks for (Go: elemental.Operation)."""

    RETRIEVE_MANY = "retrieve-many"
    RETRIEVE = "retrieve"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PATCH = "patch"
    INFO = "info"
    EMPTY = ""
    """No operation: the HTTP method is none of those an API answers to."""

    __hash__ = str.__hash__  # that of enumerations is written in Python, and in every request's way


class EventType(StrEnum):
    """What happened to an object (Go: elemental.EventType)."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    ERROR = "error"


def parse_operation(text: str) -> Operation:
    """Return the operation of that exact name (Go: ParseOperation).

    Raises:
        ValueError: *text* names no operation; names are lower case.
    """
    if text:
        try:
            return Operation(text)
        except ValueError:
            pass
    raise ValueError(f"invalid operation '{text}'")


METHODS_OF_LISTS = ("GET", "HEAD", "POST")
METHODS_OF_OBJECTS = ("DELETE", "GET", "PATCH", "PUT")
METHODS = {1: METHODS_OF_LISTS, 2: METHODS_OF_OBJECTS, 3: METHODS_OF_LISTS}
"""Of HTTP, by the number of segments of a path."""
_OF_METHOD = {
    "DELETE": Operation.DELETE,
    "HEAD": Operation.INFO,
    "PATCH": Operation.PATCH,
    "POST": Operation.CREATE,
    "PUT": Operation.UPDATE,
}


def operation_of(method: str, *, has_object_id: bool) -> Operation:
    """Return what an HTTP *method* asks for, `Operation.EMPTY` for a method that asks for nothing.

    Args:
        method: the HTTP method, upper case.
        has_object_id: whether the path names one object; it tells the two kinds of GET apart.
    """
    if method == "GET":
        return Operation.RETRIEVE if has_object_id else Operation.RETRIEVE_MANY
    return _OF_METHOD.get(method, Operation.EMPTY)
