"""The picture of a frame with all that was found in it, the same for all outputs."""

from typing import TYPE_CHECKING, Sequence

from ..draw import draw
from .seen import Seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def picture_of(seen: Seen, class_names: Sequence[str]) -> "NDArray[np.uint8]":
    """Return a copy of the frame, uint8 [H,W,3] BGR, with boxes, classes and scores."""
    return draw(seen.frame.image_bgr, seen.detections, class_names)
