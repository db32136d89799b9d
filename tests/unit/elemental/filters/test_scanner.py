"""Tokens, quotes, arguments."""

import pytest
from bahamut.elemental.filters import FilterError
from bahamut.elemental.filters.scanner import Scanner, Token


def tokens(text: str) -> list[tuple[str, str]]:
    scanner, found = Scanner(text), []
    while (token := scanner.next()).kind != "end":
        found.append(tuple(token))
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n", []),
        ("a==b", [("word", "a"), ("==", "=="), ("word", "b")]),
        ("a<-1", [("word", "a"), ("<", "<"), ("word", "-1")]),
        ("a=b", [("word", "a=b")]),
        ("a===b", [("word", "a"), ("==", "=="), ("word", "=b")]),
        ("a=<b", [("word", "a="), ("<", "<"), ("word", "b")]),
        ("!a!=b", [("word", "!a"), ("!=", "!="), ("word", "b")]),
        ("AND android", [("and", "AND"), ("word", "android")]),
        ("[x,y]", [("[", "["), ("word", "x"), (",", ","), ("word", "y"), ("]", "]")]),
        ("é\r", [("illegal", "é"), ("illegal", "\r")]),
        ("x/y:z@w#1-_.*$", [("word", "x/y:z@w#1-_.*$")]),
    ],
)
def test_a_text_is_cut_into_tokens(text: str, expected: list[tuple[str, str]]) -> None:
    assert tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (r"hello\ world", "hello world"),
        (r"\x", "x"),
        (r"\(\é\)", "(é)"),
        (r"a\==b", "a==b"),
        (r"a\\b", r"a\b"),
        ("a\\", "a\\"),
    ],
)
def test_d22_a_backslash_makes_any_character_ordinary(text: str, word: str) -> None:
    assert tokens(text) == [("word", word)]


def test_peeking_does_not_step() -> None:
    scanner = Scanner("a b")
    assert scanner.peek() == scanner.peek() == scanner.next() == Token("word", "a")
    assert scanner.next() == Token("word", "b")
    assert scanner.next() == scanner.next() == Token("end", "EOF")


def quoted(text: str, *, raw: bool = False) -> str:
    scanner = Scanner(text)
    return scanner.quoted(scanner.next().kind, raw=raw)


def test_quotes_hold_anything() -> None:
    assert quoted("\"a  (b) 'c' == \n é\"") == "a  (b) 'c' == \n é"
    assert quoted("''") == ""


def test_d22_inside_quotes_too() -> None:
    assert quoted(r'"a\"b\\c\.d"') == r'a"b\c.d'


def test_d22_raw_quotes_keep_backslashes() -> None:
    assert quoted(r'"\d+\"x\"\\"', raw=True) == r'\d+"x"\\'


@pytest.mark.parametrize(
    ("text", "rest"),
    [('"hello', "hello"), ("'hello\"", 'hello"'), ('"', ""), ('"x\\', "x\\"), ('"x\\"', 'x"')],
)
def test_a_missing_quote_is_an_error(text: str, rest: str) -> None:
    with pytest.raises(FilterError) as caught:
        quoted(text)
    assert str(caught.value) == f"missing quote after {rest}"


def argument(text: str) -> str:
    scanner = Scanner(text)
    scanner.next()
    return scanner.argument()


def test_arguments_are_trimmed() -> None:
    assert argument('( ""x y"" )') == "x y"
    assert argument(r"(\a\))") == "a)"
    assert argument("()") == ""


@pytest.mark.parametrize(("text", "found"), [("(x", "EOF"), ("(x(", "("), ("(", "EOF")])
def test_an_argument_ends_with_its_parenthesis(text: str, found: str) -> None:
    with pytest.raises(FilterError) as caught:
        argument(text)
    assert str(caught.value) == f"invalid value. found {found}"
