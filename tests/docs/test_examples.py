"""The examples: each is started as its first lines say, and asked something."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*command: str, port: int) -> Iterator[str]:
    """Run an example until it has been asked; then Ctrl-C, which must end it well."""
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=EXAMPLES,
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=20)
    assert "Traceback" not in log, log
    assert process.returncode == 0, log


def wait_for(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)  # it says nothing that could be waited for
    process.kill()
    raise AssertionError(process.communicate()[1])


def ask(url: str, body: Any = None) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_notes():
    port = free_port()
    with running("notes.py", f"127.0.0.1:{port}", port=port) as url:
        assert ask(f"{url}/notes", {"text": "one", "stars": 3})[0] == 200
        assert ask(f"{url}/notes") == (200, [{"ID": "1", "stars": 3, "text": "one"}])
        assert ask(f"{url}/notes", {"stars": 9})[0] == 422
        assert ask(f"{url}/notes/2")[0] == 404


AIOHTTP = ("-m", "aiohttp.web", "-H", "127.0.0.1", "-P", "{port}", "todo.app:make_app")
OURS = ("-m", "todo.app", "127.0.0.1:{port}")


@pytest.mark.parametrize("command", [AIOHTTP, OURS], ids=["aiohttp", "ours"])
def test_todo(command):
    port = free_port()
    with running(*(word.format(port=port) for word in command), port=port) as url:
        _, groceries = ask(f"{url}/lists", {"name": "groceries"})
        tasks = f"{url}/lists/{groceries['ID']}/tasks"
        assert ask(tasks, {"title": "milk"})[1]["status"] == "TODO"
        status, errors = ask(tasks, {"title": "bread", "status": "DONE"})
        assert (status, errors[0]["description"]) == (400, "New tasks cannot be DONE")
        assert ask(f"{url}/lists/{groceries['ID']}")[1]["taskCount"] == 1
        with urllib.request.urlopen(url, timeout=10) as page:
            assert b"new WebSocket" in page.read()
        assert heard(f"ws://127.0.0.1:{port}/events", tasks).startswith("create task")


def heard(events: str, tasks: str) -> str:
    """Return the first line that the listener prints, creating tasks until there is one."""
    listener = subprocess.Popen(
        [sys.executable, "listen.py", events],
        cwd=EXAMPLES,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = ThreadPoolExecutor(1).submit(listener.stdout.readline)
        while not line.done():
            ask(tasks, {"title": "tea"})
            time.sleep(0.05)  # it does not say when it listens
        return line.result()
    finally:
        listener.terminate()
        listener.communicate(timeout=10)
