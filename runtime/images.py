"""The only reader of image files."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Optional, Union

import numpy as np

from .errors import DataError
from .opencv import opencv, quiet

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
"""Lower-case suffixes of the image files that a folder is searched for."""

_FIX = "give an image that is complete, or take it out"


def read_image(path: "Union[str, PathLike[str]]") -> "NDArray[np.uint8]":
    """The image as uint8 [H,W,3] BGR, upright (EXIF orientation applied), 8 bit, without alpha.

    DataError when the file is missing, no image, or cut short.
    """
    file = Path(path)
    try:
        data = file.read_bytes()
    except OSError as error:
        found = error.strerror or str(error)
        raise DataError("an image at {}".format(file), found, "check the path") from error
    return decode_image(data, file)


def decode_image(data: bytes, file: Path) -> "NDArray[np.uint8]":
    """What `read_image` returns for a file of these bytes; `file` names it in the DataError."""
    image = _decoded(data)
    if image is None:
        found = "a file that does not decode"
        raise DataError("an image in {}".format(file), found, _FIX)
    if _is_cut_jpeg(data):
        raise DataError("a whole image in {}".format(file), "a file cut short", _FIX)
    return image


def _decoded(data: bytes) -> "Optional[NDArray[np.uint8]]":
    cv2 = opencv()
    # The bytes rather than the path: `imread` cannot open every path on Windows.
    pixels = np.frombuffer(data, dtype=np.uint8)
    try:
        with quiet(cv2):
            return cv2.imdecode(pixels, cv2.IMREAD_COLOR)  # type: ignore[no-any-return]
    except cv2.error:
        # An empty file, or one that claims more pixels than OpenCV will hold.
        return None


def _is_cut_jpeg(data: bytes) -> bool:
    """Whether a JPEG lacks its end; every decoder refuses the other formats when cut.

    OpenCV 4 fills the missing part with grey and calls it a success; OpenCV 5 refuses.
    """
    jpeg = data.startswith(b"\xff\xd8")
    return jpeg and data.find(b"\xff\xd9", start_of_scan(data)) < 0


def start_of_scan(data: Union[bytes, bytearray]) -> int:
    """Where the pixels of a JPEG begin: thumbnails in the segments before have ends of their own.

    Segments are FF, a marker, and a big-endian length that counts itself (ITU T.81, B.1.1).
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        # A marker may be padded with any number of FF.
        padding = data[at + 1] == 0xFF
        at += 1 if padding else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
