"""What the frames of one camera say together: tracks, steadier scores, counts in zones."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from ..detections import Detections
from .seen import ZoneCount

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..tracking.following import Follower
    from ..tracking.zones import Zones
    from .live_frame import LiveFrame


class Known(NamedTuple):
    """What is known of one frame, with the frames before it."""

    detections: Detections
    track_ids: "Optional[NDArray[np.int64]]"
    zones: Tuple[ZoneCount, ...]


class Insight:
    """Of one camera, frame by frame, on one thread."""

    def __init__(
        self, follower: "Optional[Follower]" = None, zones: "Optional[Zones]" = None
    ) -> None:
        """zones: count tracks, so not without a follower."""
        if follower is None and zones is not None:
            raise ValueError("zones without tracks")
        self._follower, self._zones = follower, zones

    def least_score(self, confidence: float) -> float:
        """Return from which score on `look` needs detections, to show those of `confidence`."""
        return confidence if self._follower is None else self._follower.floor(confidence)

    def look(self, frame: "LiveFrame", detections: Detections, confidence: float) -> Known:
        """Return what is known with this frame."""
        if self._follower is None:
            return Known(detections, None, ())
        at_s, size_hw = frame.scene_s, frame.image_bgr.shape[:2]
        detections, track_ids = self._follower.update(detections, at_s, confidence)
        if self._zones is None:
            return Known(detections, track_ids, ())
        counts = self._zones.update(detections, track_ids, size_hw, at_s)
        return Known(detections, track_ids, counts)
