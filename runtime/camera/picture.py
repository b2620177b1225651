"""The picture of a frame with all that was found in it, the same for all outputs."""

from typing import TYPE_CHECKING, Sequence

from ..draw import draw
from ..tracking.zone_drawing import draw_zones
from .seen import Seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..tracking.zone import Zone


class Painter:
    """Draws for one model and one set of zones."""

    def __init__(self, class_names: Sequence[str], zones: "Sequence[Zone]" = ()) -> None:
        """class_names: of the model."""
        self._class_names, self._zones = class_names, tuple(zones)

    def paint(self, seen: Seen) -> "NDArray[np.uint8]":
        """Return a copy of the frame, uint8 [H,W,3] BGR, with boxes, classes, tracks and zones."""
        image_bgr, detections = seen.frame.image_bgr, seen.detections
        picture = draw(image_bgr, detections, self._class_names, seen.track_ids)
        draw_zones(picture, self._zones, seen.zones)
        return picture
