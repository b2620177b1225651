"""The loop: the newest frames, what is in them, and on to the outputs."""

import time
from typing import TYPE_CHECKING, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .controls import Controls
from .health import Health
from .inbox import Inbox
from .seen import Seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from typing_extensions import Protocol

    from ..detections import Detections
    from ..postprocess import Thresholds
    from .insight import Insight
    from .live_frame import LiveFrame
    from .outlet import Outlet

    class Finder(Protocol):
        """A `Detector`, or one that looks at tiles."""

        thresholds: Thresholds

        def batch(self, images_bgr: "Sequence[NDArray[np.uint8]]") -> List[Detections]:
            """What is in each frame."""


IDLE_S = 0.2
"""After so long without a frame the loop looks whether it is to end."""


class Camera(NamedTuple):
    """What belongs to one camera."""

    health: Health
    insight: "Insight"


class Batching(NamedTuple):
    """How frames are taken."""

    most: int = 1
    """That go through the network together: the model's static batch."""
    patient: bool = False
    """Whether to wait for the outputs: for files that come as fast as they are taken, never for
    cameras."""


class Road(NamedTuple):
    """Where frames come from and go to, and when it ends."""

    inbox: Inbox
    outlets: "Sequence[Outlet]"
    controls: Controls
    frames: Optional[int] = None
    """After so many; None: when the cameras end, or `controls.stop`."""


class Loop:
    """Looks at the frames of all cameras, with one detector, on one thread.

    With a static batch the newest frames of several cameras go through the network together;
    otherwise they take turns, the camera that was served longest ago first.
    """

    def __init__(self, finder: "Finder", cameras: Mapping[str, Camera], batching: Batching) -> None:
        self._finder = finder
        self._cameras: Dict[str, Camera] = dict(cameras)
        self._batching = batching
        self.looked_at = 0
        """Frames so far."""
        self.turned_s = time.monotonic()
        """When it last came round: it hangs if that is long ago."""

    def run(self, road: Road) -> None:
        """Go on until the end of the road.

        Raises what the detector raises, and bugs of the outputs.
        """
        while not road.controls.stopping and self.looked_at != road.frames:
            self.turned_s = time.monotonic()
            frames = road.inbox.take(self._most(road), IDLE_S)
            if frames:
                for seen in self._look(frames, road.controls.confidence):
                    self._hand_on(seen, road)
            elif road.inbox.over:
                return

    def _most(self, road: Road) -> int:
        most = self._batching.most
        return most if road.frames is None else min(most, road.frames - self.looked_at)

    def _look(self, frames: "Sequence[LiveFrame]", confidence: float) -> List[Seen]:
        self._take_over(confidence)
        began_s = time.monotonic()
        found = self._finder.batch([frame.image_bgr for frame in frames])
        share_ms = 1000 * (time.monotonic() - began_s) / len(frames)
        self.looked_at += len(frames)
        return [
            self._known(frame, detections, share_ms, confidence)
            for frame, detections in zip(frames, found)
        ]

    def _known(
        self, frame: "LiveFrame", detections: "Detections", share_ms: float, confidence: float
    ) -> Seen:
        known = self._cameras[frame.camera].insight.look(frame, detections, confidence)
        age_ms = 1000 * (time.monotonic() - frame.captured_s)
        return Seen(frame, known.detections, known.track_ids, known.zones, share_ms, age_ms)

    def _take_over(self, confidence: float) -> None:
        """Ask the detector for what `confidence`, which the user may have changed, needs."""
        thresholds = self._finder.thresholds
        least = min(each.insight.least_score(confidence) for each in self._cameras.values())
        if thresholds.score != least:
            self._finder.thresholds = thresholds._replace(score=least)

    def _hand_on(self, seen: Seen, road: Road) -> None:
        health = self._cameras[seen.frame.camera].health
        health.processed(seen.age_ms, seen.inference_ms, len(seen.detections))
        for outlet in road.outlets:
            if self._batching.patient:
                outlet.wait_for_room(seen, lambda: road.controls.stopping)
            outlet.put(seen)
