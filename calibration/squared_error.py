"""The mse method: where to clip so that rounding and clipping together cost the least.

In bins of the histogram the error of a value depends on the bin and on the clip alone, not on the
tensor: one table serves all tensors, and choosing is one product of matrices.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from .statistics import BINS, Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

STEPS = 127
"""Of symmetric INT8 from 0 to the clip: -128 stays unused."""
LEAST_CLIP = STEPS + 1
"""In bins: below it a step would be narrower than a bin, which tells nothing of what is inside."""
POINTS = 4
"""Of each bin at which the error is taken: values lie anywhere in it."""


def mse_bins(statistics: Statistics) -> Floats:
    """Return [T] where to clip each tensor, in bins of its histogram; zeros have no error."""
    counts = statistics.counts
    cost = counts.astype(np.float64) @ error_table().T
    used = BINS - (counts[:, ::-1] > 0).argmax(axis=1)  # bins up to the largest value
    cost[candidates() > np.maximum(used, LEAST_CLIP)[:, None]] = np.inf
    return np.asarray(candidates()[cost.argmin(axis=1)], np.float64)


def candidates() -> NDArray[np.int64]:
    """Return the clips that are tried, in bins."""
    return np.arange(LEAST_CLIP, BINS + 1)


@cache
def error_table() -> Floats:
    """Return [clips, BINS]: mean squared error, in bins², of a value of each bin."""
    clips = candidates()[:, None]
    table = np.zeros((len(clips), BINS))
    for point in range(POINTS):
        value = np.arange(BINS) + (point + 0.5) / POINTS
        step = clips / STEPS
        kept = np.minimum(np.rint(value / step), STEPS) * step
        table += (value - kept) ** 2
    return table / POINTS
