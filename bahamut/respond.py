"""The two ends of an operation: `success` turns a context into an answer, `failure` an error.

Everything a client of the API ever reads comes out of this file, whichever door it came in by.
"""

from __future__ import annotations

import asyncio
import math
import re
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from bahamut._kit.calls import name_of, shown
from bahamut._kit.logs import get_logger
from bahamut._kit.turns import in_worker, is_overdue
from bahamut.context import Context
from bahamut.elemental.encoding import JSON, MSGPACK, encode
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.headers import X_FIELDS
from bahamut.elemental.model import Model
from bahamut.elemental.operations import Operation
from bahamut.elemental.pieces import FLAT_MODELS, is_slow, joined, pieces_of
from bahamut.elemental.request import Request
from bahamut.elemental.response import RawResponse
from bahamut.elemental.secrecy import without_secrets
from bahamut.errors import DeadlineExceededError, InternalError, NotAllowedError
from bahamut.interfaces import CustomMarshaller

log = get_logger(__name__)

PAGE = 100
"""Objects without nested values that are encoded in one call."""
LARGE_PAGE = 1024 * 1024
"""Bytes of such a page after which the objects of its model are no longer taken for small."""
ACCEPT = ("Accept", "application/msgpack,application/json")
NO_COUNT = ("X-Count-Total", "0")
_CONTENT_TYPES = {
    JSON: ("Content-Type", "application/json; charset=UTF-8"),
    MSGPACK: ("Content-Type", MSGPACK),
}
_INFO = Operation.INFO
_COUNTED = frozenset((Operation.RETRIEVE_MANY, Operation.INFO))
_UNSAFE_IN_HEADER = re.compile(r"[\r\n\0]+")


async def success(ctx: Context, marshaller: CustomMarshaller | None = None) -> RawResponse:
    """Return the answer of an operation that went well.

    A long list is encoded in pieces, another large output in the worker thread.

    Args:
        ctx: the context, as its processor left it.
        marshaller: encodes the output of this identity, if a user gave one.

    Raises:
        Exception: the output cannot be encoded, or the marshaller said so.
    """
    if ctx.response_writer is not None:
        return RawResponse(status=ctx.status_code or 200, headers=[], writer=ctx.response_writer)
    request = ctx.request
    headers = [ACCEPT, content_type(request.accept)]
    if ctx.redirect:
        headers.append(("Location", _safe(ctx.redirect)))
        return RawResponse(302, headers)
    if request.operation in _COUNTED:
        headers.append(("X-Count-Total", str(ctx.count)))
    else:
        headers.append(NO_COUNT)
    if ctx.next:
        headers.append(("X-Next", _safe(ctx.next)))
    if ctx.messages:
        headers.append(("X-Messages", _safe(";".join(ctx.messages))))
    if ctx.output_cookies:
        headers += [("Set-Cookie", _safe(cookie.OutputString())) for cookie in ctx.output_cookies]
    status = 204 if request.operation is _INFO else 200
    if ctx.status_code:
        status = answerable(ctx.status_code)
    output = ctx.output_data
    if output is None:
        return RawResponse(204 if status == 200 else status, headers)
    if output.__class__ in FLAT_MODELS:
        body = _encoded(request, output, marshaller)
    else:
        body = await _body(request, output, marshaller)
    return RawResponse(status, headers, body)


async def _body(request: Request, output: Any, marshaller: CustomMarshaller | None) -> bytes:
    is_list = output.__class__ is list and len(output) > 1
    if is_list and marshaller is None and isinstance(output[0], Model):
        return await _encoded_list(request, output)
    if is_slow(output):
        return await in_worker(_encoded, request, output, marshaller)
    return _encoded(request, output, marshaller)


async def _encoded_list(request: Request, output: list[Any]) -> bytes:
    """Return a list of objects encoded, letting other tasks run when that takes long.

    How large the objects are is not known before they are encoded: once one piece has taken long,
    the worker thread encodes the rest.
    """
    model = output[0].__class__
    if model in FLAT_MODELS and len(output) <= PAGE:
        body = _encoded(request, output, None)
        if len(body) > LARGE_PAGE:
            FLAT_MODELS.discard(model)  # the next pages are encoded in pieces
        return body
    items = output.copy()  # a processor may answer with a list that it changes meanwhile
    selection = _Selection(request) if X_FIELDS in request.headers else None
    since, pieces, is_long = perf_counter(), list[bytes](), False
    for piece, holds_many in pieces_of(items):
        if is_long or holds_many:
            pieces.append(await in_worker(_encoded, request, piece, None, selection))
            continue
        pieces.append(_encoded(request, piece, None, selection))
        if is_overdue(since):
            is_long = True
            await asyncio.sleep(0)
    return joined(request.accept, pieces, len(items))


def _encoded(
    request: Request,
    output: Any,
    marshaller: CustomMarshaller | None,
    selection: _Selection | None = None,
) -> bytes:
    if marshaller is not None:
        return _checked(marshaller(request, without_secrets(output), None), marshaller)
    if X_FIELDS in request.headers:
        selection = selection or _Selection(request)
        return encode(request.accept, selection.of(without_secrets(output)))
    return encode(request.accept, output, blanks_secrets=True)


