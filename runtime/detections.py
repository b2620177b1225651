"""The one result of a detector: parallel arrays, validated once."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Detections:
    """What was found in one image, best first.

    ``boxes_xyxy`` float32 [n,4]: left, top, right, bottom in pixels of the image.
    ``scores`` float32 [n], descending. ``labels`` int64 [n]: index into the class names.
    Two are equal when all their values are.
    """

    __slots__ = ("boxes_xyxy", "labels", "scores")
    boxes_xyxy: "NDArray[np.float32]"
    scores: "NDArray[np.float32]"
    labels: "NDArray[np.int64]"

    def __init__(self, boxes_xyxy: "ArrayLike", scores: "ArrayLike", labels: "ArrayLike") -> None:
        """ValueError for shapes that do not fit and for scores that are not descending."""
        self.boxes_xyxy = np.asarray(boxes_xyxy, dtype=np.float32)
        self.scores = np.asarray(scores, dtype=np.float32)
        self.labels = np.asarray(labels, dtype=np.int64)
        shapes = (self.boxes_xyxy.shape, self.scores.shape, self.labels.shape)
        n = self.scores.size
        if shapes != ((n, 4), (n,), (n,)):
            message = "expected boxes_xyxy [n,4], scores [n], labels [n], found {}, {}, {}"
            raise ValueError(message.format(*shapes))
        # Written so that a NaN fails as well.
        if not (self.scores[:-1] >= self.scores[1:]).all():
            raise ValueError("expected scores in descending order, found {}".format(self.scores))

    @classmethod
    def empty(cls) -> "Detections":
        """No detection at all: boxes_xyxy [0,4], scores [0], labels [0]."""
        return cls(np.zeros((0, 4)), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.scores)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return all(np.array_equal(a, b) for a, b in zip(self._arrays(), other._arrays()))

    # Equal by value and holding arrays that can change: not usable as a key.
    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        rows = zip(self.labels.tolist(), self.scores.tolist(), self.boxes_xyxy.tolist())
        found = ", ".join("{} {:.2f} {}".format(label, score, box) for label, score, box in rows)
        return "Detections({}: {})".format(len(self), found)

    def _arrays(self) -> Tuple["NDArray[np.generic]", ...]:
        return self.boxes_xyxy, self.scores, self.labels
