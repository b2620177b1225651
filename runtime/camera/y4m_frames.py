"""Frames in the form YUV4MPEG2: a line on the stream, then each frame behind a line of its own."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

import numpy as np

from ..opencv import opencv

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME = b"FRAME\n"
"""The line before each frame; GStreamer writes nothing more into it."""


class Y4mHead(NamedTuple):
    """What the line on the stream says."""

    size_hw: Tuple[int, int]
    fps: float
    """0 when unknown."""

    @property
    def strides(self) -> Tuple[int, int]:
        """Bytes of a row of luma, and of one of the two chromas.

        GStreamer fills them up to multiples of four, and the height to an even number; so its
        y4menc writes them, against the form's own rule.
        """
        width = self.size_hw[1]
        return _up_to(width, 4), _up_to(_up_to(width, 2) // 2, 4)

    @property
    def frame_bytes(self) -> int:
        """Length of a frame without its line."""
        luma, chroma = self.strides
        height = _up_to(self.size_hw[0], 2)
        return luma * height + 2 * chroma * (height // 2)


def head_of(line: bytes) -> Optional[Y4mHead]:
    """Return what a line as `YUV4MPEG2 C420 W320 H240 Ip F30:1 A1:1` says; None for another one."""
    words = line.decode("ascii", "replace").split()
    if not words or words[0] != "YUV4MPEG2":
        return None
    said = {word[0]: word[1:] for word in words[1:]}
    if not said.get("C", "420").startswith("420"):
        return None
    try:
        above, _, below = said.get("F", "0:1").partition(":")
        size_hw = int(said["H"]), int(said["W"])
        return Y4mHead(size_hw, int(above) / max(1, int(below or 1)))
    except (KeyError, ValueError):
        return None


def bgr_of(frame: "NDArray[np.uint8]", head: Y4mHead) -> "NDArray[np.uint8]":
    """Return a frame of `frame_bytes` bytes, as uint8 [H,W,3] BGR of its own."""
    cv2 = opencv()
    height, width = head.size_hw
    packed = _packed(frame, head)
    return cv2.cvtColor(packed, cv2.COLOR_YUV2BGR_I420)[:height, :width].copy()  # type: ignore[no-any-return]


def _packed(frame: "NDArray[np.uint8]", head: Y4mHead) -> "NDArray[np.uint8]":
    """Return it as OpenCV wants it: luma [H,W] above both chromas, without what fills rows up."""
    height, width = (_up_to(side, 2) for side in head.size_hw)
    luma, chroma = head.strides
    if luma == width and 2 * chroma == width:
        return frame.reshape(-1, width)
    planes = []
    begin = 0
    for stride, rows, columns in (
        (luma, height, width),
        (chroma, height // 2, width // 2),
        (chroma, height // 2, width // 2),
    ):
        plane = frame[begin : begin + stride * rows].reshape(rows, stride)
        planes.append(plane[:, :columns].reshape(-1))
        begin += stride * rows
    return np.concatenate(planes).reshape(-1, width)


def _up_to(value: int, multiple: int) -> int:
    return (value + multiple - 1) // multiple * multiple
