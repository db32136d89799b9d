"""Loggers whose lines clients can neither forge nor flood.

Most of what is logged quotes clients: targets, headers, identifiers, error descriptions. Unescaped,
a line break would start a forged line, and an escape code would reach the reader's terminal.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

MAX_TEXT = 8192
"""Characters of one value that are logged; a request target may have 64 KiB."""
MAX_LINE = 300
"""Characters of a line of a `LimitedLog`."""
WINDOW = 1.0
"""Seconds in which a `LimitedLog` writes at most one line."""
_TRACE_MARK = "  | "
_FORMATTER = logging.Formatter()
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 9}


def shortened(text: str, most: int) -> str:
    """Return *text*, cut after *most* characters with an ellipsis."""
    return f"{text[:most]}..." if len(text) > most else text


def printable(value: object, most: int = MAX_TEXT) -> str:
    """Return the text of *value* on one line, in printable ASCII, cut after *most* characters.

    Backslashes, control characters and characters beyond ASCII are escaped as in Python literals.
    """
    text = shortened(str(value), most)
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii").replace("\x7f", "\\x7f")


def get_logger(name: str) -> logging.Logger:
    """Return the logger of that name, which makes arguments and traces printable."""
    return escaping(logging.getLogger(name))


def escaping(logger: logging.Logger) -> logging.Logger:
    """Let *logger* make arguments and traces printable, and return it."""
    logger.addFilter(_escape)  # a second time changes nothing
    return logger


def _escape(record: logging.LogRecord) -> bool:
    """Escape the arguments of a record, and mark each line of its trace."""
    if isinstance(record.args, tuple):
        record.args = tuple(map(_escaped, record.args))
    if record.exc_info and not record.exc_text:
        record.exc_text = _marked(_FORMATTER.formatException(record.exc_info))
    return True


def _escaped(argument: Any) -> Any:
    return argument if isinstance(argument, int | float) else printable(argument)


def _marked(trace: str) -> str:
    """Return a trace whose lines cannot pass for records: the exception's text may hold any."""
    lines = (line.translate(_CONTROLS) for line in trace.splitlines())
    return "\n".join(_TRACE_MARK + line for line in lines)


class LimitedLog:
    """Writes at most one line per second; the others are counted, and the count is logged.

    Args:
        log: from `get_logger`.
        what: what the lines are about, for the line with the count.
        level: of the lines.
    """

    __slots__ = ("_held", "_level", "_log", "_until", "_what")

    def __init__(self, log: logging.Logger, what: str, level: int = logging.ERROR) -> None:
        self._level = level
        self._log = log
        self._what = what
        self._held = 0
        self._until = 0.0
        """When the next line may be written, by `time.monotonic`."""

    def write(self, text: str, *args: Any, exc_info: Any = None) -> None:
        """Log a line, or only count it if a line was written less than a second ago."""
        if time.monotonic() < self._until:
            self._held += 1
            return
        self._tell()  # if no event loop did, or another than this one
        self._log.log(self._level, "%s", shortened(text % args, MAX_LINE), exc_info=exc_info)
        self._open()

    def _open(self) -> None:
        self._until = time.monotonic() + WINDOW
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # in a worker thread: the next line tells how many were held back
            return
        loop.call_later(WINDOW, self._close)

    def _close(self) -> None:
        if self._held:
            self._tell()
            self._open()

    def _tell(self) -> None:
        if self._held:
            self._log.log(self._level, "%s: %d more within a second", self._what, self._held)
            self._held = 0
