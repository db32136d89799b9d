"""Patterns: what RE2 says, and the characters by which most of them need not be asked."""

import pytest
from bahamut.elemental import Identity, Model, new_model, validators
from bahamut.elemental.attributes import AttributeSpec
from bahamut.elemental.patterns import characters_of, is_match
from hypothesis import example, given, strategies as st


@pytest.mark.parametrize("pattern", ["(", "a**", "(?=a)", "(a)\\1", "\ud800", r"\pL{1000}"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"^invalid pattern '"):
        is_match(pattern, "a")


def test_a_text_that_is_no_unicode_matches_nothing() -> None:
    assert not is_match(".*", "\ud800")


@pytest.mark.parametrize(
    ("pattern", "characters"),
    [
        ("^[a-c]+$", "abc"), ("^[a-cZ .$]*$", " $.Zabc"), ("^[-a]+$", "-a"), ("^[c-]+$", "-c"),
        ("^[aé]+$", "a"), ("^[ \n]+$", "\n "),
        ("^[c-a]+$", ""), ("^[^a]+$", ""), ("^[[:alpha:]]+$", ""), ("^[]a]+$", ""),
        (r"^[\d]+$", ""), ("[a-c]+", ""), ("^[a-c]$", ""), ("^[a]+[b]+$", ""), ("(?i)^[a]+$", ""),
        ("^[a-c-e]+$", ""), ("", ""),
    ],
)  # fmt: skip
def test_a_pattern_of_one_class_is_known_by_its_characters(pattern: str, characters: str) -> None:
    assert sorted(characters_of(pattern)) == sorted(characters)


@given(st.text(alphabet="abAZ09-^$.*+ &|~[]\\\\\n", min_size=1, max_size=6), st.sampled_from("+*"))
@example("a-z0-9._-", "+")
def test_re2_knows_a_class_by_the_same_characters(inside: str, sign: str) -> None:
    pattern = f"^[{inside}]{sign}$"
    characters = characters_of(pattern)
    if characters:
        found = [c for c in map(chr, range(128)) if is_match(pattern, c)]
        assert sorted(characters) == found
        assert is_match(pattern, characters)


def _patterned(pattern: str) -> type[Model]:
    rules = {"allowed_chars": pattern, "allowed_chars_message": "no"}
    spec = AttributeSpec(name="x", type="string", **rules)
    return new_model("Patterned", identity=Identity("p", "ps"), attributes=[spec])


PATTERNED = {
    pattern: _patterned(pattern)
    for pattern in ("^[a-c]+$", "^[^a]*$", "^[c-]+$", "^[aé]+$", "^[ab][c]*$")
}


@given(
    st.sampled_from(sorted(PATTERNED)),
    st.text(alphabet="abcd-é\n", max_size=4) | st.text(max_size=4),
)
def test_objects_are_told_what_their_pattern_says(pattern: str, text: str) -> None:
    error = validators.validate_pattern("x", text, pattern, "no")
    assert PATTERNED[pattern](x=text).problems() == ([error] if error else [])
