"""Size and orientation of an image file, from its header alone."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from edgedet.data.faults import FaultError, Where
from edgedet.runtime.lazy import require

ORIENTATION_TAG = 0x0112
TIFF_WIDTH_TAG = 0x0100
TIFF_LENGTH_TAG = 0x0101


class ImageHeader(NamedTuple):
    """What the header says."""

    stored_hw: tuple[int, int]
    """Height and width of the pixels as they lie in the file."""
    orientation: int
    """EXIF orientation, 1..8; 1 when there is none."""

    @property
    def upright_hw(self) -> tuple[int, int]:
        """Height and width as a viewer, and OpenCV, shows it."""
        height, width = self.stored_hw
        return (width, height) if self.orientation >= 5 else (height, width)


def read_header(path: Path) -> ImageHeader:
    """Read size and orientation without decoding pixels; `FaultError` when there is no image."""
    pillow = require("PIL.Image", "pip install 'edgedet[train]'")
    try:
        with pillow.open(path) as image:
            return ImageHeader(_stored_hw(image), _orientation(image, pillow))
    except FileNotFoundError:
        where = Where("missing-image", path)
        raise FaultError(
            where, "an image file", f"no {path}", "restore the file or its label"
        ) from None
    except (OSError, ValueError, KeyError, SyntaxError, pillow.DecompressionBombError) as error:
        found = f"{path}, which is not a readable image ({_first_line(error)})"
        fix = "replace the file or remove it and its labels"
        raise FaultError(Where("corrupt-image", path), "an image", found, fix) from None


def rotate_boxes(
    boxes_xyxy: npt.NDArray[np.float64], header: ImageHeader
) -> npt.NDArray[np.float64]:
    """Move boxes [n, 4] from the stored frame to the upright one (orientations 5 to 8).

    EXIF 2.32, 4.6.5.1: 5 and 7 mirror about a diagonal, 6 is shown turned 90 degrees clockwise,
    8 anticlockwise. 2 to 4 keep the size and need no box moved, see `labelling.py`.
    """
    height, width = header.stored_hw
    x1, y1, x2, y2 = boxes_xyxy.T
    columns = {
        5: (y1, x1, y2, x2),
        6: (height - y2, x1, height - y1, x2),
        7: (height - y2, width - x2, height - y1, width - x1),
        8: (y1, width - x2, y2, width - x1),
    }[header.orientation]
    return np.stack(columns, axis=1)


def _stored_hw(image: Any) -> tuple[int, int]:
    # Of a TIFF, and only of a TIFF, Pillow gives the size after rotation.
    if hasattr(image, "tag_v2"):
        return image.tag_v2[TIFF_LENGTH_TAG], image.tag_v2[TIFF_WIDTH_TAG]
    return image.size[1], image.size[0]


def _orientation(image: Any, pillow: Any) -> int:
    # Not image.getexif(): for a PNG it decodes all pixels, and it trusts XMP, which OpenCV,
    # the reader of the pixels, does not.
    if hasattr(image, "tag_v2"):
        value = image.tag_v2.get(ORIENTATION_TAG, 1)
    else:
        exif = pillow.Exif()
        exif.load(image.info.get("exif"))
        value = exif.get(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
