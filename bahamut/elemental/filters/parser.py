r"""From the text of a filter to the filter, by recursive descent: one method for each rule.

::

    filter = term { ( "and" | "or" ) term }
    term   = "(" filter ")" | key operator [ value ]
    key    = word | quoted
    value  = quoted | list | "true" | "false" | number | date | now | word
    list   = "[" [ value { "," value } ] "]"
    date   = "date" "(" time ")"
    now    = "now" "(" [ duration ] ")"

There is no precedence: ``a or b and c`` means ``(a or b) and c``. A backslash makes any character
an ordinary one; inside the quotes of a value of ``matches`` it stays, except before the quote.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bahamut._kit.gotime import parse_duration, parse_rfc3339
from bahamut.elemental.filters.cost import MAX_COMPARISONS, MAX_VALUES, FilterCostError
from bahamut.elemental.filters.filter import (
    MAX_DEPTH,
    WITH_LISTS,
    WITHOUT_VALUE,
    Comparator,
    Comparison,
    Duration,
    Filter,
    FilterError,
    too_deep,
)
from bahamut.elemental.filters.scanner import QUOTES, Scanner, Token, shortened

MAX_LENGTH = 64 * 1024
"""The longest text of a filter, in characters."""

# A group is written with two pairs of parentheses; around lists in lists stands one that is not
# a value, as in ``in [[1]]``.
_MAX_PARENTHESES = 2 * MAX_DEPTH
_MAX_BRACKETS = MAX_DEPTH + 1

# No two neighbours can match the same digits: a word of any length is judged in one pass.
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"(-?)0*([0-9]{1,19})")
_DATE = re.compile(
    r"(?P<day>[0-9-]{10})"
    r"(?:T(?P<hour>[0-9]{1,2})(?P<rest>:[0-9:]{5})(?:[.,](?P<fraction>[0-9]+))?(?P<zone>[Z0-9:+-]+)"
    r"|[ ](?P<minute>[0-9]{1,2}:[0-9]{2}))?"
)
_QUOTED_VALUES = 200
_CALL = 4  # times and spans take so much longer to read than other values
_MAX_ARGUMENT = 1_000
_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
_NEGATABLE = frozenset(("contains", "in", "exists"))
_CONJUNCTIONS = frozenset(("and", "or"))
_ENDS_TERM = frozenset(("and", "or", ")", "end"))
_OPERATORS = frozenset(c.value for c in Comparator if not c.startswith("not "))
_COMPARATORS = {c.value: c for c in Comparator}
_OPERATOR_NAMES = "(==, !=, <, <=, >, >=, contains, in, matches, exists)"


def parse(text: str, *, unsupported: Iterable[str] = ()) -> Filter:
    """Return the filter that *text* describes (Go: NewFilterFromString, NewFilterParser).

    Args:
        text: for instance ``name == "x" and size in [1, 2]``.
        unsupported: comparators to refuse (Go: OptUnsupportedComparators).

    Raises:
        FilterError: *text* is no filter, is longer than `MAX_LENGTH` or nested too deeply, or
            uses a refused comparator.
        FilterCostError: it holds more values or comparisons than a filter may.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"filter is too long. at most {MAX_LENGTH} characters are allowed")
    if "\0" in text:
        raise FilterError("invalid character. found NUL")
    scanner = Scanner(text)
    try:
        return _Parser(scanner, frozenset(map(Comparator, unsupported))).parse()
    except FilterError as error:
        error.position = scanner.position
        raise


