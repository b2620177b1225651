"""Outputs as networks of each family give them, with random numbers in the right ranges."""

import numpy as np
import slow_decoders


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def places(size_hw, strides, repeat=1):
    """Column, row, stride [cells,3], each level ``repeat`` times."""
    listed = []
    for stride in strides:
        listed += list(slow_decoders.cells(size_hw, [stride])) * repeat
    return np.array(listed, np.float64)


def scores(random, shape):
    """Few are high, as in a picture with few objects."""
    return sigmoid(random.normal(-5, 3, shape))


def raw_yolox(size_hw, classes, strides=(8, 16, 32), seed=0):
    random = np.random.RandomState(seed)
    count = len(places(size_hw, strides))
    box = random.normal(0, 1, (count, 4))
    return np.concatenate([box, scores(random, (count, 1 + classes))], 1).astype(np.float32)


def decoded_yolox(size_hw, classes, strides=(8, 16, 32), seed=0):
    random = np.random.RandomState(seed)
    where = places(size_hw, strides)
    box = _box_near(random, where)
    columns = scores(random, (len(where), 1 + classes))
    return np.concatenate([box, columns], 1).astype(np.float32)


def decoded_yolov5(size_hw, classes, strides=(8, 16, 32), seed=0):
    random = np.random.RandomState(seed)
    where = places(size_hw, strides, repeat=3)
    columns = scores(random, (len(where), 1 + classes))
    return np.concatenate([_box_near(random, where), columns], 1).astype(np.float32)


def decoded_yolov8(size_hw, classes, strides=(8, 16, 32), seed=0):
    """[cells, 4+classes]; the graph gives it transposed."""
    random = np.random.RandomState(seed)
    where = places(size_hw, strides)
    columns = scores(random, (len(where), classes))
    return np.concatenate([_box_near(random, where), columns], 1).astype(np.float32)


def nanodet(size_hw, classes, strides=(8, 16, 32, 64), seed=0):
    random = np.random.RandomState(seed)
    count = len(places(size_hw, strides))
    distances = random.normal(0, 3, (count, 32))
    return np.concatenate([scores(random, (count, classes)), distances], 1).astype(np.float32)


def _box_near(random, where):
    """x = (2 sigmoid - 0.5 + cell) * stride, and some size: YOLOv5's formula."""
    centre = 2 * sigmoid(random.normal(0, 1, (len(where), 2))) - 0.5 + where[:, :2]
    size = (2 * sigmoid(random.normal(0, 1, (len(where), 2)))) ** 2 * 3
    return np.concatenate([centre, size], 1) * where[:, 2:]
