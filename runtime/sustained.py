"""How a speed holds out: a long run in equal slices of time."""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

import numpy as np

from .passes import Passes
from .power_reading import Reading
from .power_report import throttle_shares, total_power_w

if TYPE_CHECKING:
    from numpy.typing import NDArray

SLICES = 10
SHORTEST_S = 1.0
"""Of a slice: sensors are read twice a second."""
Between = Callable[[float, float], List[Reading]]
"""Gives the readings between two moments of time.monotonic."""


def sustained_report(passes: Passes, batch: int, between: Between) -> Dict[str, Any]:
    """Return ``seconds``, ``slices`` and ``slowed_percent`` in plain JSON types.

    A slice holds its end in ``to_s``, how many ``iterations`` ended in it, the median of
    frame_to_result in ``median_ms`` and its ``fps``, and of the readings: mean ``power_w`` of the
    board or card, ``hottest_c``, mean ``clock_mhz`` by name, ``throttle_reasons``.
    ``slowed_percent``: how much longer the last slice took than the fastest; None for one alone.
    """
    ends, times = passes.column("end_s"), passes.column("frame_to_result")
    begin_s = ends[0] - times[0] / 1000.0
    count = min(SLICES, len(passes), max(1, int((ends[-1] - begin_s) / SHORTEST_S)))
    edges = np.linspace(begin_s, ends[-1], count + 1)
    parts = np.clip(np.searchsorted(edges, ends, "left") - 1, 0, len(edges) - 2)
    slices = []
    for part in np.unique(parts):
        speed = _speed(times[parts == part], batch)
        heat = _heat(between(edges[part], edges[part + 1]))
        slices.append(dict(speed, to_s=round(float(edges[part + 1] - begin_s), 2), **heat))
    return {
        "seconds": round(float(ends[-1] - begin_s), 2),
        "slices": slices,
        "slowed_percent": _slowed([one["median_ms"] for one in slices]),
    }


def _speed(times_ms: "NDArray[Any]", batch: int) -> Dict[str, Any]:
    median = float(np.median(times_ms))
    return {
        "iterations": len(times_ms),
        "median_ms": round(median, 4),
        "fps": round(batch * 1000.0 / median, 2) if median else None,
    }


def _heat(readings: List[Reading]) -> Dict[str, Any]:
    watts = [total_power_w(reading) for reading in readings]
    degrees = [value for reading in readings for value in reading.temperature_c.values()]
    clocks: Dict[str, List[float]] = {}
    for reading in readings:
        for name, mhz in reading.clock_mhz.items():
            clocks.setdefault(name, []).append(mhz)
    return {
        "power_w": _mean([value for value in watts if value is not None]),
        "hottest_c": max(degrees) if degrees else None,
        "clock_mhz": {name: _mean(values) for name, values in sorted(clocks.items())},
        "throttle_reasons": throttle_shares(readings) or {},
    }


def _mean(values: List[float]) -> Optional[float]:
    return round(sum(values) / len(values), 3) if values else None


def _slowed(medians_ms: List[float]) -> Optional[float]:
    if len(medians_ms) < 2 or not min(medians_ms):
        return None
    return round(100.0 * (medians_ms[-1] / min(medians_ms) - 1.0), 2)
