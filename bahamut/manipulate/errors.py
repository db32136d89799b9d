"""What storage raises: each is an error that an API can answer with."""

from bahamut.elemental.errors import Error

SUBJECT = "bahamut"


class ManipulateError(Error):
    """Something about stored objects."""


class ObjectNotFoundError(ManipulateError):
    """There is no such object: 404 (Go: ErrObjectNotFound)."""

    def __init__(self) -> None:
        super().__init__("Not Found", "Unable to find the requested resource", SUBJECT, 404)


class ConflictError(ManipulateError):
    """Another object has that value, which must be unique: 409 (Go: ErrConstraintViolation).

    Args:
        attribute: whose value it is.
        value: the value.
    """

    def __init__(self, attribute: str, value: str) -> None:
        description = f"There is an object whose {attribute} is '{value}' already"
        super().__init__("Conflict", description, SUBJECT, 409, {"attribute": attribute})


class VersionMismatchError(ManipulateError):
    """An object is not any more what the caller has seen of it: 412.

    Args:
        expected: the version that the caller knows.
        actual: the one that is stored.
    """

    def __init__(self, expected: int, actual: int) -> None:
        description = f"The object has been changed: its version is {actual}, not {expected}"
        super().__init__("Precondition Failed", description, SUBJECT, 412)


class InvalidQueryError(ManipulateError):
    """A query speaks of what there is not: 400 (Go: ErrInvalidQuery).

    Args:
        description: what is wrong with it.
        position: how far the text of a filter could be read.
    """

    def __init__(self, description: str, position: int | None = None) -> None:
        data = None if position is None else {"position": position}
        super().__init__("Bad Request", description, SUBJECT, 400, data)


class TooExpensiveError(InvalidQueryError):
    """A query would cost more than a query may: 400 (decision X50)."""

    def __init__(self, description: str, position: int | None = None) -> None:
        super().__init__(description, position)
        self.title = "Too Expensive"


class UnavailableError(ManipulateError):
    """The storage cannot be reached now: 503 (Go: ErrCannotCommunicate).

    Args:
        retry_after: seconds after which it may answer again; 0 for nobody knows.
    """

    def __init__(self, retry_after: float = 0.0) -> None:
        super().__init__("Service Unavailable", "The storage does not answer", SUBJECT, 503)
        self.retry_after = retry_after


class QueryTimeoutError(ManipulateError):
    """The deadline of a query passed before it was answered: 504."""

    def __init__(self) -> None:
        super().__init__("Gateway Timeout", "The storage took too long to answer", SUBJECT, 504)


class UnsupportedError(ManipulateError):
    """The driver cannot do that: 501 (Go: ErrNotImplemented)."""

    def __init__(self, description: str) -> None:
        super().__init__("Not implemented", description, SUBJECT, 501)
