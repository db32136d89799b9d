"""`Outgoing`: one event on its way to many sessions, decoded once and encoded once per encoding.

Its object comes from anybody who can publish. It is decoded and encoded again before a session gets
it, never copied: bytes that only look like an object could forge fields of the event around them.

`Parcel`: what some of them get together, as the bytes of one write.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakValueDictionary

import orjson

from bahamut._kit.logs import printable
from bahamut.elemental.counting import holds_more
from bahamut.elemental.encoding import (
    JSON,
    MSGPACK,
    convert_value,
    decode,
    encode,
    pack_ordered,
    update_from,
)
from bahamut.elemental.event import Event
from bahamut.elemental.filters import Filter, FilterCostError, PreparedFilter
from bahamut.elemental.model import DecodeError, Model
from bahamut.elemental.push_config import PushConfig
from bahamut.elemental.registry import Registry
from bahamut.elemental.secrecy import has_secrets, wire_without_secrets
from bahamut.elemental.shapes import refuse
from bahamut.push.losses import UNFIT, Losses
from bahamut.web.websocket import Frame

FILTER_LIMIT = 200_000
"""Units of work that one filter of a session may cost for one event: about 10 ms at the most."""

LARGE_EVENT = 256 * 1024
"""Bytes of an object beyond which it is decoded and encoded in the worker thread."""
MANY_VALUES = 1000
"""Values of an object beyond which it is."""


def is_large_event(event: Event) -> bool:
    """Return whether the object of an event is decoded and encoded in the worker thread."""
    data = event.data
    return len(data) > LARGE_EVENT or holds_more(event.encoding, data, MANY_VALUES)


class Models:
    """The classes that events can be about, of all versions of an API, and filters ready for them.

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
        self._filters = WeakValueDictionary[tuple[str, str], PreparedFilter]()

    def of(self, event: Event) -> type[Model] | None:
        """Return the class of an event's object, None if no version of the API has it."""
        return self._by_name.get(event.identity)

    def prepared(self, config: PushConfig) -> dict[str, PreparedFilter]:
        """Return the filters of a configuration ready to be applied, by identity name.

        Sessions with equal filters share one. It is kept as long as a session holds it.

        Args:
            config: its filters have been parsed.

        Raises:
            MatcherError: the regular expressions of a filter are too large.
        """
        found = ((name, config.filter_for_identity(name)) for name in config.filters)
        return {name: self._prepared(name, given) for name, given in found if given is not None}

    def _prepared(self, name: str, condition: Filter) -> PreparedFilter:
        key = name, str(condition)
        found = self._filters.get(key)
        if found is None:
            found = self._filters[key] = PreparedFilter(condition, limit=FILTER_LIMIT)
            model = self._by_name.get(name)
            found.test_for(dict if model is None else model.SPARSE)
        return found


class Outgoing:
    """An event, and the forms in which sessions want it.

    Args:
        event: what happened.
        model: the class of its object, if there is one.
        losses: told if the event cannot be put into an encoding.

    Raises:
        DecodeError: its object is missing, is not one valid value, or is of an unknown encoding.
    """

    __slots__ = (
        "_frames",
        "_losses",
        "_matches",
        "_model",
        "_object",
        "_unfit",
        "_value",
        "event",
        "spent",
        "summary",
    )

    def __init__(
        self, event: Event, model: type[Model] | None, losses: Losses | None = None
    ) -> None:
        self.event = event
        self._value = _object_of(event)
        self._losses = losses
        self.summary: Any = None
        """What the dispatch handler made of it."""
        self.spent = 0
        """Units of work that evaluating filters has cost since somebody set it to 0."""
        self._model = model
        self._frames: dict[str, Frame | None] = {}
        self._matches: dict[PreparedFilter, bool | None] = {}
        self._object: Any = None
        self._unfit: list[tuple[str, Exception]] = []

    def frame(self, encoding: str) -> Frame | None:
        """Return the event as a frame; None if its object cannot be put into that encoding."""
        if encoding not in self._frames:
            self._frames[encoding] = self._framed(encoding)
            self.report()
        return self._frames[encoding]

    def report(self) -> None:
        """Count and log the encodings into which the object could not be put.

        The event loop must do it: `prepare` may have run in a thread.
        """
        for encoding, error in self._unfit:
            if self._losses is not None:
                text = "%s cannot be put into %s: %s"
                self._losses.drop(UNFIT, text, self.event, encoding, error)
        self._unfit.clear()

    def _framed(self, encoding: str) -> Frame | None:
        event = self.event.duplicate()
        try:
            event.data, event.encoding = self._encoded(encoding), encoding
            return Frame.of(event.to_bytes(encoding), is_binary=encoding == MSGPACK)
        except (ValueError, TypeError) as error:
            self._unfit.append((encoding, error))
            return None

    def _encoded(self, encoding: str) -> bytes:
        source, value = self.event.encoding, self._value
        if source == encoding:  # its keys stay in the order in which they came
            return pack_ordered(value) if encoding == MSGPACK else orjson.dumps(value)
        try:
            return convert_value(source, encoding, value, self._model)
        except DecodeError:
            # It is no object of our model, perhaps one of a newer version: as it came, for all.
            return convert_value(source, encoding, value)

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
            return self._value
        target: Any = self._model.SPARSE()
        update_from(self.event.encoding, self._value, target)
        return target

    def matches(self, wanted: PreparedFilter) -> bool | None:
        """Tell whether the object matches a filter; each is evaluated once (decision X16).

        Returns:
            None if the evaluation costs more than it may.
        """
        if wanted not in self._matches:
            self._matches[wanted] = self._evaluated(wanted)
        return self._matches[wanted]

    def _evaluated(self, wanted: PreparedFilter) -> bool | None:
        try:
            found = self.object()
        except DecodeError:
            return False
        try:
            return wanted.matches(found)
        except FilterCostError:
            return None
        except ValueError:
            return False
        finally:
            self.spent += wanted.spent

    def prepare(self, encodings: Iterable[str], *, decodes: bool) -> None:
        """Make the forms that sessions will ask for; the worker thread does it for large events.

        Args:
            encodings: of the sessions.
            decodes: whether the object itself will be asked for.
        """
        for encoding in encodings:
            self._frames[encoding] = self._framed(encoding)
        if decodes:
            with contextlib.suppress(DecodeError):  # raised again for those who ask
                self.object()


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
        DecodeError: it holds no object, or none of that class.
    """
    value = _object_of(event)
    if value.__class__ is not dict:
        raise refuse(value, "an object", "entity")
    is_packed, hides = event.encoding == MSGPACK, model is not None and has_secrets(model)
    if is_packed and not hides:
        return event
    event = event.duplicate()
    if not is_packed:
        event.data = convert_value(event.encoding, MSGPACK, value, model)
        event.encoding = MSGPACK
    if hides and model is not None:
        held = value if is_packed else decode(MSGPACK, event.data)
        event.data = encode(MSGPACK, wire_without_secrets(held, model))
    return event


def _object_of(event: Event) -> Any:
    """Return the value that an event is about.

    Raises:
        DecodeError: it is missing, is not one valid value, or is of an unknown encoding.
    """
    if event.encoding not in (JSON, MSGPACK):
        raise DecodeError(f"an event of an unknown encoding '{printable(event.encoding, 60)}'")
    if not event.data:
        raise DecodeError("an event without an object")
    return decode(event.encoding, event.data)


def interesting_to(event: Event, related: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Yield the keys under which sessions ask for an event."""
    for name in dict.fromkeys((event.identity, *related)) if related else (event.identity,):
        yield name, event.type
        yield name, ""
