"""An output on a thread of its own, so that nothing waits for it."""

import logging
import threading
import time
from collections import deque
from typing import Callable, Deque, NamedTuple, Optional

from ..closing import Closing
from ..errors import EdgedetError
from .output import Output
from .seen import Seen

WAITING, WAITING_BYTES = 30, 200 * 1000 * 1000
"""Frames that wait for an output that keeps all of them: a second of most cameras, and no more
bytes than that of 1080p; one frame always."""
CLOSING_S = 10.0
"""That an output has to finish what it began."""
RETRY_S = 10.0
"""After an error of the system: a disk that is full may have room again."""
IDLE_S = 1.0
"""So often an output to which no frame comes may look at what it holds open."""
LOOK_S = 0.2
"""How soon who waits for room sees that it is to end."""

_LOG = logging.getLogger("edgedet.camera")


class OutletVitals(NamedTuple):
    """One reading of one output."""

    name: str
    put: int
    """Frames that it took."""
    dropped: int
    """Frames that were overtaken, found the queue full, or came while it had trouble."""
    trouble: str
    """Why it ended, or takes nothing now; empty while it goes on."""


class Outlet(Closing):
    """Hands frames to an `Output`: the newest one, or all of them as far as they find room.

    An output that raises an EdgedetError has ended. One that raises an OSError is tried again
    every some seconds. Both are told once, and the other outputs go on.
    """

    def __init__(self, output: Output) -> None:
        """output: closed with the outlet."""
        self._output = output
        self._news = threading.Condition()
        self._waiting: Deque[Seen] = deque()
        self._put, self._dropped, self._trouble = 0, 0, ""
        self._again_s = 0.0
        self._told_slow = False
        self._bug: Optional[BaseException] = None
        self._closing = self._ended = False
        self._thread = threading.Thread(target=self._serve, name=output.name, daemon=True)
        self._thread.start()

    def put(self, seen: Seen) -> None:
        """Hand a frame on; never waits. Raises what the output raised, if it is a bug of ours."""
        with self._news:
            if self._bug is not None:
                raise self._bug
            if self._closing or self._ended:
                return
            if not self._has_room(seen):
                self._dropped += 1
                if self._output.keeps_all:
                    return  # a hole between frames that follow each other, not one in each second
                self._waiting.clear()
            self._waiting.append(seen)
            self._news.notify()

    def wait_for_room(self, seen: Seen, stopping: Callable[[], bool]) -> None:
        """Wait until the frame would not be dropped, for sources whose frames all count; not for
        ever, and not when `stopping`.
        """
        end_s = time.monotonic() + CLOSING_S
        with self._news:
            while not (self._has_room(seen) or self._trouble or self._closing or stopping()):
                left_s = end_s - time.monotonic()
                if left_s <= 0:
                    return
                self._news.wait(min(left_s, LOOK_S))

    def read(self) -> OutletVitals:
        """Return how it does."""
        with self._news:
            return OutletVitals(self._output.name, self._put, self._dropped, self._trouble)

    def closing_line(self) -> str:
        """Return what there is to say at the end: frames that are missing in an output that keeps
        all of them; else nothing.
        """
        vitals = self.read()
        if not self._output.keeps_all or not vitals.dropped:
            return ""
        text = "{}: {} of {} frames left out"
        return text.format(vitals.name, vitals.dropped, vitals.dropped + vitals.put)

    def close(self) -> None:
        """Hand on what waits, then close the output; an output that hangs is left behind."""
        with self._news:
            self._closing = True
            self._news.notify_all()
        self._thread.join(CLOSING_S)
        if self._thread.is_alive():
            _LOG.warning("%s did not end within %.0f s and is left", self._output.name, CLOSING_S)

    def _has_room(self, seen: Seen) -> bool:
        if not self._output.keeps_all:
            return not self._waiting
        fit = WAITING_BYTES // max(1, seen.frame.image_bgr.nbytes)
        return len(self._waiting) < max(1, min(WAITING, fit))

    def _serve(self) -> None:
        try:
            for seen in iter(self._next, None):
                self._take(seen)
            self._output.close()
        except (EdgedetError, OSError) as error:
            _LOG.error("%s ended: %s", self._output.name, error)
            self._end(str(error))
        except BaseException as bug:  # raised by the thread that runs the cameras, if it comes by
            _LOG.exception("%s ended by a bug", self._output.name)
            self._bug = bug
            self._end(repr(bug))

    def _next(self) -> Optional[Seen]:
        while not self._has_news():
            self._output.idle()
        with self._news:
            seen = self._waiting.popleft() if self._waiting else None
            self._news.notify_all()
            return seen

    def _has_news(self) -> bool:
        """Wait for a frame or the end; return whether one came."""
        with self._news:
            return self._news.wait_for(lambda: bool(self._waiting or self._closing), IDLE_S)

    def _take(self, seen: Seen) -> None:
        if time.monotonic() < self._again_s:
            with self._news:
                self._dropped += 1
            return
        try:
            self._output.put(seen)
        except OSError as error:
            self._pause(str(error))
        else:
            self._note_taken()

    def _pause(self, trouble: str) -> None:
        self._again_s = time.monotonic() + RETRY_S
        if trouble != self._trouble:
            _LOG.error("%s waits: %s", self._output.name, trouble)
        with self._news:
            self._dropped += 1
            self._trouble = trouble
            self._news.notify_all()

    def _note_taken(self) -> None:
        with self._news:
            had, self._trouble = self._trouble, ""
            self._put += 1
            slow = bool(self._dropped) and self._output.keeps_all and not had
        if had:
            _LOG.warning("%s goes on", self._output.name)
        if slow and not self._told_slow:
            self._told_slow = True
            _LOG.warning("%s is slower than the frames come: some are left out", self._output.name)

    def _end(self, trouble: str) -> None:
        """The output failed: it takes nothing more."""
        with self._news:
            self._trouble, self._ended = trouble, True
            self._waiting.clear()
            self._news.notify_all()
        try:
            self._output.close()
        except (EdgedetError, OSError):  # the first error is the one to tell
            pass
