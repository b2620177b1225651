"""Events on their way to somebody who may be slow or away."""

import logging
import threading
from abc import abstractmethod
from collections import deque
from typing import Any, Deque, Dict, Optional

from ..camera.steady_wait import wait_steadily
from ..closing import Closing

MOST_WAITING = 1000
"""The oldest goes when there are more: the newest say how things are."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
MOST_REFUSED = 5
"""An event that was refused so often, or met a bug, goes: it would keep all others from going."""
CLOSING_S = 5.0

Event = Dict[str, Any]
"""Plain JSON types."""

_LOG = logging.getLogger("edgedet.events")


class EventRefusedError(OSError):
    """An event that was not taken for what it is: others might be."""


class EventTarget(Closing):
    """Who takes events."""

    name: str
    """For messages, without secrets."""

    @abstractmethod
    def send(self, event: Event) -> None:
        """Send one event; OSError when it was not taken, EventRefusedError when it never will."""

    def close(self) -> None:
        """Leave; closing twice does no harm."""


class EventQueue(Closing):
    """Sends events in their order, on a thread of its own, and each until it was taken."""

    def __init__(self, target: EventTarget) -> None:
        """target: closed with it."""
        self._target, self._name = target, target.name
        self._news = threading.Condition()
        self._waiting: Deque[Event] = deque()
        self._closing = False
        self._put = self.sent = self.dropped = 0
        self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:
        """Take an event; never waits."""
        with self._news:
            if len(self._waiting) == MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(event)
            self._put += 1
            self._news.notify()

    def close(self) -> None:
        """Send what waits, for some seconds; tell how much is lost."""
        with self._news:
            self._closing = True
            self._news.notify()
        self._thread.join(CLOSING_S)
        lost = self._put - self.sent  # one that is still on its way among them
        self._target.close()
        if lost:
            _LOG.warning("%s: %d events were not taken", self._name, lost)

    def _serve(self) -> None:
        for event in iter(self._next, None):
            if not self._deliver(event):
                return

    def _deliver(self, event: Event) -> bool:
        """Send an event until it is taken, or was refused often; return whether to go on."""
        pause_s, told, refused = FIRST_PAUSE_S, "", 0
        while True:
            error = self._tried(event)
            if error is None:
                if told:
                    _LOG.warning("%s: taken again", self._name)
                return True
            trouble = _trouble(error)
            hopeless = isinstance(error, EventRefusedError) or not isinstance(error, OSError)
            refused += hopeless
            if refused == MOST_REFUSED:
                _LOG.warning("%s: %s, %d times; this event goes", self._name, trouble, refused)
                return True
            if trouble != told:  # once, however long it lasts
                _LOG.warning("%s: %s; tried again until it is taken", self._name, trouble)
                told = trouble
            if wait_steadily(lambda: self._closing, pause_s):
                return hopeless  # then others may be taken
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _tried(self, event: Event) -> Optional[Exception]:
        """Send an event; return what was in the way, None for nothing."""
        try:
            self._target.send(event)
        except Exception as error:  # of a bug, too
            return error
        self.sent += 1
        return None

    def _next(self) -> Optional[Event]:
        with self._news:
            self._news.wait_for(lambda: bool(self._waiting or self._closing))
            return self._waiting.popleft() if self._waiting else None


def _trouble(error: Exception) -> str:
    """Return one line; of a bug without its text, which may hold secrets."""
    if isinstance(error, (OSError, ValueError)):
        return " ".join(str(error).split()) or type(error).__name__
    return "a bug, {}".format(type(error).__name__)
