"""Waiting until a machine is calm: a build before a measurement would count as its load."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from edgedet.runtime.environment import BUSY_LOAD_PER_CORE, usable_cores

POLL_S = 5.0
MOST_S = 120.0
"""The load average of a minute falls from 4 cores' to that of a calm machine in this time."""
LONG_WORK_S = 10.0
"""Work that took less leaves no load worth waiting for."""

logger = logging.getLogger(__name__)


def wait_after_work(
    seconds: float, load_per_core: Callable[[], float | None], most_s: float = MOST_S
) -> None:
    """Wait, after `seconds` of work, until the load average is that of a calm machine.

    load_per_core: of the last minute; None where it cannot be read. Gives up after `most_s`: then
    something else works there, and the report will say that the machine was busy.
    """
    if seconds < LONG_WORK_S:
        return
    end = time.monotonic() + most_s
    load = load_per_core()
    if load is not None and load > BUSY_LOAD_PER_CORE:
        logger.info("waiting until the machine is calm after the build")
    while load is not None and load > BUSY_LOAD_PER_CORE and time.monotonic() < end:
        time.sleep(min(POLL_S, most_s))
        load = load_per_core()


def load_here() -> float | None:
    """Return this machine's load average of the last minute by core."""
    try:
        return os.getloadavg()[0] / usable_cores()
    except (AttributeError, OSError):  # Windows has none
        return None


def load_in(text: str) -> float | None:
    """Return what `cat /proc/loadavg; nproc` says of a machine, or None."""
    words = text.split()
    try:
        return float(words[0]) / int(words[-1])
    except (IndexError, ValueError, ZeroDivisionError):
        return None
