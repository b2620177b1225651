"""Slow, readable versions of what edgedet/models computes with tensors, for the tests."""

import math
from collections.abc import Sequence

import numpy as np


def slow_iou(a, b) -> float:
    """IoU of two xyxy boxes."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    shared = width * height
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def slow_anchors(side: int, stride: int, shapes_wh: Sequence[tuple[float, float]]) -> np.ndarray:
    """Anchors of one level of a square image, one after the other."""
    cells = math.ceil(side / stride)
    boxes = []
    for i in range(cells):
        for j in range(cells):
            for w, h in shapes_wh:
                x, y = (j + 0.5) * stride, (i + 0.5) * stride
                boxes.append((x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return np.array(boxes)


def slow_match(iou: np.ndarray, positive: float, negative: float, forced: float, tie) -> list[int]:
    """Owner of each anchor: an object, -1 for background, -2 for ignored. iou: [A, G] float32.

    An object claims the anchors with at least `positive`; if there is none, those within `tie`
    of its best (the first of them for None), when that reaches `forced`.
    """
    anchors, objects = iou.shape
    claims: list[list[tuple[bool, float, int]]] = [[] for _ in range(anchors)]
    for g in range(objects):
        ordinary = [a for a in range(anchors) if iou[a, g] >= positive]
        for a in ordinary:
            claims[a].append((False, iou[a, g], -g))
        best = max(iou[:, g])
        if ordinary or best < forced:
            continue
        tied = [a for a in range(anchors) if iou[a, g] >= best - (tie or 0)]
        for a in tied if tie is not None else tied[:1]:
            claims[a].append((True, iou[a, g], -g))
    owners = []
    for a in range(anchors):
        if claims[a]:
            owners.append(-max(claims[a])[2])
        else:
            owners.append(-1 if objects == 0 or max(iou[a]) < negative else -2)
    return owners


def slow_softmax(logits: Sequence[float]) -> list[float]:
    """Probabilities of one sample."""
    powers = [math.exp(x - max(logits)) for x in logits]
    return [p / sum(powers) for p in powers]


def slow_cross_entropy(logits, labels, weights) -> float:
    """Weighted mean over the samples, divided by the sum of the weights that were used."""
    total = used = 0.0
    for row, label in zip(logits, labels, strict=True):
        total -= weights[label] * math.log(slow_softmax(row)[label])
        used += weights[label]
    return total / used


def slow_smooth_l1(x: float) -> float:
    """With beta 1."""
    return 0.5 * x * x if abs(x) < 1 else abs(x) - 0.5


def slow_ssd_encode(box, anchor, centre_variance=0.1, size_variance=0.2) -> list[float]:
    """Centre offset over (variance x size), then ln of the size ratio over variance."""
    code = []
    for low in (0, 1):
        size = anchor[low + 2] - anchor[low]
        centre = (box[low] + box[low + 2]) / 2 - (anchor[low] + anchor[low + 2]) / 2
        code.append(centre / size / centre_variance)
    for low in (0, 1):
        ratio = (box[low + 2] - box[low]) / (anchor[low + 2] - anchor[low])
        code.append(math.log(ratio) / size_variance)
    return code


def slow_ssd_decode(code, anchor, centre_variance=0.1, size_variance=0.2) -> list[float]:
    """The box that a code stands for, xyxy."""
    box = [0.0] * 4
    for low in (0, 1):
        size = anchor[low + 2] - anchor[low]
        centre = (anchor[low] + anchor[low + 2]) / 2 + code[low] * centre_variance * size
        half = size * math.exp(code[low + 2] * size_variance) / 2
        box[low], box[low + 2] = centre - half, centre + half
    return box
