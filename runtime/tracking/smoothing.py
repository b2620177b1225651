"""Scores that do not flicker: each the mean over the last moments of its track."""

from typing import TYPE_CHECKING, Tuple

import numpy as np

from ..detections import Detections
from ..errors import UsageError
from .track_memory import TrackMemory
from .tracker import NO_TRACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORGET_S = 10.0
"""A track is remembered for so long; trackers end it earlier."""


class ScoreSmoother:
    """An exponential mean of the scores of each track.

    An object whose score swings around the threshold stays on one side of it; a new object begins
    with its own score, so that it shows without delay, and detections without a track keep theirs.
    """

    def __init__(self, half_life_s: float) -> None:
        """half_life_s: seconds after which a score counts half; UsageError unless above 0."""
        if not 0 < half_life_s < float("inf"):
            expected = "a half-life of scores above 0 seconds"
            raise UsageError(expected, str(half_life_s), "give a time such as 0.5")
        self._half_life_s = half_life_s
        self._memory = TrackMemory(2, FORGET_S)

    def update(
        self, detections: Detections, track_ids: "NDArray[np.int64]", time_s: float
    ) -> "Tuple[Detections, NDArray[np.int64]]":
        """The detections with smoothed scores, best first, and their tracks in the same order."""
        scores = detections.scores.astype(np.float64)
        tracked = np.flatnonzero(track_ids != NO_TRACK)
        rows, new = self._memory.rows(track_ids[tracked], time_s)
        means = self._memory.values
        means[rows[new]] = np.stack([scores[tracked[new]], np.full(new.sum(), time_s)], axis=1)
        before, before_s = means[rows, 0], means[rows, 1]
        kept = 0.5 ** (np.maximum(time_s - before_s, 0) / self._half_life_s)
        scores[tracked] += kept * (before - scores[tracked])
        means[rows, 0], means[rows, 1] = scores[tracked], time_s
        order = np.argsort(-scores, kind="mergesort")
        boxes_xyxy, labels = detections.boxes_xyxy[order], detections.labels[order]
        return Detections(boxes_xyxy, scores[order], labels), track_ids[order]
