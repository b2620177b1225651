"""Watching power, temperature and clocks while something runs."""

import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from .machine import Machine
from .power_poller import Poller
from .power_reading import Reading
from .power_report import power_report
from .power_sources import PowerSources, find_sources

INTERVAL_S = 0.5
"""Between two readings of one source: 2 a second are not noticed by what runs."""
MOST_READINGS = 10000
"""Of one source; a run of hours is read less often."""


def watch_power(run_s: float = 0.0, root: str = "/") -> "PowerWatch":
    """Return a watch for a run of about `run_s` seconds, to be entered with ``with``.

    root: where the machine's files and programs are.
    """
    return PowerWatch(Machine(root), max(INTERVAL_S, run_s / MOST_READINGS))


class PowerWatch:
    """A context manager: its sources run inside, and nothing of them is left outside.

    No sensor makes it raise: what cannot be read is missing from the report, with the reason.
    """

    def __init__(self, machine: Machine, interval_s: float = INTERVAL_S) -> None:
        """interval_s: seconds between two readings of one source."""
        self._machine = machine
        self._interval_s = interval_s
        self._running = ExitStack()
        self._readings: List[Reading] = []
        self._begin_s = self._end_s = 0.0
        self._sources = PowerSources(None, [], [])
        self._poller = Poller([], interval_s)

    def __enter__(self) -> "PowerWatch":
        self._sources = find_sources(self._machine, self._interval_s)
        self._poller = Poller(self._sources.polled, self._interval_s)
        parts = [self._sources.tegrastats] if self._sources.tegrastats else []
        try:
            for part in parts + [self._poller]:
                self._running.callback(part.stop)
                part.start(self._readings.append)
        except BaseException:
            self._running.close()
            raise
        self.begin()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._end_s = time.monotonic()
        self._running.close()

    def begin(self) -> None:
        """Leave what was read before out of the report: the work begins now."""
        self._begin_s = time.monotonic()
        self._poller.read_soon()

    def report(self, frame_s: float) -> Dict[str, Any]:
        """Return ``power`` in plain JSON types or None, and ``power_missing``: why it is None.

        frame_s: seconds that one frame takes. To be called after the ``with`` block.
        """
        seconds = self._end_s - self._begin_s
        # No end: the last reading is taken when the work is over, at once.
        kept = [reading for reading in self._readings if reading.time_s >= self._begin_s]
        told = power_report(kept, frame_s)
        if told is None:
            return {"power": None, "power_missing": self._why_missing(seconds)}
        return {"power": dict(self._facts(seconds), **told), "power_missing": None}

    def between(self, from_s: float, to_s: float) -> List[Reading]:
        """Return what was read between two moments of time.monotonic."""
        return [reading for reading in self._readings if from_s <= reading.time_s <= to_s]

    def highest_clocks_mhz(self) -> Dict[str, float]:
        """Return the highest clock that was read of each part, {} without sensors."""
        highest: Dict[str, float] = {}
        for reading in self._readings:
            for name, clock in reading.clock_mhz.items():
                highest[name] = max(clock, highest.get(name, 0.0))
        return highest

    def _facts(self, seconds: float) -> Dict[str, Any]:
        limits: Dict[str, float] = {}
        for source in self._sources.polled:
            limits.update(source.limits)
        return {
            "sources": self._names(),
            "interval_s": self._interval_s,
            "seconds": round(seconds, 3),
            "highest_clock_mhz": limits,
            "faults": self._faults(),
        }

    def _names(self) -> List[str]:
        names = [source.name for source in self._sources.polled]
        return [self._sources.tegrastats.name] + names if self._sources.tegrastats else names

    def _faults(self) -> List[str]:
        told = [self._poller.fault]
        if self._sources.tegrastats:
            told.append(self._sources.tegrastats.fault)
        for source in self._sources.polled:
            told += sorted(source.faults)
        return [fault for fault in told if fault]

    def _why_missing(self, seconds: float) -> str:
        if not self._names():
            return ", ".join(self._sources.absent)
        reasons = self._faults() or ["none in {:.1f} s of work".format(seconds)]
        return "no reading from {}: {}".format(", ".join(self._names()), ", ".join(reasons))
