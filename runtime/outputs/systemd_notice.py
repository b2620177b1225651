"""What systemd is told: that the cameras run, and that they still do (sd_notify(3))."""

import os
import socket
from typing import Mapping, Optional

from ..closing import Closing

READY, STOPPING, ALIVE = "READY=1", "STOPPING=1", "WATCHDOG=1"


class SystemdNotice(Closing):
    """Sends to the socket that systemd names; says nothing where nobody asked."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """environment: of the process, with NOTIFY_SOCKET and WATCHDOG_USEC."""
        self._address: Optional[str] = environment.get("NOTIFY_SOCKET") or None
        if self._address is not None and self._address.startswith("@"):
            self._address = "\0" + self._address[1:]  # a name of Linux that is no file
        microseconds = environment.get("WATCHDOG_USEC", "")
        self.interval_s: Optional[float] = (
            int(microseconds) / 2e6 if microseconds.isdigit() and int(microseconds) else None
        )
        """How often to send `ALIVE`: twice as often as systemd asks; None: never."""

    def send(self, *lines: str) -> None:
        """Send lines as one message. A systemd that does not take it does not stop the cameras."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
                connection.settimeout(1.0)
                connection.sendto("\n".join(lines).encode("utf-8"), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Tell that it ends."""
        self.send(STOPPING)
