"""Waiting by a clock that nobody sets."""

import time
from typing import Callable

STEP_S = 0.2
"""So soon it sees that it is to end."""


def wait_steadily(done: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until `done`, or so long; return whether it is done.

    By sleeping. Before Python 3.11 the waits of `threading` end by the clock of the day: one that
    is set back by an hour meanwhile makes them an hour longer.
    """
    end_s = time.monotonic() + timeout_s
    while not done():
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            return False
        time.sleep(min(left_s, STEP_S))
    return True
