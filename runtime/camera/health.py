"""How each camera does: what is counted, for the page, the metrics and the log."""

import threading
import time
from collections import deque
from typing import Deque, Dict, NamedTuple, Optional

OPENING, LIVE, LOST, ENDED = "opening", "live", "lost", "ended"
"""States of a camera."""
RATE_WINDOW_S = 5.0
"""Rates are taken over so long; at the beginning over what there was."""
LEAST_WINDOW_S = 0.5
"""Before that there are none."""
CAPTURED, DROPPED, PROCESSED, DETECTED = "captured", "dropped", "processed", "detected"
COUNTED = (CAPTURED, DROPPED, PROCESSED, DETECTED)
"""Frames that came, were overtaken by a newer one, were looked at, and held something."""


class Vitals(NamedTuple):
    """One reading of one camera."""

    camera: str
    state: str
    granted: str
    """What the source gives, as `1280x720 MJPG at 30 fps`; empty before it was open."""
    counts: Dict[str, int]
    """Since the start, by `COUNTED`."""
    rates: Dict[str, float]
    """A second, over the last seconds, by `COUNTED`."""
    age_ms: Optional[float]
    """Of the last frame when its detections were there; None before the first."""
    inference_ms: Optional[float]
    silent_s: Optional[float]
    """Since the last frame came; None before the first."""
    gaps: int
    """Times that no frame came for longer than the watchdog bears."""
    gap_s: float
    """All of them together, one that is on included."""
    reopened: int
    """Times that the source was opened again."""
    trouble: str
    """What is wrong now, in one line without secrets; empty when nothing is."""


class Health:
    """Of one camera; each method may be called from any thread."""

    def __init__(self, camera: str) -> None:
        self._camera = camera
        self._lock = threading.Lock()
        self._state, self._granted, self._trouble = OPENING, "", ""
        self._counts = dict.fromkeys(COUNTED, 0)
        self._recent: Dict[str, Deque[float]] = {name: deque() for name in COUNTED}
        self._first_s: Optional[float] = None
        self._age_ms: Optional[float] = None
        self._inference_ms: Optional[float] = None
        self._last_s: Optional[float] = None
        self._gaps, self._reopened = 0, 0
        self._gap_s = self._told_gap_s = 0.0
        self._gap_begin_s: Optional[float] = None

    def opened(self, granted: str) -> None:
        """Note that the source is open; frames are to come."""
        with self._lock:
            self._granted = granted

    def reopened(self) -> None:
        """Note an attempt to open it again."""
        with self._lock:
            self._reopened += 1

    def lost(self, trouble: str) -> None:
        """Note that no frame comes, once or again, and why."""
        with self._lock:
            self._state, self._trouble = LOST, trouble
            if self._gap_begin_s is None:
                self._gap_begin_s = time.monotonic() if self._last_s is None else self._last_s
                self._gaps += 1

    def ended(self) -> None:
        """Note that it came to its end."""
        with self._lock:
            self._state = ENDED
            if self._gap_begin_s is not None:  # who has ended is not away any longer
                self._gap_s += time.monotonic() - self._gap_begin_s
                self._gap_begin_s = None

    def captured(self, now_s: float) -> float:
        """Note a frame; return for how long there was none before it, if that was a gap, else 0."""
        with self._lock:
            self._state, self._trouble, self._last_s = LIVE, "", now_s
            self._count(CAPTURED, now_s)
            if self._gap_begin_s is None:
                return 0.0
            gap_s, self._gap_begin_s = now_s - self._gap_begin_s, None
            self._gap_s += gap_s
            return gap_s

    def dropped(self) -> None:
        """Note a frame that nobody looked at."""
        with self._lock:
            self._count(DROPPED, time.monotonic())

    def processed(self, age_ms: float, inference_ms: float, objects: int) -> None:
        """Note what became of a frame."""
        now_s = time.monotonic()
        with self._lock:
            self._age_ms, self._inference_ms = age_ms, inference_ms
            self._count(PROCESSED, now_s)
            if objects:
                self._count(DETECTED, now_s)

    def read(self) -> Vitals:
        """Return how it does now."""
        now_s = time.monotonic()
        with self._lock:
            open_gap_s = 0.0 if self._gap_begin_s is None else now_s - self._gap_begin_s
            # Not less than before, where the frame that ends the gap came before this reading and
            # is noted after it: Prometheus takes a smaller one for a new start.
            self._told_gap_s = max(self._told_gap_s, self._gap_s + open_gap_s)
            return Vitals(
                self._camera,
                self._state,
                self._granted,
                dict(self._counts),
                {name: self._rate(name, now_s) for name in COUNTED},
                self._age_ms,
                self._inference_ms,
                None if self._last_s is None else now_s - self._last_s,
                self._gaps,
                self._told_gap_s,
                self._reopened,
                self._trouble,
            )

    def _count(self, name: str, now_s: float) -> None:
        self._counts[name] += 1
        self._first_s = now_s if self._first_s is None else self._first_s
        times = self._recent[name]
        times.append(now_s)
        _forget_old(times, now_s)

    def _rate(self, name: str, now_s: float) -> float:
        times = self._recent[name]
        _forget_old(times, now_s)
        since_s = 0.0 if self._first_s is None else now_s - self._first_s
        return len(times) / min(since_s, RATE_WINDOW_S) if since_s >= LEAST_WINDOW_S else 0.0


def _forget_old(times: Deque[float], now_s: float) -> None:
    while times and now_s - times[0] > RATE_WINDOW_S:
        times.popleft()
