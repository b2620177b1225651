"""Connections that are open, bounded."""

import socket
import threading
import time
from typing import Dict, List, Optional

ROOM_S = 0.2
"""How long a new one waits for one that was cut off to end."""


class Connections:
    """Who is there, and who has yet to say what it wants."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = threading.Condition()
        self._all: Dict[socket.socket, Optional[float]] = {}
        """Since when each is read from; None when its request was read."""

    def admit(self, connection: socket.socket) -> bool:
        """Take it in; False when there is no room.

        A full house makes room by cutting off who has been asking for the longest: connections
        that never finish a request keep nobody out.
        """
        with self._left:
            if len(self._all) >= self._most and self._cut_slowest():
                self._left.wait_for(lambda: len(self._all) < self._most, ROOM_S)
            if len(self._all) >= self._most:
                return False
            self._all[connection] = time.monotonic()
            return True

    def busy(self, connection: socket.socket) -> None:
        """Note that its request was read."""
        with self._left:
            self._all[connection] = None

    def leave(self, connection: socket.socket) -> None:
        """Note that it ended."""
        with self._left:
            self._all.pop(connection, None)
            self._left.notify_all()

    def cut_all(self) -> None:
        """End all of them, whatever they do."""
        with self._left:
            for connection in self._all:
                _cut(connection)

    def wait_empty(self, timeout_s: float) -> bool:
        """Wait until all have ended; return whether they did."""
        with self._left:
            return self._left.wait_for(lambda: not self._all, timeout_s)

    def __len__(self) -> int:
        with self._left:
            return len(self._all)

    def _cut_slowest(self) -> bool:
        reading: List[socket.socket] = [c for c, since in self._all.items() if since is not None]
        if not reading:
            return False
        _cut(min(reading, key=lambda connection: self._all[connection] or 0.0))
        return True


def _cut(connection: socket.socket) -> None:
    """End it from another thread: whoever waits on it wakes up."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # gone already
        pass
