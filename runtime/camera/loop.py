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
    """Whether to wait for outputs that keep all frames: for files that come as fast as they are
    taken, never for cameras."""


class Loop:
    """One thread that looks at the frames of all cameras, with one detector.

    With a static batch the newest frames of several cameras go through the network together;
    otherwise they take turns, the camera that was served longest ago first.
    """

    def __init__(
        self,
        finder: "Finder",
        inbox: Inbox,
        cameras: Mapping[str, Camera],
        outlets: "Sequence[Outlet]",
        batch: Batching,
    ) -> None:
        self._finder = finder
        self._inbox = inbox
        self._cameras: Dict[str, Camera] = dict(cameras)
        self._outlets = tuple(outlets)
        self._most, self._patient = batch
        self.looked_at = 0
        """Frames so far."""

    def run(self, controls: Controls, frames: Optional[int] = None) -> None:
        """Go on until `controls.stop`, until the inbox is closed and empty, or for so many frames.

        Raises what the detector raises, and bugs of the outputs.
        """
        while not controls.stopping and (frames is None or self.looked_at < frames):
            self._adopt(controls)
            found = self._inbox.take(self._batch(frames), IDLE_S)
            if found:
                self._look(found)
            elif self._inbox.over:
                return

    def _batch(self, frames: Optional[int]) -> int:
        left = self._most if frames is None else frames - self.looked_at
        return min(self._most, left)

    def _adopt(self, controls: Controls) -> None:
        """The confidence that the user has set meanwhile."""
        thresholds = self._finder.thresholds
        if thresholds.score != controls.confidence:
            self._finder.thresholds = thresholds._replace(score=controls.confidence)

    def _look(self, frames: "Sequence[LiveFrame]") -> None:
        began_s = time.monotonic()
        found = self._finder.batch([frame.image_bgr for frame in frames])
        ended_s = time.monotonic()
        share_ms = 1000 * (ended_s - began_s) / len(frames)
        for frame, detections in zip(frames, found):
            age_ms = 1000 * (ended_s - frame.captured_s)
            self._hand_on(frame, detections, share_ms, age_ms)
        self.looked_at += len(frames)

    def _hand_on(
        self, frame: "LiveFrame", detections: "Detections", share_ms: float, age_ms: float
    ) -> None:
        camera = self._cameras[frame.camera]
        known = camera.insight.look(frame, detections)
        camera.health.processed(age_ms, share_ms, len(known.detections))
        seen = Seen(frame, *known, inference_ms=share_ms, age_ms=age_ms)
        for outlet in self._outlets:
            if self._patient:
                outlet.wait_for_room()
            outlet.put(seen)
