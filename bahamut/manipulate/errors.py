"""What storage raises: each is an error that an API can answer with."""

from bahamut.elemental.errors import Error


class ManipulateError(Error):
    """Something about stored objects."""


class ObjectNotFoundError(ManipulateError):
    """There is no such object: 404 (Go: ErrObjectNotFound)."""

    def __init__(self) -> None:
        super().__init__("Not Found", "Unable to find the requested resource", "bahamut", 404)


class ConflictError(ManipulateError):
    """An object with that identifier exists: 409 (Go: ErrConstraintViolation)."""

    def __init__(self, identifier: str) -> None:
        description = f"An object with the identifier '{identifier}' exists already"
        super().__init__("Conflict", description, "bahamut", 409, {"attribute": "ID"})


class InvalidQueryError(ManipulateError):
    """A query speaks of what there is not: 400 (Go: ErrInvalidQuery)."""

    def __init__(self, description: str) -> None:
        super().__init__("Bad Request", description, "bahamut", 400)


class TooExpensiveError(InvalidQueryError):
    """A query would cost more than one may: 400."""


class UnsupportedError(ManipulateError):
    """The driver cannot do that: 501 (Go: ErrNotImplemented)."""

    def __init__(self, description: str) -> None:
        super().__init__("Not implemented", description, "bahamut", 501)
