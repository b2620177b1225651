"""How wide a receptive field should be for an anchor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgedet.runtime.errors import UsageError
from edgedet.scales.objects import Floats

ROUNDING = 1.01
"""A ratio outside the window by less than this factor is inside: sizes are rounded."""


class Window(NamedTuple):
    """A range of the A-score: side of the receptive field / side of the anchor."""

    low: float
    high: float

    @property
    def middle(self) -> float:
        """Half-way between both ends."""
        return (self.low + self.high) / 2

    def __str__(self) -> str:
        """`1.5 to 2.5`."""
        return f"{self.low:g} to {self.high:g}"

    def octaves_off(self, ratios: Floats) -> Floats:
        """Return how far each ratio lies from the middle: 1 for twice or half of it."""
        off: Floats = np.abs(np.log2(ratios / self.middle))
        return off

    def octaves_outside(self, ratios: Floats) -> Floats:
        """Return how far each ratio lies outside: 1 for twice the upper or half the lower end."""
        low, high = np.log2(self.low / ratios), np.log2(ratios / self.high)
        outside: Floats = np.where(self.holds(ratios), 0, np.maximum(low, high))
        return outside

    def holds(self, ratios: Floats) -> NDArray[np.bool_]:
        """Return whether each ratio lies inside, give or take the rounding."""
        inside: NDArray[np.bool_] = (ratios >= self.low / ROUNDING) & (
            ratios <= self.high * ROUNDING
        )
        return inside


PAPER = Window(1.5, 2.5)
"""What the scale-aware SSD paper argues for (section 3.2)."""
DEFAULT = Window(3.0, 8.0)
"""Deeper maps than the paper's. Of two data sets it was better on one, the other way round on the
other (docs/results/alignment.md)."""


def window_from(text: str) -> Window:
    """Read `LOW,HIGH`; raise UsageError unless 0 < LOW < HIGH."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = 0.0
    if not 0 < low < high < np.inf:
        fix = "write it as --window 1.5,2.5, which is the paper's"
        raise UsageError("--window LOW,HIGH with 0 < LOW < HIGH", repr(text), fix)
    return Window(low, high)
