"""The four methods once more, written as their definitions read: loops over candidates and bins."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def slow_divergence(counts: Sequence[int], end: int, levels: int) -> float:
    """Migacz, S7310: P is the clipped histogram, Q its quantised form spread over P's bins."""
    reference = [int(count) for count in counts[:end]]
    kept = sum(reference)
    own = list(reference)
    reference[-1] += int(sum(counts[end:]))
    candidate = [0.0] * end
    level_of: dict[int, list[int]] = {}
    for j in range(end):
        level_of.setdefault(j * levels // end, []).append(j)
    for members in level_of.values():
        filled = [j for j in members if reference[j] > 0]
        for j in filled:
            candidate[j] = sum(own[m] for m in members) / len(filled) / kept if kept else 0.0
    total = sum(reference)
    divergence = 0.0
    for p, q in zip(reference, candidate, strict=True):
        if p and not q:
            return math.inf
        if p:
            divergence += p / total * math.log(p / total / q)
    return divergence


def slow_percentile(counts: Sequence[int], zeros: int, percent: float) -> int:
    """Return the end of the first bin up to which that many percent of the values are."""
    total = zeros + int(sum(counts))
    seen = zeros
    for j, count in enumerate(counts):
        seen += int(count)
        if seen >= total * (percent / 100):
            return j + 1
    raise AssertionError("more values than there are")


def slow_squared_error(values: np.ndarray, amax: float) -> float:
    """Return the mean squared error of symmetric INT8, value by value."""
    scale = amax / 127
    kept = [max(-127, min(127, round(float(v) / scale))) * scale for v in values]
    return float(np.mean((values - np.array(kept)) ** 2))
