"""The user's zones and their counts, drawn over a picture."""

from typing import TYPE_CHECKING, List, Sequence, Tuple

import numpy as np

from ..camera.seen import ZoneCount
from ..draw import Pen, draw_text, pen_for
from .zone import LINE, Zone

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOR = (0, 215, 255)
"""Blue, green, red."""
ARROW = 0.04
"""Length of the arrow that shows a line's direction, as a share of the larger side."""


def draw_zones(
    canvas_bgr: "NDArray[np.uint8]", zones: Sequence[Zone], counts: Sequence[ZoneCount]
) -> None:
    """Draw into ``canvas_bgr``, uint8 [H,W,3] BGR, each zone with its name and counts.

    ``counts``: in the order of the zones.
    """
    pen = pen_for(canvas_bgr)
    height, width = canvas_bgr.shape[:2]
    for zone, count in zip(zones, counts):
        corners = np.round(np.array(zone.points) * [width - 1, height - 1]).astype(np.int32)
        closed = zone.shape != LINE
        pen.cv2.polylines(canvas_bgr, [corners.reshape(-1, 1, 2)], closed, COLOR, pen.thickness)
        if not closed:
            _draw_arrow(canvas_bgr, pen, corners)
        left, top = corners[corners[:, 1].argmin()].tolist()
        draw_text(canvas_bgr, pen, (left, top), text_of(count), COLOR)


def text_of(count: ZoneCount) -> str:
    """Return the counts of all classes together: `gate +3 -1`, of a polygon `yard 2 +5 -3`."""
    inside: List[str] = [str(sum(count.inside))] if count.inside else []
    numbers = ["+{}".format(sum(count.passed)), "-{}".format(sum(count.passed_back))]
    return " ".join([count.zone] + inside + numbers)


def _draw_arrow(canvas_bgr: "NDArray[np.uint8]", pen: Pen, line: "NDArray[np.int32]") -> None:
    """From the line's middle to where objects go that pass it."""
    along = (line[1] - line[0]).astype(float)
    length = max(1.0, float(np.hypot(along[0], along[1])))
    # In an image, where y points down, this is to the right of who looks along the line.
    forward = np.array([-along[1], along[0]]) / length * ARROW * max(canvas_bgr.shape[:2])
    middle = (line[0] + line[1]) / 2
    begin, end = _whole(middle), _whole(middle + forward)
    pen.cv2.arrowedLine(canvas_bgr, begin, end, COLOR, pen.thickness, pen.cv2.LINE_AA, 0, 0.3)


def _whole(point: "NDArray[np.float64]") -> Tuple[int, int]:
    return int(round(point[0])), int(round(point[1]))
