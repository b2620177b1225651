"""The designs worth measuring: anchor sets x places to attach x ratios, thinned out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from edgedet.scales.anchor_sets import AnchorSet, k_means, k_means_sets, paper_rule
from edgedet.scales.design import Design, grouped
from edgedet.scales.levels import Layout, layouts, level_of
from edgedet.scales.objects import Floats, Objects
from edgedet.scales.overlaps import Overlaps
from edgedet.scales.score import fit
from edgedet.scales.window import Window
from edgedet.scales.window_search import search_sets

MOST_RATIOS = 3
LEAST_RATIO = 0.01
MOST_SHAPES = 12
"""Anchors of a set: each adds a row to a head, and positives that say the same."""


class _Rated(NamedTuple):
    fit: float
    design: Design

    @property
    def cost_order(self) -> tuple[int, int, int]:
        """Rises with the operations, as far as can be told without counting them."""
        layout = self.design.layout
        return layout.depth, len(layout.levels), self.design.shapes


def propose(objects: Objects, overlaps: Overlaps, trunk: str, window: Window) -> list[Design]:
    """Return the designs on `trunk` that fit best for each depth and number of levels and shapes.

    Raises UsageError for an unknown trunk.
    """
    sides = objects.sides
    found = search_sets(overlaps, sides, trunk, window)
    sets = [*paper_rule(sides), *k_means_sets(sides), *found]
    square = _best_of_kind(_rated(_attached(sets, trunk, window), overlaps, window))
    tried_ratios = ratio_sets(objects.ratios)
    formed = (
        Design(d.origin, d.layout, d.anchors, ratios)
        for d in (rated.design for rated in square)
        for ratios in tried_ratios
        if len(d.sides) * len(ratios) <= MOST_SHAPES
    )
    return [rated.design for rated in _best_of_kind(_rated(formed, overlaps, window))]


def ratio_sets(ratios: Floats) -> list[tuple[float, ...]]:
    """Return the width / height sets to try: squares, and 1..`MOST_RATIOS` groups' centres."""
    found: list[tuple[float, ...]] = [(1.0,)]
    for count in range(1, MOST_RATIOS + 1):
        centres = np.exp(k_means(np.log(ratios), count)).tolist()
        found.append(tuple(sorted({max(LEAST_RATIO, round(centre, 2)) for centre in centres})))
    return list(dict.fromkeys(found))


def _attached(sets: Iterable[AnchorSet], trunk: str, window: Window) -> list[Design]:
    """Return every set on every layout whose levels all get an anchor."""
    by_levels: dict[int, list[Layout]] = {}
    for layout in layouts(trunk):
        by_levels.setdefault(len(layout.levels), []).append(layout)
    designs: dict[Design, None] = {}
    for one in sets:
        for places in by_levels.values():
            for finest in (True, False):
                designs.update(dict.fromkeys(_on_all(one, places, window, finest=finest)))
    return list(designs)


def _on_all(
    anchors: AnchorSet, places: list[Layout], window: Window, *, finest: bool
) -> list[Design]:
    fields = np.array([[level.field_px for level in layout.levels] for layout in places])
    strides = np.array([[level.stride for level in layout.levels] for layout in places], float)
    owners = level_of(np.array(anchors.sides), fields, strides, window, finest=finest)
    levels = np.arange(fields.shape[1])
    used = (owners[:, :, None] == levels).any(axis=1).all(axis=1)
    return [
        Design(anchors.origin, places[i], grouped(anchors.sides, owners[i].tolist()))
        for i in np.flatnonzero(used)
    ]


def _rated(designs: Iterable[Design], overlaps: Overlaps, window: Window) -> list[_Rated]:
    # Many layouts put the same sizes on the same strides: their overlaps are equal.
    known: dict[tuple[object, ...], float] = {}
    rated = []
    for design in designs:
        key = (tuple(design.sides), tuple(design.strides), design.ratios)
        if key not in known:
            best = overlaps.best(design.sides, design.strides, design.ratios)
            known[key] = float(best.mean(dtype=np.float64))
        rated.append(_Rated(fit(known[key], design.a_scores, window), design))
    return rated


def _best_of_kind(rated: Iterable[_Rated]) -> list[_Rated]:
    """Return the best fit for each depth, number of levels and number of anchors."""
    best: dict[tuple[int, int, int], _Rated] = {}
    for one in rated:
        known = best.get(one.cost_order)
        if known is None or one.fit > known.fit:
            best[one.cost_order] = one
    return list(best.values())
