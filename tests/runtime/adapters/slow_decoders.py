"""Readable decoders, cell by cell in plain Python, from the published formulas.

YOLOX: arXiv:2107.08430, section 2.1. YOLOv5: its paper-less formulas, as decoded by the exported
graph. NanoDet: arXiv:2006.04388, equation 5. SSD: arXiv:1512.02325, section 2.2.
"""

import math

import numpy as np


def cells(size_hw, strides):
    """Yield column, row and stride of each cell: level by level, row by row."""
    for stride in strides:
        for row in range(math.ceil(size_hw[0] / stride)):
            for column in range(math.ceil(size_hw[1] / stride)):
                yield column, row, stride


def corners(x, y, width, height):
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def best(candidates, count, least=0.001):
    """Boxes, scores and labels of the best, in the order of falling scores."""
    kept = sorted((c for c in candidates if c[1] >= least), key=lambda c: -c[1])[:count]
    boxes = np.array([c[0] for c in kept]).reshape(-1, 4)
    return boxes, np.array([c[1] for c in kept]), np.array([c[2] for c in kept], int)


def yolox(table, size_hw, strides, decoded):
    found = []
    for values, (column, row, stride) in zip(table, cells(size_hw, strides)):
        x, y, width, height, objectness = (float(v) for v in values[:5])
        if not decoded:
            x, y = (x + column) * stride, (y + row) * stride
            width, height = math.exp(width) * stride, math.exp(height) * stride
        for label, score in enumerate(values[5:]):
            found.append((corners(x, y, width, height), float(objectness * score), label))
    return found


def with_objectness(table):
    found = []
    for x, y, width, height, objectness, *scores in table.tolist():
        for label, score in enumerate(scores):
            found.append((corners(x, y, width, height), objectness * score, label))
    return found


def without_objectness(rows):
    found = []
    for x, y, width, height, *scores in rows.tolist():
        found += [(corners(x, y, width, height), s, label) for label, s in enumerate(scores)]
    return found


def nanodet(table, size_hw, strides, offset):
    found, classes = [], table.shape[1] - 32
    for values, (column, row, stride) in zip(table, cells(size_hw, strides)):
        x, y = (column + offset) * stride, (row + offset) * stride
        distances = []
        for side in range(4):
            logits = [float(v) for v in values[classes + 8 * side : classes + 8 * side + 8]]
            powers = [math.exp(v) for v in logits]
            distances.append(sum(n * p for n, p in enumerate(powers)) / sum(powers) * stride)
        left, top, right, bottom = distances
        box = [
            min(max(x - left, 0), size_hw[1]),
            min(max(y - top, 0), size_hw[0]),
            min(max(x + right, 0), size_hw[1]),
            min(max(y + bottom, 0), size_hw[0]),
        ]
        found += [(box, float(score), label) for label, score in enumerate(values[:classes])]
    return found
