"""The custom validators of the specification sets that the recordings were made with."""

from typing import Any

from bahamut.elemental.errors import Error


def no_space(name: str, value: str) -> None:
    """Refuse a text with a space."""
    if " " in value:
        text = f"attribute '{name}' must not contain any space"
        raise Error("Validation Error", text, "workshop", 422, {"attribute": name})


def even_length(name: str, value: str) -> None:
    """Refuse a text whose UTF-8 form has an odd number of bytes."""
    if len(value.encode("utf-8", "surrogatepass")) % 2:
        raise ValueError(f"attribute '{name}' must have an even length")


def gear_fit(gear: Any) -> None:
    """Refuse a gear whose inner exceeds its outer."""
    if gear.inner > gear.outer:
        raise Error("Validation Error", "inner must not exceed outer", "workshop", 422)
