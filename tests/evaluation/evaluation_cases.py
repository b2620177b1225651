"""Small evaluation cases for the tests, drawn at random or written by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.runtime.detections import Detections

SIDE = 200


def labelled(
    boxes_xyxy: ArrayLike, labels: ArrayLike, ignored: ArrayLike | None = None, name: str = "a.jpg"
) -> LabelledImage:
    boxes = np.asarray(boxes_xyxy, dtype=np.float32).reshape(-1, 4)
    return LabelledImage(
        path=Path("/images") / name,
        size_hw=(SIDE, SIDE),
        boxes_xyxy=boxes,
        labels=np.asarray(labels, dtype=np.int64),
        ignored=np.zeros(len(boxes), bool) if ignored is None else np.asarray(ignored, bool),
    )


def annotated(*images: LabelledImage, classes: int = 1) -> Annotations:
    names = tuple(f"class {i}" for i in range(classes))
    return Annotations(names, images, Path("/images"), "coco")


def found(boxes_xyxy: ArrayLike, scores: ArrayLike, labels: ArrayLike) -> Detections:
    """Detections in any order of scores."""
    order = np.argsort(-np.asarray(scores, dtype=np.float32), kind="stable")
    boxes = np.asarray(boxes_xyxy, dtype=np.float32).reshape(-1, 4)[order]
    return Detections(boxes, np.asarray(scores)[order], np.asarray(labels, np.int64)[order])


def perfect(annotations: Annotations) -> list[Detections]:
    return [
        Detections(image.boxes_xyxy, np.ones(len(image.labels)), image.labels)
        for image in annotations.images
    ]


def random_case(
    seed: int, images: int = 5, classes: int = 3, distinct_scores: bool = False
) -> tuple[Annotations, list[Detections]]:
    """Objects of every size, some ignored; detections near them, doubled, and elsewhere."""
    rng = np.random.default_rng(seed)
    truth = [_random_image(rng, classes, f"{i}.jpg") for i in range(images)]
    results = [_random_detections(rng, image, classes) for image in truth]
    if distinct_scores:
        results = _with_distinct_scores(rng, results)
    return annotated(*truth, classes=classes), results


def _random_image(rng: np.random.Generator, classes: int, name: str) -> LabelledImage:
    n = int(rng.integers(0, 7))
    return labelled(_boxes(rng, n), rng.integers(0, classes, n), rng.random(n) < 0.15, name)


def _random_detections(rng: np.random.Generator, image: LabelledImage, classes: int) -> Detections:
    chosen = rng.integers(0, len(image.labels), 8) if len(image.labels) else np.zeros(0, int)
    near = image.boxes_xyxy[chosen] + rng.normal(0, 3, (len(chosen), 4))
    near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 1)
    away = _boxes(rng, int(rng.integers(0, 4)))
    boxes = np.concatenate([near, away])
    labels = np.concatenate([image.labels[chosen], rng.integers(0, classes, len(away))])
    return found(boxes, rng.choice(np.linspace(0.05, 1, 40), len(boxes)), labels)


def _with_distinct_scores(rng: np.random.Generator, results: list[Detections]) -> list[Detections]:
    """No two detections of the data set share a score: any order of the images is then equal."""
    total = sum(len(result) for result in results)
    scores = iter(np.split(rng.permutation(np.linspace(0.05, 0.95, total)), _ends(results)))
    return [found(r.boxes_xyxy, next(scores), r.labels) for r in results]


def _ends(results: list[Detections]) -> NDArray[np.int64]:
    return np.cumsum([len(result) for result in results])[:-1]


def _boxes(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    corners = rng.uniform(0, SIDE - 10, (n, 2))
    sides = np.exp(rng.uniform(np.log(3), np.log(120), (n, 2)))
    return np.concatenate([corners, np.minimum(corners + sides, SIDE)], axis=1)


seeds = st.integers(0, 2**32 - 1)
