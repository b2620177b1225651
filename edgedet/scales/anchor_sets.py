"""Sets of anchor sizes: by the paper's rule, by k-means, and by a search under the window."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from edgedet.scales.objects import Floats

PAPER_FACTORS = (1.5, 1.7)
PAPER_LOWEST_PERCENTILE = 5
"""The paper starts where its objects begin: 5 % of the side, below which few objects lie."""
PAPER_LEVELS = 4
MOST_SIZES = 6
ROUNDS = 100


class AnchorSet(NamedTuple):
    """Sizes that could serve as anchors."""

    origin: str
    """How they were found, in words."""
    sides: tuple[float, ...]
    """Side lengths in px of the input, rising."""


def paper_rule(sides_px: Floats) -> list[AnchorSet]:
    """Return the sets of the paper, section 3.1: four sizes from a lowest by a constant factor.

    Fewer when the largest object would be nearer to a smaller size: an anchor that no object is
    near serves none, but would count among those whose receptive fields suit.
    """
    lowest, largest = float(np.percentile(sides_px, PAPER_LOWEST_PERCENTILE)), sides_px.max()
    sets = []
    for factor in PAPER_FACTORS:
        needed = 1 + math.ceil(math.log(largest / lowest, factor) - 0.5)
        sides = geometric(lowest, factor, min(max(needed, 1), PAPER_LEVELS))
        sets.append(AnchorSet(f"rule x{factor:g}", sides))
    return sets


def geometric(lowest: float, factor: float, count: int) -> tuple[float, ...]:
    """Return `count` sizes from `lowest` on, each `factor` times the one before."""
    return rounded([lowest * factor**step for step in range(count)])


def k_means_sets(sides_px: Floats) -> list[AnchorSet]:
    """Return the centres of 1..`MOST_SIZES` groups of sizes, those in log space."""
    logs = np.log(sides_px)
    sets = [
        AnchorSet(f"k-means {k}", rounded(np.exp(k_means(logs, k)).tolist()))
        for k in range(1, MOST_SIZES + 1)
    ]
    # Objects of fewer distinct sizes than k: fewer centres.
    return [s for s in sets if s.origin == f"k-means {len(s.sides)}"]


def k_means(values: Floats, k: int) -> Floats:
    """Return the rising centres [<= k] of k groups of `values` [n], n > 0.

    Lloyd's algorithm on a line, from the k evenly spaced quantiles: nothing is random, and the
    order of the values does not matter. Groups between neighbouring centres' midpoints.
    """
    ordered = np.sort(values)
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    quantiles = (np.arange(k) + 0.5) / k
    # Of the values themselves: an interpolated centre might have no value near it.
    centres: Floats = np.unique(np.quantile(ordered, quantiles, method="inverted_cdf"))
    for _ in range(ROUNDS):
        inner = np.searchsorted(ordered, (centres[1:] + centres[:-1]) / 2)
        edges = np.concatenate([[0], inner, [len(ordered)]])
        counts = np.diff(edges)
        moved = np.where(counts > 0, np.diff(sums[edges]) / np.maximum(counts, 1), centres)
        if np.allclose(moved, centres, rtol=0, atol=1e-9):
            break
        centres = moved
    return centres


def rounded(sides: list[float]) -> tuple[float, ...]:
    """Return rising, distinct sizes with three digits, but at most one behind the point.

    Whole tenths of a pixel are finer than any anchor needs and read well in a recipe.
    """
    return tuple(sorted({max(1.0, round(side, 1)) for side in sides}))
