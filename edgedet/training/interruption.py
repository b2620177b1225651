"""Ctrl-C and SIGTERM: asked to stop, the loop ends its step and saves; asked twice, it ends."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# A terminal sends Ctrl-C to torchrun and to its workers, and torchrun passes it on: two signals
# from one key press.
ONE_PRESS_S = 0.5


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop, and a checkpoint to go on from was saved."""


class StopRequest:
    """Whether training was asked to stop, by a signal or by its time being up."""

    def __init__(self, until: float = math.inf) -> None:
        """`until`: seconds of `time.monotonic` from which on the answer is yes."""
        self._until = until
        self._asked = False
        self._first = 0.0

    @property
    def requested(self) -> bool:
        """True from the first signal on, and when the time is up."""
        return self._asked or time.monotonic() >= self._until

    def receive(self, signum: int, frame: FrameType | None) -> None:
        """Handle a signal. Raises KeyboardInterrupt on a second Ctrl-C."""
        now = time.monotonic()
        if not self._asked:
            self._asked, self._first = True, now
        elif signum == signal.SIGINT and now - self._first > ONE_PRESS_S:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals(until: float = math.inf) -> Iterator[StopRequest]:
    """Yield a request that SIGINT and SIGTERM fill in; put the old handlers back afterwards.

    `until`: when it is filled in without a signal, as `time.monotonic` counts. Outside
    the main thread Python allows no handlers: the request then stays empty.
    """
    request = StopRequest(until)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {signum: signal.signal(signum, request.receive) for signum in signals}
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
