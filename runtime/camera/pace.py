"""Frames at the times at which they were taken."""

import threading
import time
from typing import Optional

from .steady_wait import wait_steadily

MOST_BEHIND_S = 1.0
"""Who is further behind does not catch up: frames in a burst would be none of a camera's."""


class Pace:
    """Waits until a frame is due. Only `time.monotonic` counts: the clock may be set meanwhile."""

    def __init__(self, stop: threading.Event) -> None:
        """stop: ends all waiting."""
        self._stop = stop
        self._begin_s: Optional[float] = None
        self.due_s: Optional[float] = None
        """When the frame that was waited for last is due, by `time.monotonic`; None: none yet."""

    def wait(self, at_s: float) -> None:
        """Wait for the frame of `at_s`, seconds since the first one's beginning."""
        now_s = time.monotonic()
        if self._begin_s is None:
            self._begin_s = now_s - at_s
        due_s = self._begin_s + at_s
        if now_s - due_s > MOST_BEHIND_S:
            self._begin_s += now_s - due_s
        elif due_s > now_s:
            self.due_s = due_s
            wait_steadily(self._stop.is_set, due_s - now_s)
