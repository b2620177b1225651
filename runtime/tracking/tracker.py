"""Which detection is which object from one frame to the next."""

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

import numpy as np

from ..errors import UsageError
from .assignment import assign
from .motion import Motion
from .reach import Expected

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..detections import Detections

NO_TRACK = -1
"""Stands for the id of a detection that belongs to no track."""


class TrackOptions(NamedTuple):
    """How sure a track must be, and how long it waits."""

    high_score: float = 0.25
    """Detections of at least this score begin tracks and are matched first, 0..1."""
    low_score: float = 0.1
    """Those below `high_score` down to this one only continue a track that was seen in the frame
    before: an object that is half hidden, or blurred."""
    confirm_hits: int = 2
    """A track gets its id when it was seen in so many frames, one after the other."""
    lost_s: float = 2.0
    """A track that is not seen for longer ends. In seconds: the frame rate may vary, and frames
    may be dropped."""
    least_iou: float = 0.2
    """Between the place where a track is expected and a detection, 0..1."""
    least_low_iou: float = 0.5
    """The same for detections of a low score, which are rarely worth a doubt."""


class Tracker:
    """Follows objects of several classes through the frames of one camera.

    Association in two stages after Zhang et al., "ByteTrack: Multi-Object Tracking by Associating
    Every Detection Box", ECCV 2022: sure detections first, then the doubtful ones for the tracks
    that are left. Tracks keep their class. Ids are 1, 2, 3 ... and are never used again.
    """

    def __init__(self, options: Optional[TrackOptions] = None) -> None:
        """UsageError for options that are out of range."""
        self._options = check_options(options or TrackOptions())
        self._motion = Motion()
        self._ids = np.zeros(0, np.int64)
        self._labels = np.zeros(0, np.int64)
        self._hits = np.zeros(0, np.int64)
        self._seen_s = np.zeros(0)
        self._now_s = -np.inf
        self._next_id = 1

    @property
    def options(self) -> TrackOptions:
        """May be set between two frames; UsageError for options that are out of range."""
        return self._options

    @options.setter
    def options(self, options: TrackOptions) -> None:
        self._options = check_options(options)

    def update(self, detections: "Detections", time_s: float) -> "NDArray[np.int64]":
        """The track [n] of each detection of the next frame; -1 for none, or none yet.

        ``time_s``: when the frame was captured, of a clock that does not go back; an earlier time
        counts as the time of the frame before.
        """
        before_s, self._now_s = self._now_s, max(self._now_s, time_s)
        self._motion.predict(self._now_s - before_s)
        self._end(before_s)
        track_of = np.full(len(detections), NO_TRACK, np.int64)
        high = detections.scores >= self._options.high_score
        low = ~high & (detections.scores >= self._options.low_score)
        known = self._ids != NO_TRACK
        least, least_low = self._options.least_iou, self._options.least_low_iou
        self._match(detections, track_of, (known, high), least)
        self._match(detections, track_of, (known & (self._seen_s == before_s), low), least_low)
        self._match(detections, track_of, (~known, high), least)
        self._begin(detections, track_of, high)
        self._confirm()
        # Without tracks there is no row to take: the last one stands for none.
        return np.append(self._ids, NO_TRACK)[track_of]

    def _end(self, before_s: float) -> None:
        """Forget tracks that were lost for too long, and young ones that missed a frame."""
        lost = self._now_s - self._seen_s > self._options.lost_s
        lost |= (self._ids == NO_TRACK) & (self._seen_s < before_s)
        stay = ~lost
        self._motion.keep(stay)
        self._ids, self._labels = self._ids[stay], self._labels[stay]
        self._hits, self._seen_s = self._hits[stay], self._seen_s[stay]

    def _match(
        self,
        detections: "Detections",
        track_of: "NDArray[np.int64]",
        among: "Tuple[NDArray[np.bool_], NDArray[np.bool_]]",
        least_iou: float,
    ) -> None:
        """Pair what is left among these tracks [t] and detections [n], and note it in both."""
        free = np.ones(len(self._ids), bool)
        free[track_of[track_of != NO_TRACK]] = False
        tracks = np.flatnonzero(among[0] & free)
        found = np.flatnonzero(among[1] & (track_of == NO_TRACK))
        expected = Expected(
            self._motion.boxes_xyxy[tracks], self._motion.reach_xy[tracks], self._labels[tracks]
        )
        boxes_xyxy = detections.boxes_xyxy[found].astype(np.float64)
        first, second = expected.meeting(boxes_xyxy, detections.labels[found])
        gains = expected.iou(boxes_xyxy, (first, second)) - least_iou
        fits = np.flatnonzero(gains > 0)
        chosen = fits[assign((first[fits], second[fits]), gains[fits])]
        tracks, found = tracks[first[chosen]], found[second[chosen]]
        track_of[found] = tracks
        self._motion.correct(tracks, boxes_xyxy[second[chosen]])
        self._hits[tracks] += 1
        self._seen_s[tracks] = self._now_s

    def _begin(
        self,
        detections: "Detections",
        track_of: "NDArray[np.int64]",
        which: "NDArray[np.bool_]",
    ) -> None:
        """A new track for each sure detection that has none."""
        found = np.flatnonzero(which & (track_of == NO_TRACK))
        track_of[found] = len(self._ids) + np.arange(len(found))
        self._motion.append(detections.boxes_xyxy[found])
        self._ids = np.append(self._ids, np.full(len(found), NO_TRACK, np.int64))
        self._labels = np.append(self._labels, detections.labels[found])
        self._hits = np.append(self._hits, np.ones(len(found), np.int64))
        self._seen_s = np.append(self._seen_s, np.full(len(found), self._now_s))

    def _confirm(self) -> None:
        """An id for each track that was seen often enough."""
        sure = np.flatnonzero((self._ids == NO_TRACK) & (self._hits >= self._options.confirm_hits))
        self._ids[sure] = self._next_id + np.arange(len(sure))
        self._next_id += len(sure)


def check_options(options: TrackOptions) -> TrackOptions:
    """Return the options; UsageError, which names the option, for one that is out of range."""
    for name in ("high_score", "low_score", "least_iou", "least_low_iou"):
        value = getattr(options, name)
        if not 0 <= value <= 1:
            raise UsageError("{} in 0..1".format(name), str(value), "correct it")
    if options.confirm_hits < 1:
        found = str(options.confirm_hits)
        raise UsageError("confirm_hits of at least 1", found, "give a positive number")
    if not options.lost_s >= 0:
        raise UsageError("lost_s of at least 0 seconds", str(options.lost_s), "correct it")
    return options
