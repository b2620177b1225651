"""A thread whose errors are the errors of whoever waits for it."""

import threading
from typing import Callable, Optional

from ..closing import Closing
from ..errors import DeviceError

CLOSING_S = 8.0
"""For the work to return: a network may take so long, one that hangs for ever is not waited for."""


class HangingError(DeviceError):
    """The work does not return, and nothing ends it from outside."""


class Worker(Closing):
    """Does one thing; `check` raises what it raised."""

    def __init__(self, name: str, work: Callable[[], None], stop: Callable[[], None]) -> None:
        """Begins at once. stop: makes `work` return soon."""
        self._work, self._stop = work, stop
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it still works."""
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise what ended it, if it was an error."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop it and wait; HangingError when it hangs, in a driver for instance."""
        self._stop()
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            expected = "a {} that ends within {:.0f} s".format(self._thread.name, CLOSING_S)
            raise HangingError(expected, "one that hangs", "restart the device if it stays so")

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
