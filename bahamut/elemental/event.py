"""`Event`: what happened to an object, as it travels to those who asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from bahamut._kit.gotime import format_rfc3339
from bahamut.elemental.encoding import (
    JSON,
    MSGPACK,
    TwoForms,
    convert,
    decode_into,
    decode_wire,
    encode,
    encode_json,
    pack_ordered,
    undecodable,
)
from bahamut.elemental.errors import Error
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.operations import EventType
from bahamut.elemental.shapes import decode_object, decode_string, decode_time, refuse


@dataclass(slots=True)
class Event(TwoForms):
    """Something that happened to an object (Go: elemental.Event)."""

    type: str
    """One of `EventType`."""
    identity: str
    """Name of the object's identity, empty for an error event."""
    timestamp: datetime | None
    data: bytes
    """The object, in `encoding`."""
    encoding: str = MSGPACK

    @classmethod
    def new(
        cls, kind: EventType | str, obj: Model, *, timestamp: datetime, encoding: str = MSGPACK
    ) -> Event:
        """Return an event about *obj*, encoded now (Go: NewEvent, NewEventWithEncoding).

        Raises:
            ValueError: there is no object, or it cannot be encoded.
        """
        try:
            data = _entity(encoding, obj)
        except (ValueError, TypeError) as error:
            raise ValueError(f"unable to create new event: {error}") from error
        return cls(str(kind), obj.identity.name, timestamp, data, encoding)

    @classmethod
    def new_error(cls, error: Error, *, timestamp: datetime, encoding: str = MSGPACK) -> Event:
        """Return an event that tells one session of an error (Go: NewErrorEvent)."""
        return cls(EventType.ERROR.value, "", timestamp, _entity(encoding, error), encoding)

    @property
    def entity(self) -> bytes:
        """The encoded object."""
        return self.data

    def decode(self, target: Model) -> None:
        """Decode the object into *target*.

        Raises:
            DecodeError: it is no such object.
        """
        decode_into(self.encoding, self.data, target)

    def convert(self, encoding: str, model: Any = None) -> None:
        """Put the object into another encoding; when that fails nothing changes.

        Args:
            encoding: a media type.
            model: class of the object: texts that are times become times.

        Raises:
            DecodeError: the object cannot be decoded.
        """
        self.data = convert(self.encoding, encoding, self.data, model)
        self.encoding = encoding

    def duplicate(self) -> Event:
        """Return a copy."""
        return Event(self.type, self.identity, self.timestamp, self.data, self.encoding)

    def to_wire(self) -> dict[str, Any]:
        """Return the MessagePack form; the object stands in it as bytes."""
        return {
            "encoding": self.encoding,
            "entity": self.data if self.encoding == MSGPACK and self.data else None,
            "identity": self.identity,
            "timestamp": self.timestamp,
            "type": self.type,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form; the object stands in it as it is."""
        entity = self.data if self.encoding != MSGPACK else b""
        return {
            "encoding": self.encoding,
            "entity": orjson.Fragment(entity or b"null"),
            "identity": self.identity,
            "timestamp": self.timestamp and _written(self.timestamp),
            "type": self.type,
        }

    def to_bytes(self, encoding: str) -> bytes:
        """Return the whole event; its object must be in that encoding already."""
        if encoding == MSGPACK:
            return pack_ordered(self.to_wire())  # its keys are in order, and nothing is nested
        return encode_json(self.to_json())

    @classmethod
    def from_bytes(cls, encoding: str, data: bytes) -> Event:
        """Return the event that *data* hold.

        Raises:
            DecodeError: they hold none.
        """
        value = decode_wire(encoding, data)  # each field is checked below, others do not matter
        if value.__class__ is not dict:
            raise undecodable(encoding, "an event must be an object")
        try:
            kind, identity, inner = (
                decode_string(value.get(key), key) for key in ("type", "identity", "encoding")
            )
            when = decode_time(value.get("timestamp"), "timestamp")
            return cls(kind, identity, when, _held(encoding, inner, value.get("entity")), inner)
        except DecodeError as error:
            raise undecodable(encoding, str(error)) from None

    def __str__(self) -> str:
        return f"<event type: {self.type} identity: {self.identity}>"


def _entity(encoding: str, value: Model | Error) -> bytes:
    """Encode what an event is about; an unknown encoding, which nobody can read, holds nothing."""
    data = encode(encoding, value)
    return data if encoding in (JSON, MSGPACK) else b""


def _written(when: datetime) -> datetime | str:
    """Return a time as JSON has it; orjson writes the same, unless zeros end the fraction."""
    is_same = when.__class__ is datetime and when.tzinfo is UTC and when.microsecond % 10
    return when if is_same else format_rfc3339(when)


def _held(encoding: str, inner: str, entity: Any) -> bytes:
    """Return the bytes of an entity that stands in an event as a value.

    Args:
        encoding: of the event.
        inner: of the entity.
        entity: binary data in a MessagePack event, anything in a JSON event.
    """
    if entity is None:
        return b""
    if encoding != MSGPACK and inner != MSGPACK:
        return orjson.dumps(decode_object(entity, "entity"))  # its keys stay as they came
    if entity.__class__ is str and encoding == MSGPACK:
        return str.encode(entity)
    if entity.__class__ is not bytes:
        raise refuse(entity, "binary data", "entity")
    return bytes(entity)
