"""A USB camera, by OpenCV and Video4Linux."""

import logging
import os
import re
import time
from typing import Any, Iterator, Optional, Tuple

from .errors import DeviceError
from .opencv import opencv, quiet
from .sources import Frame, Source, open_source

MOTION_JPEG = "MJPG"
"""Asked for first: USB carries few raw frames a second."""
NEWEST_ONLY = 1
"""Frames that the driver keeps: an older one would only be late."""

_LOG = logging.getLogger("edgedet.camera")
_NUMBER = re.compile(r"^(?:(?:v4l2://)?/dev/video)?(\d+)$")


class UsbCamera(Source):
    """Frames as they come, without end; ``fps`` is what the driver promises, 0 if unknown."""

    def __init__(self, number: int, size_hw: Optional[Tuple[int, int]] = None) -> None:
        """Open /dev/video``number``; size_hw: asked for, the nearest that it has is given.

        DeviceError when it is not there, not ours to open, or taken.
        """
        self._cv2 = opencv()
        self._device = "/dev/video{}".format(number)
        self._require_access()
        with quiet(self._cv2):
            self._capture: Any = self._cv2.VideoCapture(number, self._cv2.CAP_V4L2)
        if not self._capture.isOpened():
            fix = "close what else uses it; `v4l2-ctl --list-devices` shows what it is"
            raise DeviceError("a camera at " + self._device, "one that does not open", fix)
        self._ask(size_hw)
        self.fps = float(self._capture.get(self._cv2.CAP_PROP_FPS))
        _LOG.info("%s: %s", self._device, self._granted())

    def __iter__(self) -> Iterator[Frame]:
        """Iterating raises DeviceError when no frame comes any more."""
        index, begin_s = 0, time.monotonic()
        while True:
            there, image = self._capture.read()
            if not there:
                found = "none after {}".format(index)
                fix = "check its cable and power"
                raise DeviceError("a frame of " + self._device, found, fix)
            name = "{}#{}".format(self._device, index)
            yield Frame(image, name, index, time.monotonic() - begin_s)
            index += 1

    def close(self) -> None:
        """Release the camera."""
        self._capture.release()

    def _require_access(self) -> None:
        if not os.path.exists(self._device):  # noqa: PTH110 - a name of the kernel
            fix = "plug it in; `v4l2-ctl --list-devices` lists what is there"
            raise DeviceError("a camera at " + self._device, "none", fix)
        if not os.access(self._device, os.R_OK | os.W_OK):
            fix = "run: sudo usermod -aG video $USER, then log in again"
            raise DeviceError("leave to use " + self._device, "no permission", fix)

    def _ask(self, size_hw: Optional[Tuple[int, int]]) -> None:
        """Tell the driver what is wanted; it does as it can, and `_granted` reads what it did."""
        cv2, capture = self._cv2, self._capture
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*MOTION_JPEG))
        if size_hw is not None:
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size_hw[0])
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, size_hw[1])
        capture.set(cv2.CAP_PROP_BUFFERSIZE, NEWEST_ONLY)

    def _granted(self) -> str:
        cv2, capture = self._cv2, self._capture
        code = int(capture.get(cv2.CAP_PROP_FOURCC))
        letters = bytes((code >> shift) & 0xFF for shift in (0, 8, 16, 24))
        width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
        height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
        text = "{:.0f}x{:.0f} {} at {:.0f} fps"
        return text.format(width, height, letters.decode("ascii", "replace"), self.fps)


def open_live(uri: str, size_hw: Optional[Tuple[int, int]] = None) -> Source:
    """Open a USB camera (``0``, ``/dev/video0``, ``v4l2:///dev/video0``), or what `open_source`
    opens. size_hw: that a camera is asked for.
    """
    match = _NUMBER.match(uri)
    return UsbCamera(int(match.group(1)), size_hw) if match else open_source(uri)
