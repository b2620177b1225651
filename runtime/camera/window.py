"""A window for each camera, with what was found in its frames."""

import os
import subprocess
import sys
import threading
from typing import Dict

from ..errors import DeviceError
from ..opencv import opencv
from .output import Output
from .scene import Scene
from .seen import Seen

STOP_KEYS = (ord("q"), 27)
"""q and Escape."""
RECORD_KEY = ord("r")
PROBE = "import cv2; cv2.namedWindow('edgedet'); cv2.waitKey(1); cv2.destroyAllWindows()"
PROBE_TIMEOUT_S = 60.0


class Window(Output):
    """Frames are taken on any thread; `show` draws them, on the thread that it is for."""

    name = "window"

    def __init__(self, scene: Scene) -> None:
        """DeviceError where no window can be shown."""
        _require_display()
        self._paint, self._controls = scene.paint, scene.controls
        self._lock = threading.Lock()
        self._newest: Dict[str, Seen] = {}

    def put(self, seen: Seen) -> None:
        """Keep the frame until it is shown, or a newer one comes."""
        with self._lock:
            self._newest[seen.frame.camera] = seen

    def show(self, wait_ms: int) -> None:
        """Draw what is new and look at the keys for so long: on one thread, the main one."""
        cv2 = opencv()
        with self._lock:
            newest, self._newest = self._newest, {}
        for camera, seen in newest.items():
            cv2.imshow("edgedet {}".format(camera), self._paint(seen))
        key = cv2.waitKey(wait_ms) & 0xFF
        if key in STOP_KEYS:
            self._controls.stop()
        elif key == RECORD_KEY:
            self._controls.recording = not self._controls.recording

    def hide(self) -> None:
        """Take all from the screen, on the thread of `show`."""
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
