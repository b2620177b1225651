"""What the terminal is told while cameras run: a line a second for each camera."""

import time
from typing import Callable, Dict, Mapping, Sequence

from ..looking import summary_of
from .health import DROPPED, PROCESSED, Health, Vitals
from .output import Output
from .seen import Seen, result_of

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
        rate = self._cameras[camera].read().rates[PROCESSED]
        fps = "{:.1f} fps, ".format(rate) if rate else ""  # of one frame there is none
        text = "{}: {}; {}{:.1f} ms each, {:.0f} ms old"
        self._tell(text.format(camera, found, fps, seen.inference_ms, seen.age_ms))


def closing_line(vitals: Vitals, seconds: float) -> str:
    """Return what there is to say of one camera at the end."""
    looked_at, dropped = vitals.counts[PROCESSED], vitals.counts[DROPPED]
    text = "{}: looked at {} in {:.1f} s, {:.1f} a second".format(
        vitals.camera, _many(looked_at, "frame"), seconds, looked_at / max(seconds, 1e-9)
    )
    if dropped:
        text += "; skipped {} because newer ones had come".format(dropped)
    if vitals.gaps:
        gaps, tries = _many(vitals.gaps, "gap"), _many(vitals.reopened, "time")
        text += "; {}, {:.1f} s in all, tried again {}".format(gaps, vitals.gap_s, tries)
    return text


def _many(count: int, noun: str) -> str:
    return "{} {}{}".format(count, noun, "" if count == 1 else "s")
