"""Detections drawn on an image for people to look at."""

import colorsys
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Sequence, Tuple

from .detections import Detections
from .opencv import opencv
from .preprocess import check_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Color = Tuple[int, int, int]

_GOLDEN_RATIO = 0.618034
_REFERENCE_SIDE = 640
"""Side of an image in pixels at which one pixel of line and a text of scale 0.5 read well."""


class Pen(NamedTuple):
    """OpenCV, and the sizes that suit one image."""

    cv2: Any
    text_scale: float
    thickness: int


def label_color(label: int) -> Color:
    """The colour (blue, green, red, 0..255) of a label: the same in each run, neighbours apart.

    Steps of the golden ratio around the hues never come back to one that was used.
    """
    hue = (0.33 + label * _GOLDEN_RATIO) % 1.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.85, 1.0 if label % 2 == 0 else 0.8)
    return round(blue * 255), round(green * 255), round(red * 255)


def draw(
    image_bgr: "NDArray[np.uint8]",
    detections: Detections,
    class_names: Sequence[str],
    track_ids: "Optional[NDArray[np.int64]]" = None,
) -> "NDArray[np.uint8]":
    """A copy of the image, uint8 [H,W,3] BGR, with a box, class and score for each detection.

    ``track_ids``: the track [n] of each, shown before its class; -1 for none.
    """
    check_image(image_bgr)
    canvas = image_bgr.copy()
    pen = pen_for(canvas)
    # Best last, so that its label lies on top.
    for i in reversed(range(len(detections))):
        label = int(detections.labels[i])
        text = "{} {:.2f}".format(class_names[label], detections.scores[i])
        if track_ids is not None and track_ids[i] >= 0:
            text = "#{} {}".format(track_ids[i], text)
        corners = [int(round(side)) for side in detections.boxes_xyxy[i].tolist()]
        _draw_box(canvas, pen, corners, label_color(label))
        draw_text(canvas, pen, (corners[0], corners[1]), text, label_color(label))
    return canvas


def pen_for(canvas: "NDArray[np.uint8]") -> Pen:
    """Return the pen that suits an image [H,W,3]."""
    ratio = max(canvas.shape[:2]) / _REFERENCE_SIDE
    return Pen(opencv(), max(0.35, 0.5 * ratio), max(1, int(round(1.5 * ratio))))


def _draw_box(canvas: "NDArray[np.uint8]", pen: Pen, corners: Sequence[int], color: Color) -> None:
    left, top, right, bottom = corners
    pen.cv2.rectangle(canvas, (left, top), (right, bottom), color, pen.thickness)


def draw_text(
    canvas: "NDArray[np.uint8]", pen: Pen, corner: Tuple[int, int], text: str, color: Color
) -> None:
    """Write text on a filled box above ``corner`` (x, y), moved to stay inside the image."""
    text = text.encode("utf-8", "replace").decode("utf-8")  # OpenCV crashes on half a character
    cv2, font = pen.cv2, pen.cv2.FONT_HERSHEY_SIMPLEX
    stroke = max(1, pen.thickness // 2)
    (width, height), below = cv2.getTextSize(text, font, pen.text_scale, stroke)
    left = max(0, min(corner[0], canvas.shape[1] - width))
    bottom = max(height + below, corner[1])
    cv2.rectangle(canvas, (left, bottom - height - below), (left + width, bottom), color, -1)
    ink = (0, 0, 0) if _brightness(color) > 110 else (255, 255, 255)
    at = (left, bottom - below // 2)
    cv2.putText(canvas, text, at, font, pen.text_scale, ink, stroke, cv2.LINE_AA)


def _brightness(color: Color) -> float:
    """Luma 0..255 of a (blue, green, red) colour (ITU-R BT.601)."""
    return 0.114 * color[0] + 0.587 * color[1] + 0.299 * color[2]
