"""How well boxes fit to where objects are expected, and how sure those places are."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pairs = Tuple[NDArray[np.intp], NDArray[np.intp]]


class Expected:
    """Where t objects are expected: boxes [t,4], how far [t,2] each may be from there, labels [t].

    Both boxes of a pair are grown by that reach on each side before they are compared, so that
    small objects that moved on while frames were dropped still meet theirs. After Yang et al.,
    "Hard to Track Objects with Irregular Motions and Similar Appearances? Make It Easier by
    Buffering the Matching Space", WACV 2023, with the filter's doubt as the buffer.
    """

    def __init__(
        self,
        boxes_xyxy: "NDArray[np.float64]",
        reach_xy: "NDArray[np.float64]",
        labels: "NDArray[np.int64]",
    ) -> None:
        self._boxes_xyxy = boxes_xyxy
        self._reach_xy = reach_xy
        self._labels = labels

    def meeting(self, boxes_xyxy: "NDArray[np.float64]", labels: "NDArray[np.int64]") -> "Pairs":
        """Objects [k] and boxes [k] out of [n,4] that share a label and, when grown, an area."""
        meets = self._labels[:, None] == labels[None]
        far_xyxy = self._boxes_xyxy + 2 * np.concatenate([-self._reach_xy, self._reach_xy], axis=1)
        for axis in (0, 1):
            meets &= far_xyxy[:, None, axis] < boxes_xyxy[None, :, 2 + axis]
            meets &= boxes_xyxy[None, :, axis] < far_xyxy[:, None, 2 + axis]
        first, second = np.nonzero(meets)
        return first, second

    def iou(self, boxes_xyxy: "NDArray[np.float64]", pairs: "Pairs") -> "NDArray[np.float64]":
        """IoU [k], in 0..1, of these pairs out of `meeting`."""
        reach = 2 * self._reach_xy[pairs[0]]
        first, second = self._boxes_xyxy[pairs[0]], boxes_xyxy[pairs[1]]
        shared = np.minimum(first[:, 2:], second[:, 2:]) - np.maximum(first[:, :2], second[:, :2])
        overlap = (shared + reach).prod(axis=1)
        union = (first[:, 2:] - first[:, :2] + reach).prod(axis=1)
        union += (second[:, 2:] - second[:, :2] + reach).prod(axis=1)
        result: "NDArray[np.float64]" = overlap / (union - overlap)
        return result
