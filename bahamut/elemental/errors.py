"""Errors that carry their answer: `Error`, `Errors`, their wire form and how to tell them apart."""

from collections.abc import Iterator, Mapping
from typing import Any, Self

from bahamut.elemental.shapes import decode_integer, decode_object, decode_string, refuse

INTERNAL_TITLE = "Internal Server Error"
_TEXTS = ("title", "description", "subject", "trace")


class Error(Exception):
    """One error as the clients of an API see it (Go: elemental.Error).

    Args:
        title: what kind of error it is.
        description: what went wrong, for a person.
        subject: the part of the system that says so.
        code: HTTP status code.
        data: anything that can be encoded; by convention ``{"attribute": name}``.
        trace: identifier under which the logs and traces know the request.
    """

    retry_after: float = 0.0
    """Seconds after which it is worth trying again; 0 says nothing."""

    def __init__(
        self,
        title: str,
        description: str,
        subject: str = "",
        code: int = 0,
        data: Any = None,
        trace: str = "",
    ) -> None:
        super().__init__(title, description, subject, code, data, trace)
        self.title = title
        self.description = description
        self.subject = subject
        self.code = code
        self.data = data
        self.trace = trace

    def __str__(self) -> str:
        trace = f" [trace: {self.trace}]" if self.trace else ""
        return f"error {self.code} ({self.subject}): {self.title}: {self.description}{trace}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Error):
            return NotImplemented
        return self.to_wire() == other.to_wire()

    __hash__ = Exception.__hash__

    def to_wire(self) -> dict[str, Any]:
        """Return all six fields, sorted: the MessagePack form."""
        return {
            "code": self.code,
            "data": self.data,
            "description": self.description,
            "subject": self.subject,
            "title": self.title,
            "trace": self.trace,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form: code, data and trace are left out when they say nothing."""
        wire = self.to_wire()
        for key, empty in (("code", 0), ("data", None), ("trace", "")):
            if wire[key] == empty:
                del wire[key]
        return wire

    @classmethod
    def from_wire(cls, value: Any) -> Self:
        """Build an error from its decoded wire form; absent fields get their zero value.

        Raises:
            DecodeError: *value* is no object, or one of its values is not of its field's type.
        """
        if value is None:
            value = {}
        if not isinstance(value, Mapping):
            raise refuse(value, "an object", "")
        error = cls.__new__(cls)
        Error.__init__(
            error,
            **{name: decode_string(value.get(name), name) for name in _TEXTS},
            code=decode_integer(value.get("code"), "code"),
            data=decode_object(value.get("data"), "data"),
        )
        return error


class Errors(Exception):  # noqa: N818 (the original's name)
    """Several errors in one (Go: elemental.Errors): a validation speaks once.

    Each argument may be an `Error`, an `Errors`, which is flattened, or any other exception,
    which becomes an Internal Server Error with its text.
    """

    def __init__(self, *errors: BaseException) -> None:
        super().__init__(*errors)
        self.errors: tuple[Error, ...] = tuple(e for given in errors for e in _flattened(given))

    @property
    def code(self) -> int:
        """The code of the first error, -1 when there is none."""
        return self.errors[0].code if self.errors else -1

    def append(self, *errors: BaseException) -> "Errors":
        """Return a new list with *errors* behind these."""
        return Errors(*self.errors, *errors)

    def traced(self, trace: str) -> "Errors":
        """Return a copy in which every error carries *trace* (Go: Errors.Trace)."""
        return Errors(
            *(Error(e.title, e.description, e.subject, e.code, e.data, trace) for e in self.errors)
        )

    def __iter__(self) -> Iterator[Error]:
        return iter(self.errors)

    def __len__(self) -> int:
        return len(self.errors)

    def __str__(self) -> str:
        return ", ".join(str(error) for error in self.errors)


def _flattened(error: BaseException) -> tuple[Error, ...]:
    if isinstance(error, Errors):
        return error.errors
    if isinstance(error, Error):
        return (error,)
    return (Error(INTERNAL_TITLE, str(error), "elemental", 500),)


def is_error_with_code(error: BaseException | None, code: int) -> bool:
    """Tell whether *error* is an `Error` or `Errors` of that code (Go: IsErrorWithCode)."""
    return isinstance(error, Error | Errors) and error.code == code


def is_validation_error(error: BaseException | None, title: str, attribute: str) -> bool:
    """Tell whether *error* is one validation error of that title about that attribute.

    The attribute is looked for in the error's data, whatever kind of mapping that is
    (Go: IsValidationError).
    """
    if isinstance(error, Errors):
        if len(error) != 1:
            return False
        error = error.errors[0]
    return (
        isinstance(error, Error)
        and error.code == 422
        and error.title == title
        and isinstance(error.data, Mapping)
        and error.data.get("attribute") == attribute
    )
