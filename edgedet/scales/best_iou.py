"""The best overlap that any anchor reaches with each object, without building the anchors.

Anchors of one shape stand on a grid. Their overlap with a box is the product of the overlaps along
x and y, each of which falls with the distance of the centres, so the anchor at the nearest centre
along both overlaps most; shapes being equal, its IoU is the highest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from edgedet.scales.objects import Floats


class GridShape(NamedTuple):
    """Anchors of one shape at every cell of one map."""

    width: float
    height: float
    stride: int


def best_ious(boxes_xyxy: Floats, shapes: list[GridShape], imgsz: int) -> Floats:
    """Return [n, k] the highest IoU of each box [n, 4] with the anchors of each of k shapes.

    The grid is that of `grid_anchors` over an input of imgsz x imgsz px.
    """
    table = np.array(shapes, np.float64).reshape(-1, 3)
    sizes, strides = table[:, :2], table[:, 2]
    shared = np.ones((len(boxes_xyxy), len(shapes)))
    for axis in (0, 1):
        low, high = boxes_xyxy[:, axis, None], boxes_xyxy[:, axis + 2, None]
        centre = _nearest_centre((low + high) / 2, strides, imgsz)
        half = sizes[:, axis] / 2
        overlap = np.minimum(high, centre + half) - np.maximum(low, centre - half)
        shared *= np.maximum(overlap, 0)
    area = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)[:, None]
    ious: Floats = shared / (area + sizes.prod(axis=1) - shared)
    return ious


def _nearest_centre(middle: Floats, strides: Floats, imgsz: int) -> Floats:
    """Return [n, k] the centre nearest to `middle` [n, 1] on the grid of each stride [k]."""
    last = np.ceil(imgsz / strides) - 1
    centre: Floats = (np.clip(np.rint(middle / strides - 0.5), 0, last) + 0.5) * strides
    return centre