def _checked(body: object, marshaller: CustomMarshaller) -> bytes:
    if isinstance(body, bytes):
        return body
    raise TypeError(f"{name_of(marshaller)} must return bytes, not {shown(body)}")


class _Selection:
    """The attributes that a client asks for; looked up once per class, for it may name thousands.

    Args:
        request: names them in ``X-Fields``.
    """

    __slots__ = ("_known", "_names")

    def __init__(self, request: Request) -> None:
        lines = request.headers.getall(X_FIELDS, ())
        self._names = list(
            dict.fromkeys(name.strip() for line in lines for name in line.split(","))
        )
        self._known: dict[type[Model], list[str]] = {}

    def of(self, output: Any) -> Any:
        """Return the objects with these attributes only; what is no object stays what it is."""
        if isinstance(output, Model):
            return output.to_sparse(*self._known_to(type(output)))
        if isinstance(output, list | tuple) and all(isinstance(item, Model) for item in output):
            return [item.to_sparse(*self._known_to(type(item))) for item in output]
        return output

    def _known_to(self, model: type[Model]) -> list[str]:
        """Return the names that a model knows; one that it does not know, if there are none."""
        found = self._known.get(model)
        if found is None:
            found = [name for name in self._names if name in model.WIRE_NAMES] or self._names[:1]
            self._known[model] = found
        return found


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, and how to say it."""

    errors: Errors
    """At least one, each with the trace and a code that HTTP knows."""
    extra_headers: tuple[tuple[str, str], ...] = ()


def failure_of(error: BaseException, *, trace: str = "unknown", expose: bool = False) -> Failure:
    """Return what clients are told of *error*.

    Args:
        error: anything that was raised.
        trace: identifier under which the traces know the request.
        expose: whether clients may read the text of unexpected exceptions.
    """
    extra: tuple[tuple[str, str], ...] = ()
    if isinstance(error, Error) and 0 < error.retry_after < math.inf:
        extra = (("Retry-After", str(math.ceil(error.retry_after))),)
    elif isinstance(error, NotAllowedError) and error.allow is not None:
        extra = (("Allow", ", ".join(error.allow)),)
    errors = _errors_of(error, expose=expose)
    return Failure(
        Errors(
            *(
                Error(
                    e.title,
                    e.description,
                    e.subject,
                    answerable(e.code),
                    e.data,
                    trace,
                )
                for e in errors
            )
        ),
        extra,
    )


def _errors_of(error: BaseException, *, expose: bool) -> Errors:
    if isinstance(error, Errors) and len(error):
        return error
    if isinstance(error, Error):
        return Errors(error)
    if isinstance(error, TimeoutError):
        return Errors(DeadlineExceededError())
    return Errors(error) if expose and str(error) else Errors(InternalError())


def failure(
    failed: Failure,
    request: Request | None = None,
    marshaller: CustomMarshaller | None = None,
    *,
    encoding: str = JSON,
) -> RawResponse:
    """Return the answer of an operation that failed.

    Args:
        failed: what went wrong.
        request: the request, if it came so far; it decides the encoding.
        marshaller: encodes the errors of this identity, if a user gave one.
        encoding: of the answer without a request.
    """
    if request is not None:
        encoding = request.accept
    body = None
    if marshaller is not None and request is not None:
        try:
            body = _checked(marshaller(request, None, failed.errors), marshaller)
        except Exception:
            log.exception("A custom marshaller cannot encode errors")
    if body is None:
        body = _encoded_errors(encoding, failed.errors)
    headers = [ACCEPT, content_type(encoding), NO_COUNT, *failed.extra_headers]
    return RawResponse(status=failed.errors.code, headers=headers, body=body)


def _encoded_errors(encoding: str, errors: Errors) -> bytes:
    """Return errors encoded; those whose data cannot be, without their data."""
    try:
        return encode(encoding, errors)
    except Exception:
        log.exception("The data of an error cannot be encoded")
        bare = (Error(e.title, e.description, e.subject, e.code, None, e.trace) for e in errors)
        return encode(encoding, Errors(*bare))


def refusal(error: Error | Errors) -> RawResponse:
    """Return the answer to what is refused before it is a request of the API, in JSON."""
    return failure(failure_of(error))


def content_type(encoding: str) -> tuple[str, str]:
    """Return the header that names *encoding*; only JSON states its character set."""
    return _CONTENT_TYPES.get(encoding) or ("Content-Type", encoding)


def answerable(code: object) -> int:
    """Return *code* if it can be the status of an answer, else 500 (decision X5)."""
    return code if isinstance(code, int) and 200 <= code <= 599 else 500


def _safe(text: str) -> str:
    """Return *text* without what would end a header line: a value never starts another header."""
    return _UNSAFE_IN_HEADER.sub(" ", text)
