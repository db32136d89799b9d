"""The errors Bahamut answers with: classes to raise, each with its status and its words.

They are classes and raised anew each time: one exception object raised twice mixes tracebacks.
"""

from bahamut.elemental.errors import Error

SUBJECT = "bahamut"


class BadRequestError(Error):
    """The request cannot be understood: 400 ``Bad Request``."""

    def __init__(self, description: str) -> None:
        super().__init__("Bad Request", description, SUBJECT, 400)


class InvalidAPIVersionError(BadRequestError):
    """The version in the path is no number (Go: ErrInvalidAPIVersion)."""

    def __init__(self) -> None:
        super().__init__("Invalid api version number")


class UnknownAPIVersionError(BadRequestError):
    """No model is registered under the version in the path (Go: ErrUnknownAPIVersion)."""

    def __init__(self) -> None:
        super().__init__("Unknown api version")


class UnauthorizedError(Error):
    """An authenticator refused: 401."""

    def __init__(
        self, description: str = "You are not authorized to access this resource."
    ) -> None:
        super().__init__("Unauthorized", description, SUBJECT, 401)


class ForbiddenError(Error):
    """An authorizer refused: 403."""

    def __init__(self, description: str = "You are not allowed to access this resource.") -> None:
        super().__init__("Forbidden", description, SUBJECT, 403)


class NotFoundError(Error):
    """There is no such object (Go: ErrNotFound): 404."""

    def __init__(self, description: str = "Unable to find the requested resource") -> None:
        super().__init__("Not Found", description, SUBJECT, 404)


class NotAllowedError(Error):
    """The model has no such operation there: 405.

    Args:
        description: what is not allowed.
        allow: the methods that are, for the header ``Allow``; None leaves the header out.
    """

    def __init__(self, description: str, allow: tuple[str, ...] | None = None) -> None:
        super().__init__("Not allowed", description, SUBJECT, 405)
        self.allow = allow


class RequestEntityTooLargeError(Error):
    """The body exceeds the limit: 413.

    Args:
        limit: the largest accepted body, in bytes.
    """

    def __init__(self, limit: int) -> None:
        description = f"The request body exceeds {limit} bytes"
        super().__init__("Request Entity Too Large", description, SUBJECT, 413)


class TooManyValuesError(RequestEntityTooLargeError):
    """The body holds more values than the limit: 413.

    Args:
        limit: the largest accepted number of values.
    """

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.description = f"The request body holds more than {limit} values"


class LockedError(Error):
    """The API is in read-only mode: 423."""

    def __init__(self) -> None:
        description = "This api is currently locked. Please try again later"
        super().__init__("Locked", description, SUBJECT, 423)


class RateLimitError(Error):
    """Too many requests (Go: ErrRateLimit): 429.

    Args:
        retry_after: seconds after which a token will be there; 0 leaves the header out.
    """

    def __init__(self, retry_after: float = 0.0) -> None:
        super().__init__("Rate Limit", "You have exceeded your rate limit", SUBJECT, 429)
        self.retry_after = retry_after


class NotImplementedByProcessorError(Error):
    """No processor has the method that the operation needs: 501.

    Args:
        operation: name of the operation, for instance ``retrieve-many``.
        identity: name of the identity.
    """

    def __init__(self, operation: str, identity: str) -> None:
        description = f"No handler for operation {operation} on {identity}"
        super().__init__("Not implemented", description, SUBJECT, 501)


class DeadlineExceededError(Error):
    """A processor took longer than something allowed it: 504."""

    def __init__(self) -> None:
        description = "The request took too long to be processed"
        super().__init__("Gateway Timeout", description, SUBJECT, 504)


class InternalError(Error):
    """An exception that is no elemental error: 500; its text stays in the log (decision X39)."""

    def __init__(self, description: str = "Internal error", subject: str = SUBJECT) -> None:
        super().__init__("Internal Server Error", description, subject, 500)
