"""From tokens to a filter: recursive descent, one method per rule of the grammar.

::

    filter = term { ("and" | "or") term }
    term   = "(" filter ")" | key operator [ value ]
    value  = quoted | "[" [ value { "," value } ] "]" | "true" | "false" | number
           | "date(" text ")" | "now(" [ text ] ")" | word

There is no precedence: ``a and b or c`` is ``(a and b) or c``, ``a or b and c`` is
``(a or b) and c``.
"""

import re
from datetime import UTC, datetime
from typing import Any

from bahamut._kit.gotime import parse_duration, parse_rfc3339
from bahamut.elemental.filters.filter import (
    WITH_LISTS,
    WITHOUT_VALUE,
    Comparator,
    Duration,
    Filter,
    FilterError,
)
from bahamut.elemental.filters.scanner import Kind, Token, scan, unescaped, unescaped_pattern

MAX_DEPTH = 64
"""Levels of groups within groups, and of lists within lists."""
MAX_PARENTHESES = 3 * MAX_DEPTH
"""Open at once: a filter at the first limit prints with fewer."""
MAX_TERMS = 4096

_OPERATORS = "(==, !=, <, <=, >, >=, contains, in, matches, exists)"
_TOO_MUCH = "the filter is nested too deeply or has too many terms"
_END = "\0"
"""What two messages of the original print for the end of the text."""
_INTEGER = re.compile(r"-?[0-9]+")
_FLOAT = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]-?[0-9]+)?")
ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_LAYOUTS = ("%Y-%m-%d %H:%M", "%Y-%m-%d")


def parse(text: str, *, unsupported: tuple[Comparator | str, ...] = ()) -> Filter:
    """Return the filter that *text* states (Go: NewFilterParser).

    Raises:
        FilterError: it states none; the words are the original's where that refuses too.
    """
    return _Parser(text, frozenset(str(comparator) for comparator in unsupported)).parse()


