"""What this OpenCV can open."""

import re
from types import ModuleType

FFMPEG, GSTREAMER = "FFMPEG", "GStreamer"


def has_backend(cv2: ModuleType, name: str) -> bool:
    """Return whether OpenCV was built with it.

    From what it tells about its build: its registry lists backends as well that were not built.
    """
    pattern = r"^\s*{}:\s+YES".format(re.escape(name))
    return re.search(pattern, cv2.getBuildInformation(), re.MULTILINE) is not None
