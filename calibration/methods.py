"""The clip of each tensor, chosen from its statistics by one of four methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.errors import UsageError
from edgedet.runtime.int8_scales import Clip

from .divergence import entropy_bins
from .squared_error import mse_bins
from .statistics import BINS, Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

PERCENTILE = 99.99
"""Percent of the values, zeros among them, that are not clipped."""
SILENT_AMAX = 1.0
"""Of a tensor that held nothing but zeros: every scale holds zeros, but none may be zero."""


def amax_by(statistics: Statistics, method: str) -> dict[str, float]:
    """Return the clip of |x| of each tensor, above 0, by its name.

    method: minmax, the largest value; entropy, by which the 128 levels of |x| lose the least
    information (Kullback-Leibler divergence, as TensorRT describes it); percentile, below which
    99.99 % of the values are; mse, with the least squared error of INT8. Raises UsageError for
    another one.
    """
    if method not in METHODS:
        raise UsageError(f"a method among {', '.join(METHODS)}", method, "choose one of them")
    width, largest = statistics.bin_width, statistics.amax.astype(np.float64)
    clip = np.minimum(METHODS[method](statistics) * width, largest)
    clip = np.where(clip > 0, clip, SILENT_AMAX)
    return dict(zip(statistics.names, clip.tolist(), strict=True))


def clips_by(statistics: Statistics, method: str) -> dict[str, Clip]:
    """Return the range of each tensor, for asymmetric scales: what it held, within `amax_by`.

    It holds 0, which padding needs to be exact; both ends 0 only for a tensor that held zeros.
    """
    amax = amax_by(statistics, method)
    ends = zip(statistics.names, statistics.low.tolist(), statistics.high.tolist(), strict=True)
    return {
        name: Clip(max(min(low, 0.0), -amax[name]), min(max(high, 0.0), amax[name]))
        for name, low, high in ends
    }


def _minmax_bins(statistics: Statistics) -> NDArray[np.float64]:
    return np.full(len(statistics.names), float(BINS))


def _percentile_bins(statistics: Statistics) -> NDArray[np.float64]:
    """Return [T] the end of the first bin up to which there are enough values."""
    counted = statistics.counts.cumsum(axis=1) + statistics.zeros[:, None]
    enough = counted >= counted[:, -1:] * (PERCENTILE / 100)
    return np.asarray(enough.argmax(axis=1) + 1, np.float64)


METHODS: dict[str, Callable[[Statistics], NDArray[np.float64]]] = {
    "minmax": _minmax_bins,
    "entropy": entropy_bins,
    "percentile": _percentile_bins,
    "mse": mse_bins,
}
"""Each returns [T] where to clip, in bins of the histogram."""
