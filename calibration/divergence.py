"""The entropy method: where to clip so that the levels of INT8 keep most of the distribution.

Migacz, "8-bit inference with TensorRT", GTC 2017, S7310, slides 26-32 and 38-40: of every clip
between 128 bins and all, the one with the least Kullback-Leibler divergence of the quantised
histogram from the clipped one, whose last bin takes what was clipped.

Two departures. Exact zeros are left out: every scale holds them, and behind a ReLU they are more
than half of the values, of which 128 levels would make a divergence that only a hard clip avoids.
And where the bins are no multiple of the levels, the levels share them evenly, as a quantiser
does, instead of leaving the remainder to the last one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from .statistics import BINS, Statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Number = TypeVar("Number", np.int64, np.float64)

LEVELS = 128
"""Of |x| in INT8."""


def entropy_bins(statistics: Statistics) -> Floats:
    """Return [T] where to clip each tensor, in bins of its histogram."""
    return np.array([_clip(counts) for counts in statistics.counts], np.float64)


def divergences(counts: NDArray[np.int64]) -> Floats:
    """Return [BINS - LEVELS + 1] the divergence, in nats, of clipping at 128, 129 ... BINS bins.

    counts: [BINS] of one tensor, not all 0. Infinite where the last level had nothing of its own.
    """
    total = counts.sum()
    ends = np.arange(LEVELS, BINS + 1)
    kept = _sums(counts)[ends]
    last, clipped = counts[ends - 1], total - kept
    # Sum of p ln p, where the last bin holds what was clipped as well.
    plain = _sums(_x_ln_x(counts))[ends - 1] + _x_ln_x(last + clipped)
    with np.errstate(invalid="ignore"):  # where nothing is kept
        found = _own(plain, total) - _cross(counts, clipped, total) + _ln(kept)
    return np.where(kept > 0, found, np.inf)


def _clip(counts: NDArray[np.int64]) -> float:
    used = np.flatnonzero(counts)
    if not used.size or used[-1] < LEVELS:
        return float(BINS)  # nothing to clip, or values too small for bins
    # Further ends clip nothing, and only thin out the levels.
    return float(LEVELS + divergences(counts)[: used[-1] + 2 - LEVELS].argmin())


def _own(plain: Floats, total: np.int64) -> Floats:
    return np.asarray(plain / total - np.log(total))


def _cross(counts: NDArray[np.int64], clipped: NDArray[np.int64], total: np.int64) -> Floats:
    """Return the sum of p ln q, but for the ln of the values that q counts.

    q gives the values of a level to those of its bins that are not empty in p, in equal parts.
    """
    edges = _level_edges()
    values = np.diff(_sums(counts)[edges], axis=1)
    bins = np.diff(_sums((counts > 0).astype(np.int64))[edges], axis=1)
    last_is_empty = counts[edges[:, -1] - 1] == 0
    bins[:, -1] += last_is_empty & (clipped > 0)  # not in p, which has them
    share = _ln(values) - _ln(bins)
    with np.errstate(invalid="ignore"):  # 0 ln 0, of an empty level
        inside = np.where(values > 0, values * share, 0.0).sum(axis=1)
        outside = np.where(clipped > 0, clipped * share[:, -1], 0.0)
    return np.asarray((inside + outside) / total)


@cache
def _level_edges() -> NDArray[np.int64]:
    """Return [ends, LEVELS + 1]: bin j of n belongs to level floor(j * LEVELS / n)."""
    ends = np.arange(LEVELS, BINS + 1)[:, None]
    return np.asarray(-(-np.arange(LEVELS + 1) * ends // LEVELS))


def _sums(values: NDArray[Number]) -> NDArray[Number]:
    """Return [n + 1] sums of the first 0, 1 ... n values."""
    return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])


def _x_ln_x(values: NDArray[np.int64]) -> Floats:
    return np.where(values > 0, values * np.log(np.maximum(values, 1)), 0.0)


def _ln(values: NDArray[np.int64]) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values))
