"""Reading on one thread and closing on another, without harm."""

import threading
from abc import abstractmethod
from typing import TYPE_CHECKING, Optional

from .live_source import LiveSource

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class GuardedSource(LiveSource):
    """Releases what it holds when nobody reads: to release it under a reader ends the process."""

    def __init__(self) -> None:
        self._reading = threading.Lock()
        self._closing = threading.Event()

    @abstractmethod
    def _next(self) -> "Optional[NDArray[np.uint8]]":
        """Wait for the next frame, as `read` says."""

    @abstractmethod
    def _release(self) -> None:
        """Release what is held; never while `_next` runs. Releasing twice does no harm."""

    def _interrupt(self) -> None:
        """Make a `_next` that waits return soon, where there is a way."""

    def read(self) -> "Optional[NDArray[np.uint8]]":
        """Wait for the next frame, as LiveSource says; None after `close`."""
        try:
            with self._reading:
                return None if self._closing.is_set() else self._next()
        finally:
            if self._closing.is_set():
                self._release_idle()

    def close(self) -> None:
        """Release what is held, or leave that to whoever reads; returns at once."""
        self._closing.set()
        self._interrupt()
        self._release_idle()

    def _release_idle(self) -> None:
        if self._reading.acquire(False):
            try:
                self._release()
            finally:
                self._reading.release()
