"""Loggers whose lines no client can forge.

Most of what is logged quotes clients: targets, headers, identifiers, descriptions of errors. A line
break in there would begin a line of its own, an escape code would reach the terminal of the reader.
"""

import logging
from typing import Any

MAX_TEXT = 8192
"""Characters of one value that are logged; a request target may have 64 KiB."""
_TRACE_MARK = "  | "
_FORMATTER = logging.Formatter()


def printable(value: object, most: int = MAX_TEXT) -> str:
    """Return the text of *value* on one line, in printable ASCII.

    Backslashes, control characters and whatever lies beyond ASCII are escaped as Python does. What
    exceeds *most* characters is cut, and an ellipsis says so.
    """
    text = str(value)
    if len(text) > most:
        text = text[:most] + "..."
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return text.encode("unicode_escape").decode("ascii").replace("\x7f", "\\x7f")


def get_logger(name: str) -> logging.Logger:
    """Return the logger of that name; all that is logged through it is made printable first."""
    found = logging.getLogger(name)
    found.addFilter(_escape)
    return found


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
    """Return a trace whose lines cannot be taken for records: the exception's text may have any."""
    lines = (line.translate(_CONTROLS) for line in trace.splitlines())
    return "\n".join(_TRACE_MARK + line for line in lines)


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 9}
