"""A window that shows frames with what was found in them."""

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Sequence

from .draw import draw
from .errors import DeviceError
from .opencv import opencv
from .sinks import Sink

if TYPE_CHECKING:
    from .detections import Detections
    from .sources import Frame

TITLE = "edgedet"
STOP_KEYS = (ord("q"), 27)
"""q and Escape."""
PROBE = "import cv2; cv2.namedWindow('edgedet'); cv2.waitKey(1); cv2.destroyAllWindows()"
PROBE_TIMEOUT_S = 60.0


class Window(Sink):
    """``closed`` turns True when q or Escape is pressed in it."""

    def __init__(self, class_names: Sequence[str]) -> None:
        """DeviceError where no window can be shown."""
        _require_display()
        self.closed = False
        self._class_names = class_names

    def put(self, frame: "Frame", detections: "Detections") -> None:
        """Show the frame."""
        cv2 = opencv()
        cv2.imshow(TITLE, draw(frame.image_bgr, detections, self._class_names))
        self.closed = (cv2.waitKey(1) & 0xFF) in STOP_KEYS

    def close(self) -> None:
        """Take it from the screen."""
        opencv().destroyAllWindows()


def _require_display() -> None:
    """Open a window in a process of its own: without a display OpenCV ends the process."""
    opencv()
    fix = "leave --show out, or run it on the desktop with an OpenCV that has windows"
    if sys.platform.startswith("linux") and not _names_a_display():
        raise DeviceError("a display for --show", "none", fix)
    try:
        ran = subprocess.run(
            [sys.executable, "-c", PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=PROBE_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError("a window for --show", "a display that does not answer", fix) from error
    if ran.returncode:
        said = ran.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        found = said[0] if said else "exit code {}".format(ran.returncode)
        raise DeviceError("a window for --show", found, fix)


def _names_a_display() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
