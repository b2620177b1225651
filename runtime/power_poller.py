"""A thread that reads sensors now and then while the machine works."""

import threading
from typing import Any, Optional, Sequence

from .power_reading import Take

STOP_WAIT_S = 5.0
"""A reading takes milliseconds; a sensor that hangs is left behind."""


class Poller:
    """Reads `sources` every `interval_s` seconds from `start` to `stop`, and once at both ends.

    A source has ``read() -> Reading`` and ``close()``. The thread sleeps between: what it watches
    does not notice it.
    """

    def __init__(self, sources: Sequence[Any], interval_s: float) -> None:
        """sources: closed when the thread ends."""
        self._sources = sources
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._stopping = False
        self._thread: Optional[threading.Thread] = None
        self.fault: Optional[str] = None
        """Why it told less than it should have."""

    def start(self, take: Take) -> None:
        """Start the thread."""
        thread = threading.Thread(target=self._run, args=(take,), name="edgedet-power", daemon=True)
        thread.start()
        self._thread = thread

    def read_soon(self) -> None:
        """Read now, not only when the interval is over."""
        self._wake.set()

    def stop(self) -> None:
        """Let the thread read once more and end. Any number of times."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping = True
        self._wake.set()
        # Not Thread.join alone: Ctrl-C in it marks a running thread as ended (Python issue 90882).
        if self._ended.wait(STOP_WAIT_S):
            thread.join()
        else:
            self.fault = "reading the sensors hangs"

    def _run(self, take: Take) -> None:
        try:
            while not self._stopping:
                self._read(take)
                self._wake.wait(self._interval_s)
                self._wake.clear()
            self._read(take)
        except Exception as error:  # told in the report: a measurement does not end for it
            self.fault = "reading the sensors failed: {!r}".format(error)
        finally:  # here, as a library must not be closed in the middle of a call
            for source in self._sources:
                source.close()
            self._ended.set()

    def _read(self, take: Take) -> None:
        for source in self._sources:
            take(source.read())
