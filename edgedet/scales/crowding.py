"""How closely objects stand, and which overlap suppression must therefore leave alone."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from edgedet.runtime.boxes import iou_matrix
from edgedet.scales.objects import Floats, Objects

SHARE = 0.01
"""Of the objects, how many may overlap another of their class more than suppression allows."""
STEP = 0.05
HIGHEST = 0.6
"""Above this a detector reports many objects twice."""


class Crowding(NamedTuple):
    """Overlaps between labelled objects of the same class."""

    allowed_iou: float
    """The suppression threshold they are held against."""
    lost: float
    """Share of the objects that overlap another one more than that."""
    needed_iou: float
    """The least threshold, in steps, that suppresses at most `SHARE` of them."""


def crowding(objects: Objects, allowed_iou: float) -> Crowding:
    """Return how many objects a suppression at `allowed_iou` would take for doubles."""
    closest = closest_ious(objects)
    needed = math.ceil(float(np.quantile(closest, 1 - SHARE)) / STEP - 1e-9) * STEP
    return Crowding(
        allowed_iou=allowed_iou,
        lost=float((closest > allowed_iou).mean()),
        needed_iou=round(min(max(needed, allowed_iou), HIGHEST), 2),
    )


def closest_ious(objects: Objects) -> Floats:
    """Return [n] the IoU of each object with the nearest of its class in its image, 0 if alone."""
    closest = np.zeros(len(objects.labels))
    order = np.lexsort((objects.labels, objects.image))
    keys = np.stack([objects.image[order], objects.labels[order]], axis=1)
    starts = np.flatnonzero((np.diff(keys, axis=0) != 0).any(axis=1)) + 1
    for group in np.split(order, starts):
        if len(group) > 1:
            boxes = objects.boxes_xyxy[group]
            ious = iou_matrix(boxes, boxes)
            np.fill_diagonal(ious, 0)
            closest[group] = ious.max(axis=1)
    return closest
