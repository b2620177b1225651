"""The geometric sequences of sizes that overlap best with the objects, under the window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedet.models.tap_points import tap_points
from edgedet.scales.anchor_sets import MOST_SIZES, AnchorSet, rounded
from edgedet.scales.levels import LEAST_STRIDE, level_of
from edgedet.scales.objects import Floats
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.score import fit
from edgedet.scales.window import Window

GRID = 40
"""Sizes tried between the smallest and the largest objects, evenly in log space."""
LARGEST_FACTOR = 2.0
"""Between neighbouring sizes: IoU with an anchor of twice the side is at most 1/4."""


def search_sets(
    overlaps: Overlaps, sides_px: Floats, trunk: str, window: Window
) -> list[AnchorSet]:
    """Return the best sequence of each length 1..`MOST_SIZES`.

    Each size is taken to stand on the block of `trunk` that suits it. Best: highest `fit`.
    """
    low, high = np.percentile(sides_px, (1, 99))
    grid = rounded(np.geomspace(low, high, GRID).tolist())
    points = [point for point in tap_points(trunk) if point.stride >= LEAST_STRIDE]
    fields = np.array([point.field_px for point in points])
    strides = np.array([point.stride for point in points], np.float64)
    owner = level_of(np.array(grid), fields, strides, window, finest=True)
    ratios = fields[owner] / np.array(grid)
    pairs = zip(grid, owner, strict=True)
    columns = [overlaps.column(side, 1.0, points[place].stride) for side, place in pairs]
    table = np.stack(columns, axis=1)
    found = []
    for count in range(1, MOST_SIZES + 1):
        chosen = max(
            _sequences(grid, count), key=lambda s: _value(table, ratios, s, window), default=()
        )
        if chosen:
            sides = tuple(grid[place] for place in chosen)
            found.append(AnchorSet(f"search {count}", sides))
    return found


def _sequences(grid: tuple[float, ...], count: int) -> list[tuple[int, ...]]:
    """Every evenly spaced choice of `count` places of the grid."""
    steps = [d for d in range(1, len(grid)) if grid[d] / grid[0] <= LARGEST_FACTOR]
    steps = steps if count > 1 else [1]
    reach = [(start, step) for step in steps for start in range(len(grid) - (count - 1) * step)]
    return [tuple(start + step * i for i in range(count)) for start, step in reach]


def _value(
    table: NDArray[np.float32], ratios: Floats, places: tuple[int, ...], window: Window
) -> float:
    chosen = list(places)
    best = table[:, chosen].max(axis=1)
    return fit(float(best.mean(dtype=np.float64)), ratios[chosen], window)
