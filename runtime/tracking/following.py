"""From the detections of one frame to what is shown of it: tracked, steadied, sure enough."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

import numpy as np

from ..detections import Detections
from .smoothing import FORGET_S, ScoreSmoother
from .track_memory import TrackMemory
from .tracker import NO_TRACK, Tracker, TrackOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOW_SHARE = 0.4
"""Tracks go on with detections down to this share of the confidence. ByteTrack's authors take 0.1
beside the 0.25 that most detectors begin to show at."""
HOLD_SHARE = 0.8
"""With smoothing, a track that was shown stays until its score is below this share of the
confidence: a mean that lies on the threshold would flicker as well, only slower."""


class FollowOptions(NamedTuple):
    """What is done between the detector and the outputs."""

    lost_s: float = TrackOptions().lost_s
    """A track that is not seen for longer ends."""
    half_life_s: float = 0.0
    """Of scores, in seconds; 0: scores stay as they are."""


class Follower:
    """Tracker and smoothing for one camera, under a confidence that the user may change.

    The detector is to give detections down to `floor`: those below the confidence are only shown
    where they continue a track.
    """

    def __init__(self, options: Optional[FollowOptions] = None) -> None:
        """UsageError for options that are out of range."""
        options = options or FollowOptions()
        self._tracker = Tracker(TrackOptions(lost_s=options.lost_s))
        smooth = options.half_life_s != 0
        self._smoother = ScoreSmoother(options.half_life_s) if smooth else None
        self._shown = TrackMemory(1, FORGET_S)

    @staticmethod
    def floor(confidence: float) -> float:
        """Least score, 0..1, that the detector is to give at this confidence."""
        return LOW_SHARE * confidence

    def update(
        self, detections: Detections, time_s: float, confidence: float
    ) -> "Tuple[Detections, NDArray[np.int64]]":
        """What is shown, best first, and the track [n] of each; -1 for none, or none yet."""
        low = self.floor(confidence)
        options = self._tracker.options
        self._tracker.options = options._replace(high_score=confidence, low_score=low)
        track_ids = self._tracker.update(detections, time_s)
        shown = detections.scores >= confidence
        if self._smoother is not None:
            detections, track_ids = self._smoother.update(detections, track_ids, time_s)
            shown = self._held(detections.scores / max(confidence, 1e-9), track_ids, time_s)
        boxes_xyxy, scores, labels = detections.boxes_xyxy, detections.scores, detections.labels
        return Detections(boxes_xyxy[shown], scores[shown], labels[shown]), track_ids[shown]

    def _held(
        self, shares: "NDArray[np.float32]", track_ids: "NDArray[np.int64]", time_s: float
    ) -> "NDArray[np.bool_]":
        """Which detections [n] are shown, by their scores as shares [n] of the confidence."""
        shown = shares >= 1
        tracked = np.flatnonzero(track_ids != NO_TRACK)
        rows, _ = self._shown.rows(track_ids[tracked], time_s)
        before = self._shown.values[rows, 0] == 1
        shown[tracked] |= before & (shares[tracked] >= HOLD_SHARE)
        self._shown.values[rows, 0] = shown[tracked]
        return shown
