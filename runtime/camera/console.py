"""What the terminal is told while cameras run: a line a second for each camera."""

import time
from typing import Callable, Dict, Mapping, Sequence

from ..looking import summary_of
from ..results import ImageResult
from .health import DROPPED, PROCESSED, Health, Vitals
from .output import Output
from .seen import Seen

EVERY_S = 1.0


class Console(Output):
    """Tells what is in the newest frame, and how fast and how old frames are."""

    name = "terminal"

    def __init__(
        self,
        cameras: Mapping[str, Health],
        class_names: Sequence[str],
        tell: Callable[[str], object],
    ) -> None:
        """tell: writes a line."""
        self._cameras = dict(cameras)
        self._class_names = class_names
        self._tell = tell
        self._told_s: Dict[str, float] = {}

    def put(self, seen: Seen) -> None:
        """Tell of the frame, if none was told of for a second."""
        camera, now_s = seen.frame.camera, time.monotonic()
        if now_s - self._told_s.get(camera, -EVERY_S) < EVERY_S:
            return
        self._told_s[camera] = now_s
        found = summary_of([result_of(seen)], self._class_names)
        vitals = self._cameras[camera].read()
        text = "{}: {}; {:.1f} fps, {:.1f} ms each, {:.0f} ms old"
        line = text.format(camera, found, vitals.rates[PROCESSED], seen.inference_ms, seen.age_ms)
        self._tell(line)


def result_of(seen: Seen) -> ImageResult:
    """Return what was found as the result of an image, named by camera and number."""
    frame = seen.frame
    height, width = frame.image_bgr.shape[:2]
    name = "{}#{}".format(frame.camera, frame.number)
    return ImageResult(name, (height, width), seen.detections)


def closing_line(vitals: Vitals, seconds: float) -> str:
    """Return what there is to say of one camera at the end."""
    looked_at, dropped = vitals.counts[PROCESSED], vitals.counts[DROPPED]
    text = "{}: {} frames in {:.1f} s, {:.1f} a second; {} skipped for newer ones".format(
        vitals.camera, looked_at, seconds, looked_at / max(seconds, 1e-9), dropped
    )
    if vitals.gaps:
        text += "; {} gaps, {:.1f} s in all, opened again {} times".format(
            vitals.gaps, vitals.gap_s, vitals.reopened
        )
    return text
