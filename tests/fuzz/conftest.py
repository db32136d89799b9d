"""How long to search, and what took longest.

By hand the search is random: `BAHAMUT_FUZZ_EXAMPLES` examples of each property, or, with
`BAHAMUT_FUZZ_SECONDS`, that many seconds for all properties together. The profile ``short`` is for
CI (``--hypothesis-profile=short``): few examples, the same ones in each run.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, is_hypothesis_test, settings

SECONDS = float(os.environ.get("BAHAMUT_FUZZ_SECONDS", "0"))
BATCH = 100
"""Examples of a property between two looks at the clock."""
SHOWN = 200
"""Characters of an input that the report shows."""

settings.register_profile(
    "fuzz",
    max_examples=BATCH if SECONDS else int(os.environ.get("BAHAMUT_FUZZ_EXAMPLES", "2000")),
    deadline=None,  # slow machines are no bugs
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.register_profile(
    "short", settings.get_profile("fuzz"), max_examples=80, derandomize=True, database=None
)
settings.load_profile("fuzz")

slowest: dict[str, tuple[float, str]] = {}
"""Seconds and input of the slowest example, by property."""
shares: dict[str, float] = {}
"""Seconds for each property."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    found = [item for item in items if is_hypothesis_test(getattr(item, "obj", None))]
    shares.update({item.nodeid: SECONDS / len(found) for item in found})


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Time each example, and search again until the share of the property is used up."""
    test = pyfuncitem.obj
    if not is_hypothesis_test(test):
        return None
    fixtures = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    inner = test.hypothesis.inner_test
    test.hypothesis.inner_test = _timed(pyfuncitem.name, inner, fixtures)
    try:
        end = time.monotonic() + shares.get(pyfuncitem.nodeid, 0)
        test(**fixtures)
        while time.monotonic() < end:
            test(**fixtures)
    finally:
        test.hypothesis.inner_test = inner
    return True


def _timed(name: str, inner: Callable[..., Any], fixtures: Iterable[str]) -> Callable[..., Any]:
    @functools.wraps(inner)
    def timed(*args: Any, **kwargs: Any) -> None:
        given = [*args, *(value for key, value in kwargs.items() if key not in fixtures)]
        begin = time.perf_counter()
        try:
            inner(*args, **kwargs)
        finally:
            spent = time.perf_counter() - begin
            if spent > slowest.get(name, (0.0, ""))[0]:
                slowest[name] = spent, ", ".join(map(_shown, given))[:SHOWN]

    return timed


def _shown(value: Any) -> str:
    """Return the repr of a value; of long texts and bytes only how they begin."""
    if isinstance(value, tuple):
        return f"({', '.join(map(_shown, value))})"
    if isinstance(value, str | bytes) and len(value) > SHOWN:
        return f"{value[:SHOWN]!r}… of {len(value)}"
    return repr(value)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if slowest:
        terminalreporter.section("slowest input of each property")
    for name, (spent, shown) in sorted(slowest.items(), key=lambda pair: -pair[1][0]):
        terminalreporter.line(f"{spent:8.3f} s  {name}  {shown}")
