"""OpenCV, imported at its first use, with one instruction for whoever lacks it."""

import os
from contextlib import contextmanager
from types import ModuleType
from typing import Iterator

from .lazy import require

HINT = "install it with `pip install opencv-python-headless` (JetPack ships its own)"
_FFMPEG_QUIET = "-8"


def opencv() -> ModuleType:
    """The ``cv2`` module; DeviceError when it is absent."""
    # FFmpeg would write its own lines to stderr beside our message; who wants them sets this.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _FFMPEG_QUIET)
    return require("cv2", HINT)


@contextmanager
def quiet(cv2: ModuleType) -> Iterator[None]:
    """Keep OpenCV from writing to stderr what the caller reports in a message of its own.

    Builds before 4.7 have no such switch and stay as they are.
    """
    log = getattr(getattr(cv2, "utils", None), "logging", None)
    if log is None:
        yield
        return
    before = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(before)
