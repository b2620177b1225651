"""Which detection hit which object: the evaluator's own assignment at IoU 0.5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgedet.evaluation.buckets import EVERY_SIZE

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.runtime.detections import Detections


@dataclass(frozen=True)
class Matches:
    """One image. n detections and m objects, in the order of their arrays."""

    scores: NDArray[np.float32]
    """[n] of the detections."""
    object_of: NDArray[np.int64]
    """[n] index of the object that a detection hit, -1 for none."""
    neutral: NDArray[np.bool_]
    """[n] neither hit nor false alarm: on an ignored object, or past `max_detections`."""
    ignored: NDArray[np.bool_]
    """[m] objects that nobody has to find."""

    def hits(self, cut: float) -> NDArray[np.bool_]:
        """[n] detections with a score above ``cut`` that found an object."""
        return (self.scores > cut) & (self.object_of >= 0) & ~self.neutral

    def false_alarms(self, cut: float) -> NDArray[np.bool_]:
        """[n] detections with a score above ``cut`` that found nothing."""
        return (self.scores > cut) & (self.object_of < 0) & ~self.neutral

    def misses(self, cut: float) -> NDArray[np.bool_]:
        """[m] objects that no detection with a score above ``cut`` found.

        Objects are handed out from the best score downwards, so a cut changes no pair above it.
        """
        missed = ~self.ignored
        missed[self.object_of[self.hits(cut)]] = False
        return missed

    def errors(self, cut: float) -> int:
        """Misses and false alarms together."""
        return int(self.misses(cut).sum() + self.false_alarms(cut).sum())


def matches_of(
    per_image_results: Iterable[dict[str, Any] | None],
    annotations: Annotations,
    detections: Sequence[Detections],
) -> tuple[Matches, ...]:
    """Gather pycocotools' results over all sizes (``COCOeval.evalImgs``) image by image.

    Object and detection ids count from 1 over all images, as `records` gives them out.
    """
    detection_starts = np.cumsum([0, *(len(found) for found in detections)])
    object_starts = np.cumsum([0, *(len(image.labels) for image in annotations.images)])
    object_of = np.full(detection_starts[-1], -1, dtype=np.int64)
    # Detections that the evaluator cut off at its limit appear in no result: they stay neutral.
    neutral = np.ones(detection_starts[-1], dtype=bool)
    for result in per_image_results:
        if result is None or tuple(result["aRng"]) != EVERY_SIZE.area_range:
            continue
        rows = np.asarray(result["dtIds"], dtype=np.int64) - 1
        object_of[rows] = result["dtMatches"][0].astype(np.int64) - 1
        neutral[rows] = result["dtIgnore"][0]
    matches = []
    for index, (image, found) in enumerate(zip(annotations.images, detections, strict=True)):
        rows = np.arange(detection_starts[index], detection_starts[index + 1])
        local = object_of[rows] - object_starts[index]
        local[object_of[rows] < 0] = -1
        matches.append(Matches(found.scores, local, neutral[rows], image.ignored))
    return tuple(matches)
