"""The validation functions that the specifications name."""

from bahamut.elemental import Error


def validate_not_blank(attribute: str, value: str) -> None:
    """Refuse a text of nothing but spaces."""
    if value and not value.strip():
        text = f"Attribute '{attribute}' must not be blank"
        raise Error("Validation Error", text, "todo", 422, {"attribute": attribute})
