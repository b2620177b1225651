"""Bytes of one request: no more than a limit, and all within a time."""

import io
import socket
import time
from typing import Any

LINE_BYTES = 4096
"""The most of a request line."""
HEAD_BYTES = 16384
"""The most of a request line and headers, body included."""
BODY_BYTES = 1024
READ_S = 5.0
"""Slow ones are cut off, whether they are on a bad line or mean it."""


class TooLargeError(Exception):
    """More came than a request may have."""


class RequestReader(io.RawIOBase):
    """Reads from a socket; raises socket.timeout and TooLargeError."""

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._left = HEAD_BYTES
        self._deadline_s = time.monotonic() + READ_S

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, at least one byte unless the client is done."""
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise socket.timeout("a request that takes too long")
        if self._left <= 0:
            raise TooLargeError
        self._connection.settimeout(left_s)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count


def read_away(connection: socket.socket) -> None:
    """Take what a refused client still sends, a moment long: else it never sees why."""
    try:
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        for _ in range(16):
            if not connection.recv(16384):
                return
    except OSError:
        pass
