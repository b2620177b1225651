"""Best overlaps of the objects with many anchor shapes, each computed once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edgedet.scales.best_iou import GridShape, best_ious
from edgedet.scales.objects import Objects

MOST_OBJECTS = 10_000
"""More objects than this are represented by an even sample of them: percentiles of 10 000 are
sure to 1 %, and a search over hundreds of shapes still takes seconds."""


class Overlaps:
    """The best IoU of each object with the anchors of a shape; asked twice, computed once.

    Objects are put in the order of their coordinates, so that the order of images is nothing to
    any result.
    """

    def __init__(self, objects: Objects) -> None:
        boxes = objects.boxes_xyxy
        boxes = boxes[np.lexsort(boxes.T)]
        if len(boxes) > MOST_OBJECTS:
            boxes = boxes[np.linspace(0, len(boxes) - 1, MOST_OBJECTS).round().astype(np.int64)]
        self.imgsz = objects.imgsz
        self.boxes_xyxy = boxes
        """[n, 4] px of the input."""
        self._columns: dict[tuple[float, float, int], NDArray[np.float32]] = {}

    def column(self, side: float, ratio: float, stride: int) -> NDArray[np.float32]:
        """Return [n] the best IoU with anchors of that side and width / height on that grid."""
        key = (side, ratio, stride)
        if key not in self._columns:
            shape = GridShape(side * math.sqrt(ratio), side / math.sqrt(ratio), stride)
            ious = best_ious(self.boxes_xyxy, [shape], self.imgsz)
            self._columns[key] = ious[:, 0].astype(np.float32)
        return self._columns[key]

    def best(
        self, sides: Sequence[float], strides: Sequence[int], ratios: Sequence[float]
    ) -> NDArray[np.float32]:
        """Return [n] the best IoU with any anchor; `sides` and `strides` belong together."""
        pairs = zip(sides, strides, strict=True)
        columns = [self.column(side, ratio, stride) for side, stride in pairs for ratio in ratios]
        best: NDArray[np.float32] = np.max(columns, axis=0)
        return best
