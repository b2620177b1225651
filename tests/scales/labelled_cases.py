"""Annotations made of numbers: the sizes of objects need no pixels."""

from pathlib import Path

import numpy as np

from edgedet.data.annotations import Annotations, LabelledImage


def labelled(boxes, labels=None, ignored=None, size_hw=(512, 512), name="a.png"):
    """One image with those boxes [n, 4], of class 0 unless said otherwise."""
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    n = len(boxes)
    return LabelledImage(
        Path("/nowhere") / name,
        size_hw,
        boxes,
        np.array([0] * n if labels is None else labels, np.int64),
        np.array([False] * n if ignored is None else ignored, np.bool_),
    )


def annotations(*images, classes=("pear",)):
    return Annotations(tuple(classes), tuple(images), Path("/nowhere/train.json"), "coco")


def scattered(count, median, spread, seed=0, images=4, classes=1):
    """Objects of log-normal sizes anywhere in images of 512 px."""
    rng = np.random.default_rng(seed)
    sides = np.clip(median * np.exp(rng.normal(0, spread, count)), 2, 400)
    ratios = np.exp(rng.normal(0, 0.2, count))
    wh = np.stack([sides * np.sqrt(ratios), sides / np.sqrt(ratios)], axis=1)
    xy = rng.uniform(0, 1, (count, 2)) * (512 - np.minimum(wh, 500))
    boxes = np.concatenate([xy, xy + wh], axis=1)
    labels = rng.integers(0, classes, count)
    parts = np.array_split(np.arange(count), images)
    return annotations(
        *(labelled(boxes[p], labels[p], name=f"{i}.png") for i, p in enumerate(parts)),
        classes=[f"class {i}" for i in range(classes)],
    )
