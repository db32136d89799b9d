"""What topics may look like, and which pattern wants which: the rules of NATS (decision X45)."""

from __future__ import annotations

import functools
import re

MAX_TOPIC = 2048
"""Bytes; a server of NATS hangs up when the line that names the topic exceeds 4096."""
INVALID = "nats: invalid subject"

# What would end the word that the protocol expects, or cannot be written.
_FORBIDDEN = re.compile("[\x00-\x20\x7f\ud800-\udfff]")


@functools.lru_cache(1024)
def check_topic(topic: str) -> None:
    """Refuse what nothing can be published on: the name must be complete.

    Raises:
        ValueError: *topic* is empty, too long, has an empty token, a wildcard or a blank.
    """
    if "*" in topic or ">" in topic:
        raise ValueError(INVALID)
    _check(topic)


def check_pattern(pattern: str) -> None:
    """Refuse what nobody can subscribe to: ``*`` and ``>`` stand for tokens, ``>`` comes last.

    Raises:
        ValueError: *pattern* is no such thing.
    """
    _check(pattern)
    *before, last = pattern.split(".")
    if ">" in "".join(before) or (">" in last and last != ">"):
        raise ValueError(INVALID)
    if any("*" in word and word != "*" for word in (*before, last)):
        raise ValueError(INVALID)


def check_group(name: str) -> None:
    """Refuse what cannot be the name of a queue group.

    Raises:
        ValueError: *name* is empty, too long or holds a blank.
    """
    if not name or _FORBIDDEN.search(name) or len(name.encode()) > MAX_TOPIC:
        raise ValueError("nats: invalid queue name")


def _check(topic: str) -> None:
    is_odd = not topic or _FORBIDDEN.search(topic) or "" in topic.split(".")
    if is_odd or len(topic.encode()) > MAX_TOPIC:
        raise ValueError(INVALID)


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a subscription to *pattern* wants what is published on *topic*."""
    if pattern == topic:
        return True
    if "*" not in pattern and ">" not in pattern:
        return False
    wanted, tokens = pattern.split("."), topic.split(".")
    if wanted[-1] == ">":
        wanted.pop()
        if len(tokens) <= len(wanted):
            return False
    elif len(tokens) != len(wanted):
        return False
    return all(want in ("*", token) for want, token in zip(wanted, tokens, strict=False))
