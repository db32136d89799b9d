"""Which answers are compressed, and how."""

from __future__ import annotations

import functools
import os
import zlib
from collections.abc import Callable
from typing import Any

from bahamut._kit.workers import Workers

MINIMUM = 1400
"""Bytes below which compressing is not worth it; the original's figure."""
IN_EXECUTOR = 256 * 1024
"""Bytes from which it is done in a thread."""
_WORKERS = Workers("bahamut gzip", maximum=min(4, os.cpu_count() or 1), waiting=64)
"""Threads of their own: no processor may keep answers waiting."""
_GZIP = 31
"""The window that makes zlib write gzip."""


def is_accepted(header: str) -> bool:
    """Tell whether an ``Accept-Encoding`` names gzip with a quality above zero."""
    for item in header.split(","):
        coding, *parameters = item.split(";")
        if coding.strip().lower() != "gzip":
            continue
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "q":
                try:
                    quality = float(value.strip())
                except ValueError:
                    quality = 0.0
        return quality > 0
    return False


@functools.cache
def _fastest() -> Any:
    """Return the fastest library there is, imported when first asked for."""
    try:
        from isal import isal_zlib
    except ImportError:  # the extra "speed" brings it
        return zlib
    return isal_zlib


def gzip(data: bytes) -> bytes:
    """Return *data* compressed, fast rather than small."""
    compressor = _fastest().compressobj(1, zlib.DEFLATED, _GZIP)
    packed: bytes = compressor.compress(data) + compressor.flush()
    return packed


async def compressed(data: bytes, compress: Callable[[bytes], bytes] = gzip) -> bytes:
    """Return *data* compressed; large ones in a thread.

    Raises:
        BusyError: too many answers wait to be compressed.
    """
    if len(data) < IN_EXECUTOR:
        return compress(data)
    return await _WORKERS.run(compress, data)
