"""`Outgoing`: one event on its way to many sessions, decoded once and encoded once per encoding.

`Parcel`: what some of them get together, as the bytes of one write.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Any

from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import JSON, MSGPACK, decode, decode_into, encode
from bahamut.elemental.event import Event
from bahamut.elemental.filters import Filter, compile_filter
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.registry import Registry
from bahamut.elemental.secrecy import has_secrets, wire_without_secrets
from bahamut.web.websocket import Frame

log = logging.getLogger(__name__)

LARGE_EVENT = 256 * 1024
"""Bytes of an object beyond which it is decoded and encoded in the worker thread."""
MANY_VALUES = 1000
"""Values of an object beyond which it is."""


def is_large_event(event: Event) -> bool:
    """Return whether the object of an event is decoded and encoded in the worker thread."""
    data = event.data
    return len(data) > LARGE_EVENT or holds_more(event.encoding, data, MANY_VALUES)


class Models:
    """The classes that events can be about, of all versions of an API.

    Args:
        registries: by version; of a kind that several know, the latest is taken.
    """

    def __init__(self, registries: Mapping[int, Registry]) -> None:
        self.names: frozenset[str] = frozenset(
            model.IDENTITY.name for registry in registries.values() for model in registry.models()
        )
        """Names of all identities; empty without an API."""
        self._by_name: dict[str, type[Model]] = {
            model.IDENTITY.name: model
            for _, registry in sorted(registries.items())
            for model in registry.models()
            if model.ATTRIBUTES
        }

    def of(self, event: Event) -> type[Model] | None:
        """Return the class of an event's object, None for one of nobody's."""
        return self._by_name.get(event.identity)


class Outgoing:
    """An event, and the forms in which sessions want it.

    Args:
        event: what happened.
        model: the class of its object, if there is one.

    Raises:
        DecodeError: nobody could read its object.
    """

    __slots__ = ("_frames", "_matches", "_model", "_object", "event", "summary")

    def __init__(self, event: Event, model: type[Model] | None) -> None:
        if event.encoding not in (JSON, MSGPACK):
            raise DecodeError(f"an event of an unknown encoding '{event.encoding}'")
        self.event = event
        self.summary: Any = None
        """What the dispatch handler made of it."""
        self._model = model
        self._frames: dict[str, Frame | None] = {}
        self._matches: dict[str, bool] = {}
        self._object: Any = None

    def frame(self, encoding: str) -> Frame | None:
        """Return the event as a frame; None if its object cannot be put into that encoding."""
        try:
            return self._frames[encoding]
        except KeyError:
            found = self._frames[encoding] = self._framed(encoding)
            return found

    def _framed(self, encoding: str) -> Frame | None:
        event = self.event
        try:
            if event.encoding != encoding:
                event = event.duplicate()
                event.convert(encoding, self._model)
            return Frame.of(event.to_bytes(encoding), is_binary=encoding == MSGPACK)
        except ValueError as error:
            # Once, not for each session that wants it.
            log.error("%s cannot be put into %s: %s", event, encoding, error)  # noqa: TRY400
            return None

    def object(self) -> Any:
        """Return the object of the event: sparse, or a mapping if its class is not known.

        Raises:
            DecodeError: it cannot be read.
        """
        if self._object is None:
            try:
                self._object = self._decoded()
            except DecodeError as error:
                self._object = error
        if isinstance(self._object, DecodeError):
            raise self._object
        return self._object

    def _decoded(self) -> Any:
        if self._model is None:
            return decode(self.event.encoding, self.event.data)
        target: Any = self._model.SPARSE()
        decode_into(self.event.encoding, self.event.data, target)
        return target

    def prepare(self, encodings: Iterable[str], *, decodes: bool) -> None:
        """Make the forms that sessions will ask for; the worker thread does it for large events.

        Args:
            encodings: of the sessions.
            decodes: whether the object itself will be asked for.
        """
        for encoding in encodings:
            self.frame(encoding)
        if decodes:
            with contextlib.suppress(DecodeError):  # raised again for those who ask
                self.object()

    def matches(self, text: str, condition: Filter) -> bool:
        """Tell whether the object matches a filter; each is evaluated once (decision X16)."""
        found = self._matches.get(text)
        if found is None:
            try:
                found = compile_filter(condition)(self.object())
            except (DecodeError, ValueError):
                found = False
            self._matches[text] = found
        return found


class Parcel:
    """Events that sessions get together, in their order; who gets the same shares one parcel."""

    __slots__ = ("_longer", "_packed", "events")

    def __init__(self, *events: Outgoing) -> None:
        self.events = events
        self._longer: dict[Outgoing, Parcel] = {}
        self._packed: dict[str, tuple[bytes, int]] = {}

    def and_then(self, event: Outgoing) -> Parcel:
        """Return the parcel of these events and one more."""
        found = self._longer.get(event)
        if found is None:
            found = self._longer[event] = Parcel(*self.events, event)
        return found

    def packed(self, encoding: str) -> tuple[bytes, int]:
        """Return all frames as bytes, and how many events cannot be put into that encoding."""
        found = self._packed.get(encoding)
        if found is None:
            frames = [event.frame(encoding) for event in self.events]
            data = b"".join([frame.data for frame in frames if frame is not None])
            found = self._packed[encoding] = data, frames.count(None)
        return found


def scrubbed(event: Event, model: type[Model] | None) -> Event:
    """Return an event as MessagePack, its object without secrets (decisions X21, X41).

    Args:
        event: left alone.
        model: the class of its object; None if there is nothing in it to hide.

    Raises:
        DecodeError: the object cannot be read.
    """
    if event.encoding != MSGPACK:
        event = event.duplicate()
        event.convert(MSGPACK, model)
    if not event.data:
        raise DecodeError("an event without an object")
    if model is not None and has_secrets(model):
        event = event.duplicate()
        held = decode(MSGPACK, event.data)
        event.data = encode(MSGPACK, wire_without_secrets(held, model))
    return event


def interesting_to(event: Event, related: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the keys under which sessions ask for an event."""
    for name in dict.fromkeys((event.identity, *related)) if related else (event.identity,):
        yield name, event.type
        yield name, ""
