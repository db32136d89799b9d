"""From the text of a filter to tokens."""

import re
from dataclasses import dataclass
from enum import Enum

from bahamut.elemental.filters.filter import KEYWORDS, WORD, FilterError

MAX_LENGTH = 64 * 1024
"""Characters of a filter."""


class Kind(Enum):
    """What a token is."""

    WORD = "word"
    KEYWORD = "keyword"
    QUOTED = "quoted"
    UNTERMINATED = "unterminated"
    OPERATOR = "operator"
    OPEN = "("
    CLOSE = ")"
    OPEN_LIST = "["
    CLOSE_LIST = "]"
    COMMA = ","
    ILLEGAL = "illegal"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter."""

    kind: Kind
    text: str
    """As written; of what is quoted, what stands between the quotes."""
    quote: str = ""
    start: int = 0
    end: int = 0


_SPACE = " \t\n"
_SYMBOLS = {
    k.value: k for k in (Kind.OPEN, Kind.CLOSE, Kind.OPEN_LIST, Kind.CLOSE_LIST, Kind.COMMA)
}
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
# A word: its characters, escaped characters, and the `=` and `!` that are no operator.
_WORD = re.compile(rf"(?:[{WORD}]|\\.|=(?!=)|!(?!=))+", re.DOTALL)


def scan(text: str) -> list[Token]:
    """Return the tokens of *text*; the last one is its end.

    Raises:
        FilterError: *text* is too long or holds a NUL.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter must not be longer than {MAX_LENGTH} characters")
    if "\0" in text:
        raise FilterError("a filter must not contain a NUL character")
    tokens, at = [], 0
    while at < len(text):
        if text[at] in _SPACE:
            at += 1
            continue
        token = _token(text, at)
        tokens.append(token)
        at = token.end
    return [*tokens, Token(Kind.END, "EOF", "", at, at)]


def _token(text: str, at: int) -> Token:
    character = text[at]
    if character in "\"'":
        return _quoted(text, at)
    if character in _SYMBOLS:
        return Token(_SYMBOLS[character], character, "", at, at + 1)
    operator = _OPERATOR.match(text, at)
    if operator is not None:
        return Token(Kind.OPERATOR, operator[0], "", at, operator.end())
    word = _WORD.match(text, at)
    if word is None:
        return Token(Kind.ILLEGAL, character, "", at, at + 1)
    kind = Kind.KEYWORD if word[0].lower() in KEYWORDS else Kind.WORD
    return Token(kind, word[0], "", at, word.end())


def _quoted(text: str, at: int) -> Token:
    quote, end = text[at], at + 1
    while end < len(text) and text[end] != quote:
        end += 2 if text[end] == "\\" and end + 1 < len(text) else 1
    if end >= len(text):
        return Token(Kind.UNTERMINATED, text[at + 1 :], quote, at, len(text))
    return Token(Kind.QUOTED, text[at + 1 : end], quote, at, end + 1)


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def unescaped(text: str) -> str:
    r"""Return *text* with ``\x`` for ``x``, whatever ``x`` is."""
    return _ESCAPE.sub(r"\1", text) if "\\" in text else text


def unescaped_pattern(text: str, quote: str) -> str:
    """Return a quoted value of ``matches``: a backslash stands for itself but before the quote."""
    return text.replace(f"\\{quote}", quote)
