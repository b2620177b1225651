"""One frame and all that was found in it."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from ..results import ImageResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..detections import Detections
    from .live_frame import LiveFrame


class ZoneCount(NamedTuple):
    """What a zone of the user's counts."""

    zone: str
    """Its name."""
    inside: Tuple[int, ...]
    """Objects in a polygon now, of each class of the model; () for a line."""
    passed: Tuple[int, ...]
    """Objects that entered a polygon, or crossed a line in its direction, since the start."""
    passed_back: Tuple[int, ...]
    """Objects that left, or crossed against the direction."""


class Seen(NamedTuple):
    """What the outputs get."""

    frame: "LiveFrame"
    detections: "Detections"
    """In pixels of the frame."""
    track_ids: "Optional[NDArray[np.int64]]"
    """[n], the track of each detection, -1 for none; None without tracking."""
    zones: Tuple[ZoneCount, ...]
    inference_ms: float
    """From the frame to its detections; of a batch: its share."""
    age_ms: float
    """From the capture until all of this was known."""


def result_of(seen: Seen) -> ImageResult:
    """Return what was found as the result of an image, named by camera and number."""
    frame = seen.frame
    height, width = frame.image_bgr.shape[:2]
    name = "{}#{}".format(frame.camera, frame.number)
    return ImageResult(name, (height, width), seen.detections)
