"""A backend that knows the truth and blurs it, for tests on real photographs without a model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.runtime.preprocess import resize
from edgedet.runtime.spec import ModelSpec

TOP_K = 400


class BlurredTruth:
    """Answers batch after batch, in the order of ``annotations``, with what was labelled.

    ``noise`` in pixels of the input moves corners, ``missing`` of the objects are left out and
    as many boxes as ``invented`` times the objects are made up. 0 everywhere: a perfect detector.
    """

    def __init__(
        self,
        annotations: Annotations,
        noise: float = 0.0,
        missing: float = 0.0,
        invented: float = 0.0,
        batch: int = 1,
        class_names: tuple[str, ...] | None = None,
    ) -> None:
        self.spec = ModelSpec(class_names or annotations.class_names, (320, 320))
        self.batch = batch
        self._data = annotations
        self._noise, self._missing, self._invented = noise, missing, invented
        self._next = 0
        self.closed = False

    def infer(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.generic], ...]:
        assert batch.shape == (self.batch, 3, 320, 320)
        images = self._data.images[self._next : self._next + self.batch]
        self._next += len(images)
        answers = [self._answer(image) for image in images]
        answers += [_padded(np.zeros((0, 4)), np.zeros(0), np.zeros(0))] * (
            self.batch - len(images)
        )
        boxes, scores, labels = zip(*answers, strict=True)
        return np.stack(boxes), np.stack(scores), np.stack(labels)

    def close(self) -> None:
        self.closed = True

    def _answer(self, image: LabelledImage) -> tuple[NDArray[np.generic], ...]:
        rng = np.random.default_rng(len(image.labels) + 1000 * self._next)
        frame = np.zeros((*image.size_hw, 3), np.uint8)
        boxes = resize(frame, self.spec)[1].boxes_to_input(image.boxes_xyxy)
        names = self._data.class_names
        order = np.array([self.spec.class_names.index(name) for name in names])
        kept = rng.random(len(boxes)) >= self._missing
        near = boxes[kept] + rng.normal(0, 1, (int(kept.sum()), 4)) * self._noise
        count = int(round(self._invented * len(boxes)))
        corners = rng.uniform(0, 280, (count, 2))
        away = np.concatenate([corners, corners + rng.uniform(8, 40, (count, 2))], axis=1)
        labels = np.concatenate([order[image.labels[kept]], rng.integers(0, len(names), count)])
        blurred = self._noise > 0
        scores = np.concatenate(
            [
                rng.uniform(0.2, 1.0, len(near)) if blurred else np.ones(len(near)),
                rng.uniform(0.05, 0.6, count),
            ]
        )
        return _padded(np.concatenate([near, away]), scores, labels)


def _padded(
    boxes: NDArray[np.floating], scores: NDArray[np.floating], labels: NDArray[np.generic]
) -> tuple[NDArray[np.generic], ...]:
    """Best first, filled up to the static K with candidates of score 0."""
    order = np.argsort(-scores, kind="stable")[:TOP_K]
    n = len(order)
    all_boxes = np.zeros((TOP_K, 4), np.float32)
    all_scores, all_labels = np.zeros(TOP_K, np.float32), np.zeros(TOP_K, np.int64)
    all_boxes[:n], all_scores[:n], all_labels[:n] = boxes[order], scores[order], labels[order]
    return all_boxes, all_scores, all_labels
