"""An innocent client, in a process of its own: a GET every 20 ms over one connection.

``python -m benchmarks.innocent PORT`` reads lines: each ends a window, and is answered with what
the client saw in it, as JSON. A request that still waits counts with the time so far.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from statistics import median

EVERY = 0.02
"""Seconds."""
REQUEST = b"GET /notes/1 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"


class Innocent:
    """Asks, waits, and remembers how long it took.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.waits: list[float] = []
        self.lost = 0
        """Connections that ended, and answers that were no success."""
        self.sent: float | None = None
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def ask(self) -> None:
        self.sent = time.perf_counter()
        try:
            self.socket.sendall(REQUEST)
        except OSError:
            self._lose()

    def hear(self) -> None:
        try:
            chunk = self.socket.recv(65536)
        except OSError:
            chunk = b""
        if not chunk:
            self._lose()
            return
        self.received += chunk
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.lost += 1
        if self.sent is not None:
            self.waits.append(time.perf_counter() - self.sent)
        self.sent, self.received = None, b""

    def _lose(self) -> None:
        """Try another connection; the wait goes on. Without a server, this is the end."""
        self.lost += 1
        self.socket.close()
        time.sleep(EVERY)
        try:
            self._connect()
            self.socket.sendall(REQUEST)
        except OSError:
            sys.exit(1)

    def report(self) -> dict[str, float]:
        """Return what happened since the last report, in milliseconds."""
        now = time.perf_counter()
        waits = self.waits + ([now - self.sent] if self.sent is not None else [])
        self.waits, lost, self.lost = [], self.lost, 0
        found = waits or [0.0]
        longest, p50 = (round(wait * 1e3, 2) for wait in (max(found), median(found)))
        return {"longest": longest, "p50": p50, "lost": lost}


def _length(head: bytes) -> int:
    found = head.lower().partition(b"\r\ncontent-length:")[2]
    return int(found.split(b"\r\n")[0]) if found else 0


def main(port: int) -> None:
    innocent = Innocent(port)
    due = time.perf_counter()
    while True:
        now = time.perf_counter()
        if innocent.sent is None and now >= due:
            innocent.ask()
            due = max(due + EVERY, now)
        ready, _, _ = select.select([0, innocent.socket], [], [], max(0.0, due - now) or EVERY)
        if innocent.socket in ready:
            innocent.hear()
        if 0 in ready:
            if not os.read(0, 65536):
                return
            print(json.dumps(innocent.report()), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
