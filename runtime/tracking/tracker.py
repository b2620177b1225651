"""Which detection is which object from one frame to the next."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..boxes import iou_matrix
from ..errors import UsageError
from .assignment import assign
from .motion import Motion

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..detections import Detections

NO_TRACK = -1


class TrackOptions(NamedTuple):
    """How sure a track must be, and how long it waits."""

    high_score: float = 0.25
    """Detections of at least this score begin tracks and are matched first, 0..1."""
    low_score: float = 0.1
    """Those below `high_score` down to this one only continue a track that was seen in the frame
    before: an object that is half hidden, or blurred."""
    confirm_hits: int = 3
    """A track gets its id when it was seen in so many frames, one after the other."""
    lost_s: float = 1.0
    """A track that is not seen for longer ends. In seconds: the frame rate may vary, and frames
    may be dropped."""
    least_iou: float = 0.2
    """Between the place where a track is expected and a detection, 0..1."""
    least_low_iou: float = 0.4
    """The same for detections of a low score, which are rarely worth a doubt."""


class Tracker:
    """Follows objects of several classes through the frames of one camera.

    Association in two stages after Zhang et al., "ByteTrack: Multi-Object Tracking by Associating
    Every Detection Box", ECCV 2022: sure detections first, then the doubtful ones for the tracks
    that are left. Tracks keep their class. Ids are 1, 2, 3 ... and are never used again.
    """

    def __init__(self, options: TrackOptions = TrackOptions()) -> None:
        """UsageError for options that are out of range."""
        self._options = _checked(options)
        self._motion = Motion()
        self._ids = np.zeros(0, np.int64)
        self._labels = np.zeros(0, np.int64)
        self._hits = np.zeros(0, np.int64)
        self._seen_s = np.zeros(0)
        self._now_s = 0.0
        self._next_id = 1

    def update(self, detections: "Detections", time_s: float) -> "NDArray[np.int64]":
        """The track [n] of each detection of the next frame; -1 for none, or none yet.

        ``time_s``: when the frame was captured, of a clock that does not go back; earlier times
        count as the time of the frame before.
        """
        before_s = self._pass_to(time_s)
        track_of = np.full(len(detections), -1, np.intp)
        high = detections.scores >= self._options.high_score
        low = ~high & (detections.scores >= self._options.low_score)
        known = self._ids > 0
        self._match(detections, track_of, (known, high), self._options.least_iou)
        recent = known & (self._seen_s == before_s)
        self._match(detections, track_of, (recent, low), self._options.least_low_iou)
        self._match(detections, track_of, (~known, high), self._options.least_iou)
        self._end_unconfirmed(track_of)
        self._begin(detections, track_of, high)
        self._confirm()
        return (
            np.where(track_of >= 0, self._ids[track_of], NO_TRACK) if len(self._ids) else track_of
        )

    def _pass_to(self, time_s: float) -> float:
        """Move all tracks on to this time, and return the time of the frame before."""
        before_s, self._now_s = self._now_s, max(self._now_s, time_s)
        if len(self._ids) == 0:
            self._now_s = time_s
        self._motion.predict(self._now_s - before_s)
        self._keep(self._now_s - self._seen_s <= self._options.lost_s)
        return before_s
