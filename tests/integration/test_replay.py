"""The recordings of the original, replayed against our server."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
ROOT = GOLDEN.parents[1]
RECORDINGS = Path(os.environ.get("BAHAMUT_GOLDEN") or GOLDEN / "data") / "rest"

SHARES = 8


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


@pytest.mark.integration
def test_every_recorded_session_goes_as_recorded_or_decided():
    scripts = sorted(str(path) for path in (RECORDINGS.parent / "push").glob("*.json"))
    server = f"{sys.executable} -m tests.golden.server --port {{port}} --variant {{variant}}"
    allowed = str(GOLDEN / "allow_push.txt")

    def replayed(share: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, str(GOLDEN / "replay_push.py"), *share),
                *("--start", server, "--allow", allowed),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONASYNCIODEBUG": "0"},
            capture_output=True,
            text=True,
        )

    # Most of the time is the patience of the scripts: several are played at once.
    with ThreadPoolExecutor(SHARES) as pool:
        for done in pool.map(replayed, (scripts[share::SHARES] for share in range(SHARES))):
            print(done.stdout[-200:])
            assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert scripts
