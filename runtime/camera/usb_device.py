"""A USB camera, by OpenCV and Video4Linux."""

import os
import re
from types import ModuleType
from typing import Any

from ..errors import DeviceError
from ..opencv import opencv, quiet
from .granted_text import words_of
from .live_source import CaptureWish, LiveSource
from .opencv_capture import OpenCvCapture
from .source_uri import SourceUri

MOTION_JPEG = "MJPG"
"""Asked for first: USB carries few raw frames a second."""
NEWEST_ONLY = 1
"""Frames that the driver keeps: an older one would only be late."""

_NUMBER = re.compile(r"^/dev/video(\d+)$")


def open_usb(source: SourceUri) -> LiveSource:
    """Open a device of Video4Linux.

    DeviceError when it is not there, not ours to open, no camera, or taken.
    """
    number = _number_of(source.target)
    cv2 = opencv()
    with quiet(cv2):
        capture = cv2.VideoCapture(number, cv2.CAP_V4L2)
    if not capture.isOpened():
        fix = "close what else uses it; `v4l2-ctl --list-devices` shows what it is"
        raise DeviceError("a camera at " + source.shown, "one that does not open", fix)
    _ask(cv2, capture, source.wish)
    camera = OpenCvCapture(cv2, capture, source, _form(cv2, capture))
    camera.asked = words_of(source.wish.size_hw, source.wish.fps, MOTION_JPEG)
    return camera


def _number_of(device: str) -> int:
    """Return N of /dev/videoN, also for the lasting names under /dev/v4l, which are links."""
    if not os.path.exists(device):  # noqa: PTH110 - a name of the kernel
        fix = (
            "plug it in (`v4l2-ctl --list-devices` lists what is there), or try without one: "
            "--source shapes://640x480@30, or a video"
        )
        raise DeviceError("a camera at " + device, "none", fix)
    match = _NUMBER.match(os.path.realpath(device))
    if match is None:
        fix = "`v4l2-ctl --list-devices` lists what is there"
        raise DeviceError("a camera at " + device, "a device that is no camera", fix)
    if not os.access(device, os.R_OK | os.W_OK):
        fix = "run: sudo usermod -aG video $USER, then log in again"
        raise DeviceError("permission to use " + device, "none", fix)
    return int(match.group(1))


def _ask(cv2: ModuleType, capture: Any, wish: CaptureWish) -> None:
    """Tell the driver what is wanted; it does as it can. The format goes first: sizes and rates
    depend on it.
    """
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter_fourcc(*MOTION_JPEG))
    if wish.size_hw is not None:
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, wish.size_hw[0])
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, wish.size_hw[1])
    if wish.fps is not None:
        capture.set(cv2.CAP_PROP_FPS, wish.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, NEWEST_ONLY)


def _form(cv2: ModuleType, capture: Any) -> str:
    code = int(capture.get(cv2.CAP_PROP_FOURCC))
    letters = bytes((code >> shift) & 0xFF for shift in (0, 8, 16, 24))
    return letters.decode("ascii", "replace").strip("\0 ")
