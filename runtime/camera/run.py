"""One run of cameras, from opening them to closing them."""

import logging
import os
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, List, Optional, Sequence

from ..closing import close_together
from .capture import Capture
from .console import closing_line
from .controls import Controls
from .health import Health
from .inbox import Inbox
from .insight_choice import chosen_finder, chosen_insight, chosen_zones
from .live_source import CaptureWish
from .loop import Batching, Camera, Loop, Road
from .outlet import Outlet
from .output_choice import chosen_outputs
from .picture import Painter
from .scene import Scene
from .settings import CameraSettings, camera_names
from .signals import stopped_by_signals
from .source_uri import FILES, SHAPES, STDIN, parse_source, size_hw_of
from .standard_output import StandardOutput
from .watch import Watched, watch
from .window import Window
from .worker import HangingError, Worker

if TYPE_CHECKING:
    from ..detector import Detector
    from ..tracking.zone import Zone

PATIENT_KINDS = (FILES, SHAPES, STDIN)
"""Sources that wait until their frame is taken, where they are to be looked at fast."""
END_S = 5.0
"""After a network that hangs, for all else to end."""
_LOG = logging.getLogger("edgedet.camera")


def run_cameras(settings: CameraSettings, detector: "Detector") -> None:
    """Look at the cameras until they end, or until `q`, Ctrl-C or SIGTERM; on the main thread.

    The detector is the caller's to close; its thresholds change. Results go to stdout, what there
    is to say of them to stderr. Raises what makes a source impossible (see `Capture`), what the
    detector raises, and UsageError or DeviceError for an output that cannot be opened.
    """
    try:
        _run(settings, detector)
    except HangingError as error:
        # What hangs in a driver may hang who closes the detector as well.
        end = threading.Timer(END_S, os._exit, [error.exit_code])
        end.daemon = True
        end.start()
        raise


def _run(settings: CameraSettings, detector: "Detector") -> None:
    began_s = time.monotonic()
    zones = chosen_zones(settings, detector.spec.class_names)
    stdout = StandardOutput(Controls(detector.thresholds.score, settings.record is not None))
    scene = _scene(settings, detector, zones, stdout)
    with ExitStack() as stack:
        window = Window(scene) if settings.show else None
        # Before all that is to be closed in order.
        stack.enter_context(stopped_by_signals(scene.controls))
        outlets = _outlets(settings, scene, window, stack)
        inbox = Inbox(tuple(scene.cameras))
        captures = _captures(settings, scene, inbox, stack)
        loop = _loop(settings, detector, scene, zones)
        road = Road(inbox, outlets, scene.controls, settings.frames)
        work = stack.enter_context(Worker("loop", lambda: loop.run(road), lambda: _stop(road)))
        watch(Watched(work, captures, loop), scene.controls, window)
    work.check()
    stdout.check()
    seconds = time.monotonic() - began_s
    for health in scene.cameras.values():
        tell(closing_line(health.read(), seconds))
    for line in filter(None, (outlet.closing_line() for outlet in outlets)):
        tell(line)


def _scene(
    settings: CameraSettings, detector: "Detector", zones: "Sequence[Zone]", stdout: StandardOutput
) -> Scene:
    class_names = detector.spec.class_names
    cameras = {name: Health(name) for name in camera_names(settings)}
    paint = Painter(class_names, zones).paint
    return Scene(cameras, class_names, stdout.controls, paint, stdout.write, tell)


def _outlets(
    settings: CameraSettings, scene: Scene, window: Optional[Window], stack: ExitStack
) -> List[Outlet]:
    outputs = chosen_outputs(settings, scene) + ([] if window is None else [window])
    outlets = [Outlet(output) for output in outputs]
    stack.callback(close_together, [outlet.close for outlet in outlets])
    return outlets


def _captures(
    settings: CameraSettings, scene: Scene, inbox: Inbox, stack: ExitStack
) -> List[Capture]:
    size_hw = None if settings.size is None else size_hw_of(settings.size)
    wish = CaptureWish(size_hw, settings.fps, settings.loop, settings.fast)
    captures = [
        Capture(name, uri, wish, inbox, health)
        for uri, (name, health) in zip(settings.source, scene.cameras.items())
    ]
    stack.callback(close_together, [capture.close for capture in captures])
    for capture in captures:
        capture.start()
    return captures


def _stop(road: Road) -> None:
    road.controls.stop()
    road.inbox.close()


def _loop(
    settings: CameraSettings, detector: "Detector", scene: Scene, zones: "Sequence[Zone]"
) -> Loop:
    n_classes = len(scene.class_names)
    cameras = {
        name: Camera(health, chosen_insight(settings, zones, n_classes))
        for name, health in scene.cameras.items()
    }
    wish = CaptureWish()
    patient = settings.fast and all(
        parse_source(uri, wish).kind in PATIENT_KINDS for uri in settings.source
    )
    batching = Batching(detector.backend.batch, patient=patient)
    return Loop(chosen_finder(settings, detector), cameras, batching)


def tell(line: str) -> None:
    """Write a line to stderr, in the form that messages have there."""
    _LOG.info("%s", line)
