"""From the graph's candidates to detections in pixels of the frame. The only implementation."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .boxes import areas, nms
from .detections import Detections
from .preprocess import Placement

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Thresholds(NamedTuple):
    """What is kept: candidates with a score of at least ``score``, of those that overlap with an
    IoU above ``iou`` the best, and of the rest the best ``max_detections``."""

    score: float
    iou: float
    max_detections: int


def postprocess(
    boxes_xyxy: "NDArray[np.floating]",
    scores: "NDArray[np.floating]",
    labels: "NDArray[np.integer]",
    placement: Placement,
    thresholds: Thresholds,
) -> Detections:
    """Score gate, class-aware NMS, back to the frame, clipped to it.

    ``boxes_xyxy`` [K,4] in input pixels, ``scores`` [K] descending, ``labels`` [K]. A box that
    has no area inside the frame (padding, say) is dropped.
    """
    # Descending scores: what passes the gate is a prefix, and the views cost nothing.
    n = int(np.count_nonzero(scores >= thresholds.score))
    if n == 0:
        return Detections.empty()
    boxes_xyxy, scores, labels = boxes_xyxy[:n], scores[:n], labels[:n]
    height, width = placement.frame_hw
    in_frame = placement.boxes_to_frame(boxes_xyxy)
    np.maximum(in_frame, 0, out=in_frame)
    np.minimum(in_frame, np.array([width, height, width, height], np.float32), out=in_frame)
    # Boxes without area take no place among the best.
    keep = nms(boxes_xyxy, scores, labels, thresholds.iou)
    keep = keep[areas(in_frame[keep]) > 0][: thresholds.max_detections]
    return Detections(in_frame[keep], scores[keep], labels[keep])
