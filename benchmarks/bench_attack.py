"""What one hostile client costs the others: a GET every 20 ms beside each attack.

The server has one core, with default limits. On the other one the attacker has made what it sends
before the clock runs, and the innocent client is a process of its own, which goes first: what it
waits for is the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks.attacks import ATTACKS, Attack
from benchmarks.figures import Figure
from benchmarks.innocent import REQUEST
from benchmarks.processes import ROOT, free_port, load_core, pin, start, wait_for_answer

SERVER = "benchmarks.servers.attacked"
MAY_WAIT = 100.0
"""Milliseconds for which one attack may keep others waiting."""
QUIET, AFTER = 0.3, 0.2
"""Seconds of measuring before and after an attack."""


@dataclass(frozen=True, slots=True)
class Suffered(Figure):
    """One attack: the ratio is the longest wait by what is allowed; times are in milliseconds."""

    answer: str = ""
    """Status, close code, or what became of the attacker's sessions."""
    took: float = 0.0
    longest: float = 0.0
    p50: float = 0.0
    quiet_longest: float = 0.0
    quiet_p50: float = 0.0
    lost: int = 0
    """Connections of the innocent client that ended."""

    def __str__(self) -> str:
        longest = f"{self.longest:,.0f}"
        if not self.is_reached:
            longest = f"**{longest}**"
        lost = f" ({self.lost} lost)" if self.lost else ""
        return (
            f"| {self.figure} | {self.answer} | {self.took:,.0f} | {longest}{lost} "
            f"| {self.p50:.1f} | {self.quiet_longest:.1f} | {self.quiet_p50:.1f} |"
        )


def run(*, is_quick: bool) -> Iterator[Figure]:
    """Yield a row for each attack, with *is_quick* for every second one, while there is time."""
    pin(load_core())
    patience, budget = (0.4, 55.0) if is_quick else (2.0, 170.0)
    end = time.monotonic() + budget
    attacks = ATTACKS[::2] if is_quick else ATTACKS
    print(
        f"# {len(attacks)} attacks, {patience:g} s of patience; bold: more than {MAY_WAIT:.0f} ms"
    )
    print("| attack | answered | took, ms | others: longest, ms | p50 | quiet: longest | p50 |")
    print("|---|---|---|---|---|---|---|")
    with contextlib.ExitStack() as stack:
        scene: Scene | None = None
        for attack in sorted(attacks, key=lambda attack: attack.data):
            sent = attack.make()
            left = end - time.monotonic() - 3
            if left < 1:
                print(f"# no time was left for: {attack.name}")
                continue
            if scene is None or scene.data != attack.data or scene.is_spent:
                stack.close()
                scene = stack.enter_context(_scene(attack.data))
            yield scene.suffer(attack, sent, min(patience + attack.lasts, left))


@contextlib.contextmanager
def _scene(data: str) -> Iterator[Scene]:
    """Run a server and an innocent client until the end of the block."""
    port = free_port()
    server = start(SERVER, port, data)
    try:
        wait_for_answer(server, port, REQUEST)
        client = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.innocent", str(port)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield Scene(data, port, client)
        finally:
            client.kill()
            client.communicate()
    finally:
        server.kill()  # it may be held by what it was sent
        server.wait(timeout=10)


class Scene:
    """A server with an innocent client, until an attack has gone on for too long.

    Args:
        data: what the server has stored.
        port: of the server.
        client: the process of the innocent client.
    """

    def __init__(self, data: str, port: int, client: subprocess.Popen[str]) -> None:
        self.data, self.port, self.client = data, port, client
        self.is_spent = False
        time.sleep(0.3)
        self._report()  # connecting is not what is measured

    def suffer(self, attack: Attack, sent: Any, patience: float) -> Suffered:
        """Return what an attack did, which may take so many seconds."""
        self._report()
        time.sleep(QUIET)
        quiet = self._report()
        begin = time.perf_counter()
        answer = self._attack(attack, sent, patience)
        took = time.perf_counter() - begin
        time.sleep(AFTER)
        seen = self._report()
        return Suffered(
            attack.name,
            f"{MAY_WAIT:.0f} ms",
            seen["longest"] / MAY_WAIT,
            1.0,
            "lower",
            answer=answer,
            took=round(took * 1e3, 1),
            longest=seen["longest"],
            p50=seen["p50"],
            quiet_longest=quiet["longest"],
            quiet_p50=quiet["p50"],
            lost=int(seen["lost"]),
        )

    def _attack(self, attack: Attack, sent: Any, patience: float) -> str:
        async def limited() -> str:
            async with asyncio.timeout(patience):
                return await attack.run(self.port, sent)

        try:
            return asyncio.run(limited())
        except TimeoutError:
            self.is_spent = True
            return f"nothing in {patience:.1f} s"
        except OSError as error:
            self.is_spent = True
            return type(error).__name__

    def _report(self) -> dict[str, float]:
        """Return what the innocent client has seen since it was asked before."""
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.client.stdin.write("\n")
            self.client.stdin.flush()
        line = self.client.stdout.readline()
        if not line:
            self.is_spent = True
            return {"longest": 0.0, "p50": 0.0, "lost": 1}
        found: dict[str, float] = json.loads(line)
        return found