class _Parser:
    def __init__(self, text: str, unsupported: frozenset[str]) -> None:
        self.text = text
        self.tokens = scan(text)
        self.at = 0
        self.terms = 0
        self.unsupported = unsupported

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def is_at(self, *kinds: Kind) -> bool:
        return self.tokens[self.at].kind in kinds

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def is_word(self, *words: str) -> bool:
        return self.token.kind is Kind.KEYWORD and self.token.text.lower() in words

    def parse(self) -> Filter:
        found = self.filter(0)
        if self.token.kind is not Kind.END:
            raise FilterError(f"missing opening parenthesis before {self.token.text}")
        return found

    def filter(self, depth: int) -> Filter:
        terms, word = [self.term(depth)], ""
        while self.is_word("and", "or"):
            following = self.take().text.lower()
            if word and following != word:
                terms = [_grouped(word, terms)]
            word = following
            terms.append(self.term(depth))
        return _grouped(word, terms)

    def term(self, depth: int) -> Filter:
        self.terms += 1
        if depth > MAX_PARENTHESES or self.terms > MAX_TERMS:
            raise FilterError(_TOO_MUCH)
        if not self.is_at(Kind.OPEN):
            return self.comparison()
        self.take()
        inner = self.filter(depth + 1)
        if not self.is_at(Kind.CLOSE):
            raise FilterError(f"missing closing parenthesis after {inner}")
        self.take()
        self.check_end(inner)
        return inner

    def comparison(self) -> Filter:
        key = self.key()
        comparator = self.comparator()
        found = Filter().with_key(key)
        if comparator in WITHOUT_VALUE:
            found._compare(comparator, comparator is Comparator.EXISTS)
        else:
            value = self.value(0, raw=comparator is Comparator.MATCHES)
            values = value if comparator in WITH_LISTS and isinstance(value, list) else [value]
            found._compare(comparator, *values)
        self.check_end(found)
        return found

    def check_end(self, found: Filter) -> None:
        """Refuse what cannot follow a term."""
        token = self.token
        if token.kind in (Kind.END, Kind.CLOSE) or self.is_word("and", "or"):
            return
        text = token.quote if token.kind in (Kind.QUOTED, Kind.UNTERMINATED) else token.text
        raise FilterError(f"invalid keyword after {found}. found {text}")

    def key(self) -> str:
        token = self.token
        if token.kind is Kind.UNTERMINATED:
            raise FilterError(f"missing quote after {token.text}")
        if token.kind in (Kind.WORD, Kind.QUOTED):
            key = unescaped(token.text)
        else:
            text = _END if token.kind is Kind.END else token.text
            raise FilterError(f"invalid start of expression. found {text}")
        if key.startswith("$"):
            raise FilterError(f"could not start a parameter with $. Found {key}")
        self.take()
        return key

    def comparator(self) -> Comparator:
        token = self.take()
        word = token.text.lower() if token.kind is Kind.KEYWORD else token.text
        if token.kind is Kind.KEYWORD and word == "not":
            following = self.take()
            word = following.text.lower()
            if word == "matches":
                raise FilterError(f"invalid usage of operator NOT before {following.text}")
            if following.kind is not Kind.KEYWORD or word not in ("contains", "in", "exists"):
                raise _bad_operator(following)
            word = f"not {word}"
        elif token.kind is not Kind.OPERATOR and word not in (
            "contains",
            "in",
            "matches",
            "exists",
        ):
            raise _bad_operator(token)
        if word in self.unsupported:
            raise FilterError(f"unsupported comparator: {word.upper()}")
        return Comparator(word)

    def value(self, depth: int, *, raw: bool = False) -> Any:
        token = self.take()
        if token.kind is Kind.QUOTED:
            if raw:
                return unescaped_pattern(token.text, token.quote)
            return unescaped(token.text)
        if token.kind is Kind.UNTERMINATED:
            raise FilterError(f"missing quote after {token.text}")
        if token.kind is Kind.OPEN_LIST:
            return self.list(depth + 1, raw=raw)
        if token.kind is Kind.KEYWORD and token.text.lower() in ("true", "false"):
            self.check_value(token)
            return token.text.lower() == "true"
        if token.kind is not Kind.WORD:
            raise FilterError(f"invalid value. found {token.text}")
        if token.text in ("date", "now"):
            return self.moment(token.text)
        self.check_value(token)
        return _word_value(token.text)

    def check_value(self, token: Token) -> None:
        """Refuse what cannot follow a value that is not quoted."""
        following = self.token
        if following.kind is Kind.UNTERMINATED and not following.text:
            raise FilterError(f"missing quote before the value: {token.text}")
        is_text = token.kind is Kind.WORD and isinstance(_word_value(token.text), str)
        if is_text and following.kind is Kind.WORD:
            text = unescaped(f"{token.text} {following.text}")
            raise FilterError(f"missing parentheses to protect value: {text}")

    def list(self, depth: int, *, raw: bool) -> list[Any]:
        if depth > MAX_DEPTH:
            raise FilterError(_TOO_MUCH)
        found: list[Any] = []
        while self.token.kind is not Kind.CLOSE_LIST:
            if found:
                if self.token.kind is not Kind.COMMA:
                    raise self.bad_list()
                self.take()
            if self.token.kind in (Kind.END, Kind.COMMA, Kind.CLOSE_LIST, Kind.OPEN, Kind.CLOSE):
                raise self.bad_list()
            found.append(self.value(depth, raw=raw))
        self.take()
        return found

    def bad_list(self) -> FilterError:
        text = _END if self.token.kind is Kind.END else self.token.text
        return FilterError(f"invalid end of array. found {text}")

    def moment(self, word: str) -> Any:
        """Read what follows ``date`` or ``now``: a text in parentheses."""
        if not self.is_at(Kind.OPEN):
            raise FilterError(f"invalid value. found {word}")
        start = self.take().end
        while not self.is_at(Kind.CLOSE, Kind.END):
            self.take()
        if self.is_at(Kind.END):
            raise FilterError(f"missing closing parenthesis after {word}")
        text = self.text[start : self.take().start].strip().strip('"').strip()
        return _date(text) if word == "date" else _now(text)


def _bad_operator(token: Token) -> FilterError:
    text = token.quote or token.text
    return FilterError(f"invalid operator. found {text} instead of {_OPERATORS}")


def _grouped(word: str, terms: list[Filter]) -> Filter:
    if len(terms) == 1:
        return terms[0]
    found = Filter().and_(*terms) if word == "and" else Filter().or_(*terms)
    if found.depth > MAX_DEPTH:
        raise FilterError(_TOO_MUCH)
    return found


def _word_value(word: str) -> Any:
    if _INTEGER.fullmatch(word) and len(word) <= 20:
        number = int(word)
        if -(1 << 63) <= number < 1 << 63:
            return number
    if _FLOAT.fullmatch(word):
        decimal = float(word)
        if decimal not in (float("inf"), float("-inf")):
            return decimal
    return unescaped(word)


def _date(text: str) -> datetime:
    try:
        return parse_rfc3339(text) or ZERO_TIME
    except ValueError:
        pass
    for layout in _LAYOUTS:
        try:
            when = datetime.strptime(text, layout).replace(tzinfo=UTC)
        except ValueError:
            continue
        if re.fullmatch(r"\d{4}-\d\d-\d\d(?: \d\d:\d\d)?", text):
            return when
    raise FilterError(f"unable to parse date format {text}")


def _now(text: str) -> Duration:
    if not text:
        return Duration(0)
    try:
        return Duration(parse_duration(text))
    except ValueError as error:
        raise FilterError(f"unable to parse duration {text}: {error}") from None
