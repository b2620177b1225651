"""What a bundle sees live: a USB camera, or a video in its place."""

import json
import sys
import time
from argparse import Namespace
from contextlib import ExitStack
from itertools import islice
from typing import TYPE_CHECKING, List, Sequence

from .bundle_choice import choose, open_choice, wish_of
from .bundle_file import Bundle
from .errors import UsageError
from .looking import Look, look_at, summary_of
from .results import result_values
from .sinks import AnnotatedVideo, SeveralSinks, Sink
from .usb_camera import open_live
from .window import Window

if TYPE_CHECKING:
    from .sources import Source

REPORT_EVERY_S = 1.0


def camera(bundle: Bundle, arguments: Namespace) -> str:
    """Print what is in the frames until they end, or Ctrl-C, or q in the window.

    With --json a line of JSON for each frame, else one a second. Returns a line for the end.
    """
    wish = wish_of(arguments)
    choice = choose(bundle, wish)
    with ExitStack() as stack:
        source = stack.enter_context(open_live(arguments.source, arguments.size))
        thresholds = {"conf": arguments.conf, "iou": arguments.iou}
        detector = stack.enter_context(open_choice(bundle, choice, wish, **thresholds))
        names = detector.spec.class_names
        sinks = _sinks(arguments, source, names)
        for sink in sinks:
            stack.enter_context(sink)
        looks = look_at(source, detector, SeveralSinks(sinks))
        teller = _Teller(names, arguments.json)
        try:
            for look in islice(looks, arguments.frames):
                teller.tell(look)
                if any(isinstance(sink, Window) and sink.closed for sink in sinks):
                    break
        except KeyboardInterrupt:  # the way to end it: what was seen is kept
            pass
        return teller.end()


def _sinks(arguments: Namespace, source: "Source", class_names: Sequence[str]) -> List[Sink]:
    sinks: List[Sink] = []
    if arguments.save is not None:
        if arguments.save.suffix.lower() != ".mp4":
            found = str(arguments.save)
            raise UsageError("--save that ends with .mp4", found, "add the ending")
        fps = getattr(source, "fps", 0.0)  # still images have none
        sinks.append(AnnotatedVideo(arguments.save, class_names, fps))
    if arguments.show:
        sinks.append(Window(class_names))
    return sinks


class _Teller:
    """Says what is seen."""

    def __init__(self, class_names: Sequence[str], as_json: bool) -> None:
        self._class_names = class_names
        self._as_json = as_json
        self._begin_s = self._told_s = time.monotonic()
        self._frames = self._frames_told = 0
        self._spent_ms = 0.0

    def tell(self, look: Look) -> None:
        """Print the frame, or what there is to say of the last second."""
        self._frames += 1
        self._spent_ms += look.spent_ms
        if self._as_json:
            values = result_values(look.result, self._class_names)
            values.update(time_s=look.frame.time_s, spent_ms=round(look.spent_ms, 3))
            _print(json.dumps(values, allow_nan=False))
        elif time.monotonic() - self._told_s >= REPORT_EVERY_S:
            self._tell_second(look)

    def end(self) -> str:
        """Return what there is to say of all frames."""
        seconds = time.monotonic() - self._begin_s
        mean_ms = self._spent_ms / max(1, self._frames)
        text = "{} frames in {:.1f} s, {:.1f} a second, {:.1f} ms each in the mean"
        line = text.format(self._frames, seconds, self._frames / max(seconds, 1e-9), mean_ms)
        if not self._as_json:
            return line
        sys.stderr.write(line + "\n")
        return ""

    def _tell_second(self, look: Look) -> None:
        now = time.monotonic()
        rate = (self._frames - self._frames_told) / (now - self._told_s)
        found = summary_of([look.result], self._class_names)
        text = "{}: {}; {:.1f} frames a second, this one in {:.1f} ms"
        _print(text.format(look.frame.name, found, rate, look.spent_ms))
        self._told_s, self._frames_told = now, self._frames


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
