"""`Heartbeat`: pings clients, and ends the connections of those whose pongs stay away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from bahamut.web.websocket import PING, Socket

BEAT = 15.0
"""Seconds between the pings of the server."""
SILENCE = 30.0
"""Seconds after which a client that sends no pong is gone."""
_SLACK = 0.1


class Heartbeat:
    """One timer for all sockets: who is to be pinged next stands first."""

    def __init__(self) -> None:
        self._due: OrderedDict[Socket, float] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, socket: Socket) -> None:
        """Ping a client from now on."""
        now = asyncio.get_running_loop().time()
        socket.heard = now
        self._due[socket] = now + BEAT
        if self._timer is None:
            self._wait()

    def remove(self, socket: Socket) -> None:
        """Ping it no more."""
        self._due.pop(socket, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        loop, due = asyncio.get_running_loop(), next(iter(self._due.values()), None)
        self._timer = None if due is None else loop.call_at(due, self._tick)

    def _tick(self) -> None:
        now = asyncio.get_running_loop().time()
        try:
            while self._due:
                socket, due = next(iter(self._due.items()))
                if due > now:
                    break
                del self._due[socket]
                socket.write(PING)
                if now - socket.heard >= SILENCE - _SLACK:
                    socket.hang_up()
                else:
                    self._due[socket] = now + BEAT
        finally:  # one bad socket does not end the pings of all
            self._wait()
