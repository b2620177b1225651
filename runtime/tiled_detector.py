"""A detector that looks at parts of a frame as well, for objects that are small in it."""

from typing import TYPE_CHECKING, List, Sequence

from .closing import Closing
from .tiles import Tiling, check_tiling, merge, tiles_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .detections import Detections
    from .detector import Backend, Detector
    from .postprocess import Thresholds
    from .spec import ModelSpec


class TiledDetector(Closing):
    """Takes the place of the `Detector` in it: a network call for each tile of a frame."""

    def __init__(self, detector: "Detector", tiling: Tiling) -> None:
        """detector: closed with this one. UsageError for a tiling that is out of range."""
        self._detector = detector
        self._tiling = check_tiling(tiling)

    @property
    def spec(self) -> "ModelSpec":
        """Of the model."""
        return self._detector.spec

    @property
    def backend(self) -> "Backend":
        """Of the detector."""
        return self._detector.backend

    @property
    def thresholds(self) -> "Thresholds":
        """Of each tile, and of the frame."""
        return self._detector.thresholds

    @thresholds.setter
    def thresholds(self, thresholds: "Thresholds") -> None:
        self._detector.thresholds = thresholds

    def __call__(self, image_bgr: "NDArray[np.uint8]") -> "Detections":
        """What is in one frame, uint8 [H,W,3] BGR, in its pixels; ValueError for another."""
        return self.batch([image_bgr])[0]

    def batch(self, images_bgr: "Sequence[NDArray[np.uint8]]") -> "List[Detections]":
        """What is in each of any number of frames; their tiles share the model's static batch."""
        tiles = [tiles_of((image.shape[0], image.shape[1]), self._tiling) for image in images_bgr]
        parts = [
            image[top:bottom, left:right]
            for image, boxes in zip(images_bgr, tiles)
            for left, top, right, bottom in boxes.tolist()
        ]
        found = iter(self._detector.batch(parts))
        return [self._merged([next(found) for _ in boxes], boxes) for boxes in tiles]

    def close(self) -> None:
        """Close the detector."""
        self._detector.close()

    def _merged(
        self, found: "Sequence[Detections]", tiles_xyxy: "NDArray[np.int64]"
    ) -> "Detections":
        _, iou, most = self.thresholds
        return merge(found, tiles_xyxy, iou, most)
