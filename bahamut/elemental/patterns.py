"""Regular expressions that match in linear time, whoever wrote them: RE2's (decision X31)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

MEMORY = 1 << 20
"""Bytes that one compiled pattern may take."""


@cache
def _re2() -> Any:
    """Return RE2, which takes 2.4 MB and which many a server never asks."""
    import re2

    return re2


def compile_pattern(pattern: str, memory: int = MEMORY) -> Any:
    """Compile a pattern.

    Args:
        pattern: in the syntax of RE2; its groups capture nothing, which would be slow.
        memory: bytes that the compiled pattern may take.

    Raises:
        ValueError: it is not a pattern of RE2, or too large.
    """
    try:
        return _re2().compile(pattern, _options(memory))
    except (_re2().error, UnicodeEncodeError) as error:
        raise ValueError(f"invalid pattern '{pattern}': {error}") from None


@lru_cache(maxsize=1024)
def _set_of(pattern: str) -> Any:
    """Return a set of this one pattern: it finds no positions, and is twice as fast for that."""
    compiled(pattern)
    found = _re2().Set.SearchSet(_options())
    found.Add(pattern)
    found.Compile()
    return found


def _options(memory: int = MEMORY) -> Any:
    options = _re2().Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = memory
    return options


compiled = lru_cache(maxsize=1024)(compile_pattern)
"""The same, kept: for the patterns of models, of which there are as many as somebody specified."""


@lru_cache(maxsize=32)
def compiled_within(memory: int, pattern: str) -> Any:
    """The same for patterns of clients: few are kept, apart from those that models need."""
    return compile_pattern(pattern, memory)


def is_match(pattern: str, text: str) -> bool:
    """Tell whether *pattern* is found anywhere in *text*; a text that is no UTF-8 never matches.

    Raises:
        ValueError: the pattern is none.
    """
    try:
        data = text.encode()
        # A set that is short of memory says that nothing matches: only its yes is believed.
        return bool(_set_of(pattern).Match(data)) or compiled(pattern).search(data) is not None
    except UnicodeEncodeError:
        return False


_ONE_CLASS = re.compile(
    r"""
    \^ (\[ -? (?: [A-Za-z0-9]-[A-Za-z0-9] | [^\[\]\\^&~|-] )+ -? \]) [+*] \$
    """,
    re.VERBOSE,
)
"""A pattern of one class of characters, in which Python and RE2 read the same."""
_ASCII = bytes(range(128)).decode()


def characters_of(pattern: str) -> str:
    """Return the ASCII characters of which any text is one that *pattern* matches.

    Most patterns of models only say which characters there may be, and to look at those costs a
    tenth of asking RE2. What holds others has to be asked about still; so has the empty text.

    Returns:
        The empty text for a pattern that says anything else.
    """
    found = _ONE_CLASS.fullmatch(pattern)
    try:
        return "".join(re.findall(found[1], _ASCII)) if found else ""
    except re.error:  # RE2 says so too, where texts are matched
        return ""
