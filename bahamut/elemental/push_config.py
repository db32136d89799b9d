"""`PushConfig`: what one websocket session wants to hear of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import chain
from typing import Any

from bahamut.elemental.encoding import decode, undecodable
from bahamut.elemental.filters import Filter, FilterCostError, FilterError
from bahamut.elemental.shapes import (
    DecodeError,
    decode_list_of,
    decode_mapping_of,
    decode_string,
)

_decode_lists = decode_mapping_of(decode_list_of(decode_string))
_decode_texts = decode_mapping_of(decode_string)


MAX_FILTER_TEXT = 64 * 1024
"""Characters of all filters of one configuration together."""
MAX_IDENTITIES = 1000
MAX_TYPES = 16
"""Event types that one identity may list."""
MAX_NAMES = 64 * 1024
"""Characters of the names of identities and types together."""
_LONG_NAME = 255


class PushLimitError(ValueError):
    """A push configuration asks for more than a session may."""


class PushConfig:
    """Identities, event types and filters of a session (Go: elemental.PushConfig).

    Without identities everything is wanted; an identity without types is wanted with all of them.
    """

    __slots__ = ("_parsed", "filters", "identities", "parameters")

    def __init__(
        self,
        identities: Mapping[str, list[str] | None] | None = None,
        filters: Mapping[str, str] | None = None,
        parameters: Mapping[str, list[str] | None] | None = None,
    ) -> None:
        self.identities: dict[str, list[str] | None] = dict(identities or {})
        """Event types by identity name."""
        self.filters: dict[str, str] = dict(filters or {})
        """Texts of filters by identity name."""
        self.parameters: dict[str, list[str] | None] | None = (
            None if parameters is None else dict(parameters)
        )
        self._parsed: dict[str, Filter] = {}

    def filter_identity(self, name: str, *types: str) -> None:
        """Want an identity, with these event types or with all."""
        self.identities[name] = list(types)

    def set_parameter(self, key: str, *values: str) -> None:
        """Set a parameter of the session."""
        self.parameters = {**(self.parameters or {}), key: list(values)}

    def is_filtered_out(self, name: str, event_type: str) -> bool:
        """Tell whether an event of that identity and type is not wanted."""
        if not self.identities:
            return False
        if name not in self.identities:
            return True
        types = self.identities[name]
        return types is not None and len(types) > 0 and event_type not in types

    def parse_identity_filters(self) -> None:
        """Parse the filters; every comparator is allowed (decision X16).

        Raises:
            FilterError: one cannot be parsed, or is for an identity that is not wanted.
            PushLimitError: one holds more values or comparisons than a filter may.
        """
        self._parsed, parsed = {}, {}
        for name, text in self.filters.items():
            if name not in self.identities:
                raise FilterError(
                    f'elemental: cannot declare an identity filter on "{name}" as that was not '
                    "declared in 'Identities'"
                )
            try:
                parsed[name] = Filter.parse(text)
            except FilterCostError as error:
                raise PushLimitError(f"a filter must not hold {error}") from error
            except FilterError as error:
                wrong = f'elemental: unable to parse filter "{_quoted(text)}": {error}'
                raise FilterError(wrong) from error
        self._parsed = parsed

    def check_filter_text(self) -> None:
        """Refuse filters that are too long to be parsed.

        Raises:
            PushLimitError: they are.
        """
        if sum(map(len, self.filters.values())) > MAX_FILTER_TEXT:
            raise PushLimitError(f"filters must not exceed {MAX_FILTER_TEXT} characters together")

    def check_bounds(self) -> None:
        """Refuse what would keep or cost more than one session may.

        Raises:
            PushLimitError: there are too many identities, types or names.
        """
        if len(self.identities) > MAX_IDENTITIES:
            raise PushLimitError(f"there must not be more than {MAX_IDENTITIES} identities")
        if any(types and len(types) > MAX_TYPES for types in self.identities.values()):
            raise PushLimitError(f"an identity must not have more than {MAX_TYPES} types")
        names = chain(self.identities, *(types or () for types in self.identities.values()))
        if sum(map(len, names)) > MAX_NAMES:
            raise PushLimitError(f"names must not exceed {MAX_NAMES} characters together")

    def keep_known(self, known: Collection[str]) -> None:
        """Forget identities that are not in *known*, and their filters; and types given twice.

        Without *known* every identity is kept. If none is left, one unknown identity stays: without
        any, everything would be wanted.
        """
        kept = {
            name: types and list(dict.fromkeys(types))
            for name, types in self.identities.items()
            if not known or name in known
        }
        if not kept and self.identities:
            name = next(iter(self.identities))
            kept = {name if len(name) < _LONG_NAME else f"{name[:_LONG_NAME]}…": None}
        self.identities = kept
        self.filters = {name: text for name, text in self.filters.items() if name in kept}
        self._parsed = {name: given for name, given in self._parsed.items() if name in kept}

    def filter_for_identity(self, name: str) -> Filter | None:
        """Return the parsed filter of an identity, None without one."""
        return self._parsed.get(name)

    def duplicate(self) -> PushConfig:
        """Return a copy that shares nothing."""
        copy = PushConfig(
            {
                name: None if types is None else list(types)
                for name, types in self.identities.items()
            },
            self.filters,
            self.parameters
            and {
                key: None if values is None else list(values)
                for key, values in self.parameters.items()
            },
        )
        copy._parsed = dict(self._parsed)
        return copy

    def to_wire(self) -> dict[str, Any]:
        """Return the wire form."""
        return {
            "filters": self.filters,
            "identities": self.identities,
            "parameters": self.parameters,
        }

    @classmethod
    def from_bytes(cls, encoding: str, data: bytes) -> PushConfig:
        """Return the configuration that a message holds.

        Raises:
            DecodeError: it holds none.
        """
        value = decode(encoding, data)
        if value is None:
            return cls()
        if value.__class__ is not dict:
            raise undecodable(encoding, "a push configuration must be an object")
        try:
            return cls(
                _decode_lists(value.get("identities"), "identities"),
                _decode_texts(value.get("filters"), "filters"),
                _decode_lists(value.get("parameters"), "parameters"),
            )
        except DecodeError as error:
            raise undecodable(encoding, str(error)) from None

    def __str__(self) -> str:
        identities = " ".join(
            f"{name}:[{' '.join(types or ())}]" for name, types in sorted(self.identities.items())
        )
        filters = " ".join(f"{name}:{text}" for name, text in sorted(self.filters.items()))
        return f"<pushconfig identities:map[{identities}] identityfilters:map[{filters}]>"


_ESCAPES = str.maketrans(
    {char: f"\\{name}" for char, name in zip('\\"\a\b\f\n\r\t\v', '\\"abfnrtv', strict=True)}
)


def _quoted(text: str) -> str:
    """Escape as Go's %q does: what cannot be printed is written by its number."""
    return "".join(map(_visible, text.translate(_ESCAPES)))


def _visible(char: str) -> str:
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
