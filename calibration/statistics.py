"""What is kept of the values of each tensor: their range, and a histogram of their sizes.

A histogram ends at a power of two. A larger value doubles the end and adds the bins in pairs,
which is exact: so the histogram depends on the values alone, not on how many images they come from
or in which order, and the memory does not grow with the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgedet.runtime.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS = 2048
BLOCK = 1 << 16
"""Values that are counted at once: what is made of them stays in the cache."""
LEAST_EXPONENT = -100
"""Of the end of a histogram. Values below 2**-100 share its first bins: the width of smaller bins
is no FP32 number any more, nor would be their scale."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of all tensors of a model, row by row in the order of `names`. The arrays are filled."""

    names: tuple[str, ...]
    low: NDArray[np.float32]
    """[T] smallest value; infinite before the first."""
    high: NDArray[np.float32]
    """[T] largest value; -infinite before the first."""
    exponent: NDArray[np.int64]
    """[T] the histogram ends at 2**exponent, which no value reaches."""
    counts: NDArray[np.int64]
    """[T, BINS] values by their size |x|, zeros left out."""
    zeros: NDArray[np.int64]
    """[T] values that are exactly 0: whatever the scale is, it holds them."""

    @classmethod
    def empty(cls, names: Sequence[str]) -> Statistics:
        """Return the statistics of no values."""
        return cls(
            names=tuple(names),
            low=np.full(len(names), np.inf, np.float32),
            high=np.full(len(names), -np.inf, np.float32),
            exponent=np.full(len(names), LEAST_EXPONENT, np.int64),
            counts=np.zeros((len(names), BINS), np.int64),
            zeros=np.zeros(len(names), np.int64),
        )

    @property
    def amax(self) -> NDArray[np.float32]:
        """[T] largest |x|; 0 for a tensor without values."""
        return np.maximum(np.maximum(-self.low, self.high), np.float32(0))

    @property
    def bin_width(self) -> NDArray[np.float64]:
        """[T] width of a bin, in units of the tensor."""
        return np.ldexp(1.0 / BINS, self.exponent)

    def add(self, row: int, values: NDArray[np.float32]) -> None:
        """Count the values, of any shape, of the tensor `names[row]`.

        Raises ModelError when one is not finite.
        """
        flat = values.reshape(-1)
        if not flat.size:
            return
        low, high = flat.min(), flat.max()
        _check_finite(self.names[row], float(low), float(high))
        self.low[row] = min(self.low[row], low)
        self.high[row] = max(self.high[row], high)
        self._widen(row, float(max(-low, high, 0)))
        self._count(row, flat)

    def _widen(self, row: int, amax: float) -> None:
        exponent = max(LEAST_EXPONENT, int(np.frexp(amax)[1]))
        for _ in range(min(exponent - int(self.exponent[row]), BINS.bit_length())):
            pairs = self.counts[row].reshape(-1, 2).sum(axis=1)
            self.counts[row] = 0
            self.counts[row, : BINS // 2] = pairs
        self.exponent[row] = max(exponent, self.exponent[row])

    def _count(self, row: int, flat: NDArray[np.float32]) -> None:
        # By a power of two: exact, so that a value falls into one bin whenever it is counted.
        bins_per_unit = np.float32(np.ldexp(float(BINS), -int(self.exponent[row])))
        size = np.empty(min(flat.size, BLOCK), np.float32)
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK]
            np.abs(block, out=size[: block.size])
            size[: block.size] *= bins_per_unit
            counted = np.bincount(size[: block.size].astype(np.intp), minlength=BINS)
            zeros = block.size - np.count_nonzero(block)
            counted[0] -= zeros
            self.counts[row] += counted
            self.zeros[row] += zeros


def _check_finite(name: str, low: float, high: float) -> None:
    for value in (low, high):
        if not np.isfinite(value):
            fix = "train again with a lower learning rate, or report this with the checkpoint"
            raise ModelError("finite values in FP32", f"{value} in the tensor {name}", fix)
