"""An output on a thread of its own, so that nothing waits for it."""

import logging
import threading
from collections import deque
from typing import Deque, NamedTuple, Optional

from ..closing import Closing
from ..errors import EdgedetError
from .output import Output
from .seen import Seen

WAITING = 30
"""Frames that wait for an output that keeps all of them: a second of most cameras, and at 1080p no
more than 190 MB."""
CLOSING_S = 10.0
"""That an output has to finish what it began."""

_LOG = logging.getLogger("edgedet.camera")


class OutletVitals(NamedTuple):
    """One reading of one output."""

    name: str
    put: int
    """Frames that it took."""
    dropped: int
    """Frames that were overtaken, or found the queue full."""
    trouble: str
    """Why it ended; empty while it goes on."""


class Outlet(Closing):
    """Hands frames to an `Output`: the newest one, or all of them as far as they find room."""

    def __init__(self, output: Output) -> None:
        """output: closed with the outlet."""
        self._output = output
        self._news = threading.Condition()
        self._waiting: Deque[Seen] = deque()
        self._most = WAITING if output.keeps_all else 1
        self._put, self._dropped, self._trouble = 0, 0, ""
        self._bug: Optional[BaseException] = None
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name=output.name, daemon=True)
        self._thread.start()

    def put(self, seen: Seen) -> None:
        """Hand a frame on; never waits. Raises what the output raised, if it is a bug of ours."""
        with self._news:
            if self._bug is not None:
                raise self._bug
            if self._closing or self._trouble:
                return
            if len(self._waiting) == self._most:
                self._dropped += 1
                if self._output.keeps_all:
                    return  # a hole between frames that follow each other, not one in each second
                self._waiting.clear()
            self._waiting.append(seen)
            self._news.notify()

    def wait_for_room(self) -> None:
        """Wait until a frame would not be dropped, for sources whose frames all count; not for
        ever.
        """
        with self._news:
            self._news.wait_for(self._has_room, CLOSING_S)

    def read(self) -> OutletVitals:
        """Return how it does."""
        with self._news:
            return OutletVitals(self._output.name, self._put, self._dropped, self._trouble)

    def close(self) -> None:
        """Hand on what waits, then close the output; an output that hangs is left behind."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            _LOG.warning("%s did not end within %.0f s and is left", self._output.name, CLOSING_S)

    def _has_room(self) -> bool:
        return bool(len(self._waiting) < self._most or self._trouble or self._closing)

    def _serve(self) -> None:
        try:
            for seen in iter(self._next, None):
                self._output.put(seen)
                with self._news:
                    self._put += 1
            self._output.close()
        except (EdgedetError, OSError) as error:
            self._end("{}".format(error))
        except BaseException as bug:  # told by the thread that runs the cameras
            self._bug = bug
            self._end(repr(bug))

    def _next(self) -> Optional[Seen]:
        with self._news:
            self._news.wait_for(lambda: bool(self._waiting or self._closing))
            seen = self._waiting.popleft() if self._waiting else None
            self._news.notify_all()
            return seen

    def _end(self, trouble: str) -> None:
        """The output failed: it is told once, and takes nothing more."""
        _LOG.error("%s ended: %s", self._output.name, trouble)
        with self._news:
            self._trouble = trouble
            self._waiting.clear()
            self._news.notify_all()
        try:
            self._output.close()
        except (EdgedetError, OSError):  # the first error is the one to tell
            pass
