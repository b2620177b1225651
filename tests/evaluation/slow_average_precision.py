"""Average precision written slowly, to be read: the yardstick for the fast one."""

from __future__ import annotations

import numpy as np

from edgedet.data.annotations import Annotations
from edgedet.runtime.detections import Detections

Box = tuple[float, float, float, float]


def average_precision(
    annotations: Annotations,
    detections: list[Detections],
    label: int,
    iou: float,
    area_range: tuple[float, float] = (0, 1e10),
) -> float:
    """AP of one class at one IoU: mean, over 101 recalls, of the best precision at or past it."""
    verdicts: list[tuple[float, bool]] = []
    objects = 0
    for image, result in zip(annotations.images, detections, strict=True):
        mine, crowds = [], []
        for box, its, ignored in zip(image.boxes_xyxy, image.labels, image.ignored, strict=True):
            if its != label:
                continue
            counted = not ignored and _inside(box, area_range)
            (mine if counted else crowds).append((box.tolist(), bool(ignored)))
        objects += len(mine)
        verdicts += _judge(result, label, mine, crowds, iou, area_range)
    if objects == 0:
        return float("nan")
    verdicts.sort(key=lambda verdict: -verdict[0])
    hits = np.cumsum([hit for _, hit in verdicts])
    points = [(h / objects, h / (i + 1)) for i, h in enumerate(hits)]
    best = [
        max((precision for recall, precision in points if recall >= wanted), default=0.0)
        for wanted in np.linspace(0, 1, 101)
    ]
    return float(np.mean(best))


def _judge(result, label, mine, crowds, iou, area_range):
    """(score, hit?) for each detection that counts."""
    free, resting = list(range(len(mine))), list(range(len(crowds)))
    for box, score, its in zip(result.boxes_xyxy, result.scores, result.labels, strict=True):
        if its != label:
            continue
        own = [(_overlap(box.tolist(), mine[i][0]), i) for i in free]
        own = [pair for pair in own if pair[0] >= iou]
        if own:
            # Of equal overlaps COCO takes the last.
            free.remove(max(own)[1])
            yield float(score), True
            continue
        excused = [(_overlap(box.tolist(), crowds[i][0], crowd=crowds[i][1]), i) for i in resting]
        excused = [pair for pair in excused if pair[0] >= iou]
        if excused:
            taken = max(excused)[1]
            if not crowds[taken][1]:
                resting.remove(taken)
        elif _inside(box, area_range):
            yield float(score), False


def _inside(box, area_range: tuple[float, float]) -> bool:
    left, top, right, bottom = (float(v) for v in box)
    return area_range[0] <= (right - left) * (bottom - top) <= area_range[1]


def _overlap(a: Box, b: Box, crowd: bool = False) -> float:
    """IoU; over a crowd region, the share of the detection that lies in it."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    own = (a[2] - a[0]) * (a[3] - a[1])
    other = (b[2] - b[0]) * (b[3] - b[1])
    shared = width * height
    return shared / own if crowd else shared / (own + other - shared)