class _Parser:
    def __init__(self, scanner: Scanner, unsupported: frozenset[Comparator]) -> None:
        self._scanner = scanner
        self._unsupported = unsupported
        self._parentheses = 0
        self._brackets = 0
        self._values = 0
        self._comparisons = 0

    def parse(self) -> Filter:
        found = self._filter()
        if self._scanner.next().kind == ")":
            raise FilterError("missing opening parenthesis. found )")
        return found

    def _filter(self) -> Filter:
        # Filters under one conjunction gather in a row; when it changes, the row becomes one.
        row = [self._term()]
        conjunction = ""
        while (token := self._scanner.peek()).kind in _CONJUNCTIONS:
            self._scanner.next()
            if self._scanner.peek().kind in (")", "end"):
                raise FilterError(f"missing expression after {token.text}")
            if conjunction not in ("", token.kind):
                row = [_joined(row, conjunction)]
            conjunction = token.kind
            row.append(self._term())
        if token.kind not in (")", "end"):
            raise FilterError(f"missing conjunction before {_text(token)}")
        return _joined(row, conjunction)

    def _term(self) -> Filter:
        if not self._unsupported and (simple := self._scanner.comparison()) is not None:
            key, comparator, is_quoted, text = simple
            self._count_comparison()
            self._count()
            slot = Comparison(key, _COMPARATORS[comparator], (_simple_value(text, is_quoted),))
            return Filter((slot,))
        token = self._scanner.next()
        if token.kind == "(":
            return self._parenthesised()
        if token.kind == "word":
            return self._comparison(token.text)
        if token.kind in QUOTES:
            return self._comparison(self._scanner.quoted(token.kind))
        raise FilterError(f"invalid start of expression. found {_or_nul(token)}")

    def _parenthesised(self) -> Filter:
        self._count()
        self._parentheses += 1
        if self._parentheses > _MAX_PARENTHESES:
            raise too_deep()
        found = self._filter()
        if self._scanner.next().kind != ")":
            raise FilterError("missing closing parenthesis. found EOF")
        self._parentheses -= 1
        return found

    def _comparison(self, key: str) -> Filter:
        self._count_comparison()
        composer = Filter().with_key(key)
        comparator = self._comparator()
        if comparator in self._unsupported:
            raise FilterError(f"unsupported comparator: {comparator.upper()}")
        values: Any = ()
        if comparator not in WITHOUT_VALUE:
            values = self._value(raw=comparator is Comparator.MATCHES)
            if comparator not in WITH_LISTS or not isinstance(values, list):
                values = [values]
        found = composer.compare(comparator, values)
        token = self._scanner.peek()
        if token.kind not in _ENDS_TERM:
            raise FilterError(f"invalid keyword after {_beginning(found)}. found {_text(token)}")
        return found

    def _comparator(self) -> Comparator:
        token = self._scanner.next()
        is_negated = token.kind == "not"
        if is_negated:
            token = self._scanner.next()
        if token.kind not in _OPERATORS:
            message = f"invalid operator. found {_text(token)} instead of {_OPERATOR_NAMES}"
            raise FilterError(message)
        if is_negated and token.kind not in _NEGATABLE:
            raise FilterError(f"invalid usage of operator NOT before {_text(token)}")
        return Comparator(f"not {token.kind}" if is_negated else token.kind)

    def _value(self, *, raw: bool) -> Any:
        self._count()
        token = self._scanner.next()
        match token.kind:
            case '"' | "'":
                return self._scanner.quoted(token.kind, raw=raw)
            case "[":
                return self._list(raw=raw)
            case "true" | "false":
                return token.kind == "true"
            case "word":
                return self._word(token.text)
        raise FilterError(f"invalid value. found {_text(token)}")

    def _count_comparison(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise FilterCostError(f"more than {MAX_COMPARISONS} comparisons")

    def _count(self, values: int = 1) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise FilterCostError(f"more than {MAX_VALUES} values and parentheses")

    def _list(self, *, raw: bool) -> list[Any]:
        self._brackets += 1
        if self._brackets > _MAX_BRACKETS:
            raise too_deep()
        values: list[Any] = []
        wants_value = not self._items(values)
        while (token := self._scanner.peek()).kind != "]" or (values and wants_value):
            if token.kind in ("(", ")", "end"):
                raise FilterError(f"invalid end of array. found {_or_nul(token)}")
            if token.kind == "," and not wants_value:
                self._scanner.next()
                wants_value = not self._items(values)
                continue
            values.append(self._value(raw=raw))
            if not wants_value:
                raise FilterError(f"missing comma before {_text(token)}")
            wants_value = False
        self._scanner.next()
        self._brackets -= 1
        return values

    def _items(self, values: list[Any]) -> bool:
        """Add the simple element that comes next, and tell whether there was one."""
        item = self._scanner.item()
        if item is None:
            return False
        self._count()
        is_quoted, text = item
        values.append(_simple_value(text, is_quoted))
        return True

    def _word(self, word: str) -> Any:
        if _NUMBER.fullmatch(word):
            return _number(word)
        following = self._scanner.peek()
        if word in ("date", "now"):
            return self._call(word, following)
        if following.kind == "word":
            words = f"{shortened(word)} {_text(following)}"
            raise FilterError(f"missing parentheses to protect value: {words}")
        if following.kind in QUOTES:
            raise FilterError(f"missing quote before the value: {shortened(word)}")
        return word

    def _call(self, word: str, following: Token) -> datetime | Duration:
        if following.kind != "(":
            raise FilterError(f"invalid value. found {_text(following)}")
        self._scanner.next()
        argument = self._scanner.argument()
        self._count(_CALL)
        if len(argument) > _MAX_ARGUMENT:
            raise FilterCostError(f"invalid value. found {shortened(argument)}")
        return _date(argument) if word == "date" else _now(argument)


def _joined(row: list[Filter], conjunction: str) -> Filter:
    if len(row) == 1:
        return row[0]
    return Filter().or_(*row) if conjunction == "or" else Filter().and_(*row)


def _or_nul(token: Token) -> str:
    # Two of the original's messages name the end of the text so, and clients may compare them.
    return "\0" if token.kind == "end" else _text(token)


def _text(token: Token) -> str:
    return shortened(token.text)


def _beginning(found: Filter) -> str:
    """Return the text of a comparison as errors quote it."""
    slot = next(found.comparisons())
    return shortened(str(replace(slot, values=slot.values[:_QUOTED_VALUES])))


def _simple_value(text: str, is_quoted: bool) -> int | float | str:  # noqa: FBT001
    return _number(text) if not is_quoted and _NUMBER.fullmatch(text) else text


def _number(word: str) -> int | float | str:
    """Return an integer of 64 bits, else a float, else the word: it is out of every range."""
    found = _INTEGER.fullmatch(word)
    if found and -(2**63) <= (integer := int(found[1] + found[2])) < 2**63:
        return integer
    number = float(word)
    return word if number in (float("inf"), float("-inf")) else number


def _date(text: str) -> datetime:
    try:
        return parse_rfc3339(_completed(text)) or _ZERO_TIME
    except ValueError as error:
        raise FilterError(f"unable to parse date format {shortened(text)}") from error


def _completed(text: str) -> str:
    """Return a day, a day and a minute in UTC, or a time whose hour has one digit as RFC 3339."""
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    day, hour, rest, fraction, zone, minute = found.groups()
    if hour is None:
        return f"{day}T{minute or '00:00':0>5}:00Z"
    return f"{day}T{hour:0>2}{rest}{f'.{fraction}' if fraction else ''}{zone}"


def _now(text: str) -> Duration:
    try:
        return Duration(parse_duration(text) if text else 0)
    except ValueError as error:
        wrong = f"unable to parse duration {shortened(text)}: {shortened(str(error))}"
        raise FilterError(wrong) from error
