"""Identifiers of 24 hexadecimal digits, as document stores make them."""

import itertools
import os
import time
from collections.abc import Callable

_PROCESS = os.urandom(5).hex()
_COUNTER = itertools.count(int.from_bytes(os.urandom(3), "big"))


def object_id(clock: Callable[[], float] = time.time) -> str:
    """Return a new identifier: seconds, a random number of this process, a counter."""
    return f"{int(clock()) & 0xFFFFFFFF:08x}{_PROCESS}{next(_COUNTER) & 0xFFFFFF:06x}"
