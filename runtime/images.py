"""The only reader of image files."""

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Union

import numpy as np

from .errors import DataError
from .opencv import opencv

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
    cv2 = opencv()
    # The bytes are decoded rather than the path: `imread` warns on stderr by itself, and cannot
    # open every path on Windows.
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        found = "a file that does not decode"
        raise DataError("an image in {}".format(file), found, _FIX)
    if not _is_complete(data):
        raise DataError("a whole image in {}".format(file), "a file cut short", _FIX)
    return image  # type: ignore[no-any-return]


def _is_complete(data: bytes) -> bool:
    """Whether a JPEG or PNG has its end; other formats fail in the decoder.

    Decoders fill the missing part of a JPEG with grey and call it a success.
    """
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-4096:]
    if data.startswith(b"\xff\xd8"):
        return data.find(b"\xff\xd9", _start_of_scan(data)) >= 0
    return True


def _start_of_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin: thumbnails in the segments before have ends of their own.

    Segments are FF, a marker, and a big-endian length that counts itself (ITU T.81, B.1.1).
    """
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        # A marker may be padded with any number of FF.
        padding = data[at + 1] == 0xFF
        at += 1 if padding else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
