"""The recordings of the original, replayed against our server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = GOLDEN.parents[1]
RECORDINGS = Path(os.environ.get("BAHAMUT_GOLDEN") or GOLDEN / "data") / "rest"


@pytest.mark.integration
def test_every_recorded_exchange_is_answered_as_recorded_or_decided():
    scenarios = sorted(str(path) for path in RECORDINGS.glob("*.json"))
    server = f"{sys.executable} -m tests.golden.server --port {{port}} --variant {{variant}}"
    done = subprocess.run(
        [
            sys.executable,
            str(GOLDEN / "replay.py"),
            *scenarios,
            "--start",
            server,
            "--allow",
            str(GOLDEN / "allow.txt"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONASYNCIODEBUG": "0"},
        capture_output=True,
        text=True,
    )
    print(done.stdout[-200:])
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert scenarios
