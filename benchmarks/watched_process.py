"""A process under watch: memory, open files and threads, and their growth. Linux only."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from results import Finding

COMMAND = str(Path(sys.executable).with_name("edgedet"))
"""Not `python -m edgedet`, which takes the folder of that name in the root of a checkout for it."""
EVERY_S = 5.0
MOST_GROWTH = 0.02
"""Of the memory in use, between the second tenth of the run and the last one."""


class Sample(NamedTuple):
    """One look at the process."""

    at_s: float
    rss_kib: int
    files: int
    threads: int


def sampled(process: subprocess.Popen[Any], seconds: float) -> Iterator[Sample]:
    """Yield a sample every few seconds; RuntimeError when the process ends."""
    folder, began_s = Path(f"/proc/{process.pid}"), time.monotonic()
    while (at_s := time.monotonic() - began_s) < seconds:
        if process.poll() is not None:
            raise RuntimeError(f"the camera ended with {process.returncode} after {at_s:.0f} s")
        status = dict(
            line.split(":", 1) for line in (folder / "status").read_text().splitlines() if line
        )
        files = len(list((folder / "fd").iterdir()))
        yield Sample(round(at_s, 1), int(status["VmRSS"].split()[0]), files, int(status["Threads"]))
        time.sleep(EVERY_S)


def growth(samples: list[Sample]) -> list[Finding]:
    """Return by how much it grew, from the second tenth of the run to the last."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth] or samples, samples[-tenth:]

    def grown(field: str) -> float:
        before, after = (median(getattr(each, field) for each in group) for group in (early, late))
        return float(after) - float(before)

    share = grown("rss_kib") / median(each.rss_kib for each in early)
    return [
        Finding("growth of the memory in use", round(share, 4), "share", MOST_GROWTH),
        Finding("more open files", grown("files"), "files", 0.0),
        Finding("more threads", grown("threads"), "threads", 0.0),
    ]


def thinned(samples: list[Sample]) -> list[Sample]:
    """Return fifty to a hundred of them, for the record."""
    return samples[:: max(1, len(samples) // 50)]
