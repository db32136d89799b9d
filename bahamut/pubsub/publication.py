"""`Publication`: what is published on a topic, its wire form, and how it is replied to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Self

from bahamut.elemental.encoding import JSON, MSGPACK, decode, decode_into, encode, undecodable
from bahamut.elemental.model import Model
from bahamut.elemental.shapes import (
    DecodeError,
    decode_integer,
    decode_mapping_of,
    decode_string,
    refuse,
)
from bahamut.pubsub.errors import PubSubError
from bahamut.telemetry.tracing import MAX_PAYLOAD, TEXT_MAP

_decode_texts = decode_mapping_of(decode_string)


class ResponseMode(IntEnum):
    """What the publisher waits for (Go: ResponseMode).

    Numbers of no known mode are kept as they came.
    """

    NONE = 0
    ACK = 1
    PUBLICATION = 2

    @classmethod
    def _missing_(cls, value: object) -> ResponseMode | None:
        if not isinstance(value, int):
            return None
        made = int.__new__(cls, value)
        made._name_, made._value_ = "UNKNOWN", value
        return made

    def __str__(self) -> str:
        return _TEXTS.get(self, "ResponseModeUnknown")


_TEXTS = {
    0: "ResponseModeNone",
    1: "ResponseModeACK",
    2: "ResponseModePublication",
}


class ReplySlot:
    """The one reply that a received publication may have.

    Args:
        send: sends the reply.
        subject: topic of the reply.
    """

    __slots__ = ("_send", "expired", "replied", "subject")

    def __init__(self, send: Callable[[Publication], Awaitable[None]], subject: str) -> None:
        self._send = send
        self.subject = subject
        self.replied = False
        self.expired = False

    async def answer(self, response: Publication) -> None:
        """Send a copy of *response*; if that fails, another may be tried."""
        self.replied = True
        sent = response.duplicate()
        sent.topic, sent.response_mode = self.subject, ResponseMode.NONE
        try:
            await self._send(sent)
        except BaseException:
            self.replied = False
            raise


@dataclass(slots=True)
class Publication:
    """Something published on a topic (Go: Publication, NewPublication)."""

    topic: str = ""
    data: bytes | None = None
    """What is published, in `encoding`. None is "nothing", which is not the same as no bytes."""
    partition: int = 0
    """Carried and traced; it routes nothing."""
    tracking_name: str = ""
    tracking_data: dict[str, str] | None = field(default_factory=dict)
    """The headers of a trace."""
    encoding: str = ""
    """``application/json`` or ``application/msgpack``."""
    response_mode: ResponseMode = ResponseMode.NONE
    span: Any = field(default=None, compare=False, repr=False)
    """The span of this publication, None while it is not traced."""
    reply_slot: ReplySlot | None = field(default=None, compare=False, repr=False)
    """Set by the client that received it, when its publisher waits for a publication."""

    def encode(self, value: Any) -> None:
        """Publish *value*, in MessagePack (Go: Publication.Encode).

        Raises:
            ValueError: there is no value.
            TypeError: it cannot be encoded. Nothing has changed then.
        """
        self.encode_with_encoding(value, MSGPACK)

    def encode_with_encoding(self, value: Any, encoding: str) -> None:
        """Publish *value*, in *encoding* (Go: Publication.EncodeWithEncoding).

        Raises:
            ValueError: there is no value.
            TypeError: it cannot be encoded. Nothing has changed then.
        """
        data = encode(encoding, value)
        self.data, self.encoding = data, encoding
        self._note_payload()

    def decode(self, target: Model | None = None) -> Any:
        """Return what was published; without an encoding it is JSON (Go: Publication.Decode).

        Args:
            target: the object to decode into; without one the plain value is returned.

        Raises:
            DecodeError: the data hold no such thing.
        """
        encoding, data = self.encoding or JSON, self.data or b""
        self._note_payload()
        if target is None:
            return decode(encoding, data)
        decode_into(encoding, data, target)
        return target

    def duplicate(self) -> Publication:
        """Return a copy that nobody can reply to (Go: Publication.Duplicate)."""
        return Publication(
            self.topic,
            self.data,
            self.partition,
            self.tracking_name,
            None if self.tracking_data is None else dict(self.tracking_data),
            self.encoding,
            self.response_mode,
            self.span,
        )

    async def reply(self, response: Publication | None) -> None:
        """Send *response* to the publisher, who waits for it (Go: Publication.Reply).

        Raises:
            PubSubError: it is too late, there is no response, there was one already, or none is
                waited for; in this order.
            NotConnectedError: it cannot be sent.
        """
        slot = self.reply_slot
        if slot is not None and slot.expired:
            raise PubSubError("took too long to reply to publication")
        if response is None:
            raise PubSubError("response cannot be nil")
        if slot is None:
            raise PubSubError("no response required for publication")
        if slot.replied:
            raise PubSubError("already replied to publication")
        await slot.answer(response)

    # --- tracing -----------------------------------------------------------------------------

    def start_tracing(self, tracer: Any, name: str) -> None:
        """Begin the span of a received publication, below its publisher's.

        Go: Publication.StartTracing. Whoever begins a span finishes it.

        Args:
            tracer: an OpenTracing tracer; without one nothing happens.
            name: of the span.
        """
        if tracer is None:
            return
        parent = tracer.extract(TEXT_MAP, self.tracking_data or {})
        tags = {"span.kind": "server", **self._tags()}
        self.span = tracer.start_span(name, child_of=parent, tags=tags)

    def start_tracing_from_span(self, span: Any, name: str) -> None:
        """Begin a span below *span*, and send its context along.

        Go: Publication.StartTracingFromSpan. Whoever begins a span finishes it.

        Raises:
            Exception: what the tracer raises when it cannot write the context.
        """
        tracer = getattr(span, "tracer", None)
        if tracer is None:
            return
        self.span = tracer.start_span(name, child_of=span, tags=self._tags())
        if self.tracking_data is None:
            self.tracking_data = {}
        tracer.inject(self.span.context, TEXT_MAP, self.tracking_data)

    def _tags(self) -> dict[str, Any]:
        return {"topic": self.topic, "partition": self.partition}

    def _note_payload(self) -> None:
        if self.span is not None:
            payload = (self.data or b"")[:MAX_PAYLOAD]
            self.span.log_kv({"payload": payload.decode("utf-8", "replace")})

    # --- the wire form -----------------------------------------------------------------------

    def to_wire(self) -> dict[str, Any]:
        """Return the wire form: sorted, without what is nothing or zero."""
        fields: dict[str, Any] = {
            "data": self.data,
            "encoding": self.encoding or None,
            "partition": self.partition or None,
            "responseMode": int(self.response_mode) or None,
            "topic": self.topic or None,
            "trackingData": self.tracking_data,
            "trackingName": self.tracking_name or None,
        }
        return {key: value for key, value in fields.items() if value is not None}

    def to_envelope(self) -> bytes:
        """Return the bytes that travel."""
        return encode(MSGPACK, self.to_wire())

    @classmethod
    def from_wire(cls, value: Any, *, topic: str = "") -> Self:
        """Return the publication of a decoded wire form.

        Args:
            value: the wire form.
            topic: its topic, if it states none.

        Raises:
            DecodeError: *value* is no object, or one of its values is not of its field's type.
        """
        if not isinstance(value, Mapping):
            raise refuse(value, "an object", "")
        given = {key: value[key] for key in value if value[key] is not None}
        partition = decode_integer(given.get("partition"), "partition")
        if not -(1 << 31) <= partition < 1 << 31:
            raise DecodeError("must be an integer of 32 bits", "partition")
        return cls(
            topic=decode_string(given["topic"], "topic") if "topic" in given else topic,
            data=_decode_data(given.get("data")),
            partition=partition,
            tracking_name=decode_string(given.get("trackingName"), "trackingName"),
            tracking_data=_decode_texts(given.get("trackingData"), "trackingData") or {},
            encoding=decode_string(given.get("encoding"), "encoding"),
            response_mode=ResponseMode(decode_integer(given.get("responseMode"), "responseMode")),
        )

    @classmethod
    def from_envelope(cls, data: bytes, *, topic: str = "") -> Self:
        """Return the publication that came as *data*.

        Raises:
            DecodeError: they hold none.
        """
        try:
            return cls.from_wire(decode(MSGPACK, data), topic=topic)
        except DecodeError as error:
            if error.detail.startswith("unable to decode"):
                raise
            raise undecodable(MSGPACK, str(error)) from None


def _decode_data(value: Any) -> bytes | None:
    """Accept binary data, or a text as the bytes it is."""
    if value is None or value.__class__ is bytes:
        return value
    if value.__class__ is str:
        return str.encode(value)
    raise refuse(value, "binary data", "data")
