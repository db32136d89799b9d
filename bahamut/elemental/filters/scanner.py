"""The text of a filter cut into tokens, one at a time and on demand.

What a character means depends on where it stands: inside quotes, and in the argument of ``date``
and ``now``, there are no tokens. The parser knows where it is and asks for the right thing.
"""

import re
from typing import NamedTuple

from bahamut.elemental.filters.filter import KEYWORDS, WORD, FilterError

_QUOTED = 1_000
QUOTES = frozenset(('"', "'"))


def shortened(text: str) -> str:
    """Return a text as errors quote it."""
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}..."


class Token(NamedTuple):
    """A piece of the text."""

    kind: str
    """``word``, ``illegal``, ``end``; the word itself, lower case, for a keyword; the sign
    itself for a comparator, a bracket, a comma or a quote."""
    text: str
    """As it is written, escapes resolved; ``EOF`` for the end."""


_TOKEN = re.compile(
    rf"""[ \t\n]*(?:
        (?P<word>{WORD.pattern})
      | (?P<sign>==|!=|<=|>=|[<>()\[\],"'])
      | (?P<end>\Z)
      | (?P<illegal>.)
    )""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UP_TO = {
    mark: re.compile(rf"[^\\{stops}]*(?:\\.[^\\{stops}]*)*", re.DOTALL)
    for mark, stops in (('"', '"'), ("'", "'"), (")", "()"))
}


_ITEM = re.compile(
    r"""[ \t\n]*(?:"([^"\\]*)"|'([^'\\]*)'|([A-Za-z0-9@:$#./*_-]+))(?=[ \t\n]*[,\]])"""
)
_COMPARISON = re.compile(
    r"""[ \t\n]*([A-Za-z0-9@:#./*_-][A-Za-z0-9@:$#./*_-]*)[ \t\n]*(==|!=|<=|>=|<|>)[ \t\n]*"""
    r"""(?:"([^"\\]*)"|'([^'\\]*)'|([A-Za-z0-9@:$#./*_-]+))"""
    r"""(?=[ \t\n]*(?:\)|\Z)|[ \t\n]+(?:and|or)[ \t\n(])"""
)
_NOT_ITEMS = KEYWORDS | {"date", "now"}


class Scanner:
    """Reads a text from left to right, with one token of foresight."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.position = 0
        """How far the text has been read."""
        self._peeked: Token | None = None
        self._before = 0

    def peek(self) -> Token:
        """Return the next token and leave it there."""
        if self._peeked is None:
            self._peeked = self._scan()
        return self._peeked

    def next(self) -> Token:
        """Return the next token and step over it."""
        token = self.peek()
        self._peeked = None
        return token

    def _scan(self) -> Token:
        self._before = self.position
        found = _TOKEN.match(self._text, self.position)
        if found is None or found["end"] is not None:
            return Token("end", "EOF")
        self.position = found.end()
        if (word := found["word"]) is None:
            sign = found["sign"]
            return Token("illegal", found["illegal"]) if sign is None else Token(sign, sign)
        if "\\" in word:
            word = _ESCAPE.sub(r"\1", word)
        keyword = word.lower()
        return Token(keyword if keyword in KEYWORDS else "word", word)

    def comparison(self) -> tuple[str, str, bool, str] | None:
        """Step over a simple comparison; return key, comparator, whether quoted, and value.

        It saves most of the time that filters of thousands of comparisons take to read.

        Returns:
            None if anything else stands there; then nothing has been read.
        """
        start = self.position if self._peeked is None else self._before
        found = _COMPARISON.match(self._text, start)
        if found is None or found[1].lower() in KEYWORDS:
            return None
        word = found[5]
        if word is not None and word.lower() in _NOT_ITEMS:
            return None
        self._peeked = None
        self.position = found.end()
        return found[1], found[2], word is None, found[found.lastindex or 0]

    def item(self) -> tuple[bool, str] | None:
        """Step over a simple element of a list; tell whether it is quoted, and what it says.

        It saves two tokens for each value of a long list.

        Returns:
            None if anything else stands there; then nothing has been read.
        """
        found = _ITEM.match(self._text, self.position)
        if found is None:
            return None
        word = found[3]
        if word is not None and word.lower() in _NOT_ITEMS:
            return None
        self.position = found.end()
        return word is None, found[found.lastindex or 0]

    def quoted(self, quote: str, *, raw: bool = False) -> str:
        """Return what stands up to the closing *quote*, the opening one having been read.

        Args:
            quote: the mark.
            raw: whether backslashes stay, but the one before the mark itself.

        Raises:
            FilterError: the closing quote is missing.
        """
        content = self._up_to(quote)
        unescaped = content.replace("\\" + quote, quote) if raw else _ESCAPE.sub(r"\1", content)
        if self._text[self.position : self.position + 1] != quote:
            raise FilterError(f"missing quote after {shortened(unescaped)}")
        self.position += 1
        return unescaped

    def argument(self) -> str:
        """Return what stands up to the closing parenthesis, the opening one having been read.

        Raises:
            FilterError: it is missing, or another one opens before it.
        """
        content = self._up_to(")")
        found = self._text[self.position : self.position + 1] or "EOF"
        if found != ")":
            raise FilterError(f"invalid value. found {found}")
        self.position += 1
        return _ESCAPE.sub(r"\1", content).strip(' "')

    def _up_to(self, mark: str) -> str:
        found = _UP_TO[mark].match(self._text, self.position)
        content = found[0] if found else ""
        self.position += len(content)
        if self.position + 1 == len(self._text) and self._text[-1] == "\\":
            self.position += 1  # nothing behind it: it stands for itself
            content += "\\"
        return content
