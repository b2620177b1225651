"""How many objects cross the user's lines, and enter, leave and are in polygons."""

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

import numpy as np

from ..boxes import areas
from ..camera.seen import ZoneCount
from .segments import crossings, distances, rays_cut
from .track_memory import TrackMemory
from .tracker import NO_TRACK
from .zone import BOTTOM, LINE, Zone

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..detections import Detections

MARGIN = 0.1
"""A crossing counts when the object is so far beyond, in its own sides (the square root of its
area): boxes jitter with the size of the object, and one that stands on a line must not count."""
SETTLE_S = 1.0
"""Or when it has not gone back for so long: it may stop there, or leave the frame."""
FORGET_S = 10.0
"""A track that comes back later begins anew; trackers end it earlier."""
_RIM = 1e-6
"""Boxes that end at the frame's edge have their anchor exactly on it: it counts as inside."""

_X, _Y, _PENDING, _SINCE, _LABEL, _SIDE = range(6)


class Zones:
    """All zones of one camera.

    Only tracks count as passing, once for each crossing. One that is first seen inside a polygon,
    or beyond a line, has not entered or crossed: an object whose track was lost and began anew is
    not counted twice.
    """

    def __init__(self, zones: Sequence[Zone], n_classes: int) -> None:
        self._zones = [_ZoneCounter(zone, n_classes) for zone in zones]

    def update(
        self,
        detections: "Detections",
        track_ids: "Optional[NDArray[np.int64]]",
        size_hw: Tuple[int, int],
        time_s: float,
    ) -> Tuple[ZoneCount, ...]:
        """The counts after this frame, in the order of the zones.

        ``track_ids``: [n], -1 for detections that do not count (yet); None without tracking, then
        all detections count as inside, and none as passing. ``size_hw``: of the frame. ``time_s``:
        when it was captured.
        """
        return tuple(zone.update(detections, track_ids, size_hw, time_s) for zone in self._zones)


class _ZoneCounter:
    """One zone."""

    def __init__(self, zone: Zone, n_classes: int) -> None:
        self._zone = zone
        self._starts = np.array(zone.points)
        self._ends = np.roll(self._starts, -1, axis=0)
        if zone.shape == LINE:
            self._starts, self._ends = self._starts[:1], self._ends[:1]
        self._memory = TrackMemory(6, FORGET_S)
        self._passed = np.zeros((2, n_classes), np.int64)

    def update(
        self,
        detections: "Detections",
        track_ids: "Optional[NDArray[np.int64]]",
        size_hw: Tuple[int, int],
        time_s: float,
    ) -> ZoneCount:
        """The counts after this frame."""
        scale = np.array([size_hw[1], size_hw[0]], np.float64)
        counted = np.ones(len(detections), bool) if track_ids is None else track_ids != NO_TRACK
        if self._zone.labels is not None:
            counted &= np.isin(detections.labels, self._zone.labels)
        which = np.flatnonzero(counted)
        points = self._anchors(detections, which) / scale
        points = np.clip(points, _RIM, 1 - _RIM)
        if track_ids is not None:
            self._count_pending(scale, time_s)  # before tracks are forgotten
            sides = np.sqrt(areas(detections.boxes_xyxy[which]))
            facts = np.stack([detections.labels[which], sides], axis=1)
            self._move(track_ids[which], points, facts, time_s)
            self._count_pending(scale, time_s)
        inside: Tuple[int, ...] = ()
        if self._zone.shape != LINE:
            labels = detections.labels[which[self._inside(points)]]
            inside = tuple(np.bincount(labels, minlength=self._passed.shape[1]).tolist())
        passed, back = self._passed.tolist()
        return ZoneCount(self._zone.name, inside, tuple(passed), tuple(back))

    def _anchors(
        self, detections: "Detections", which: "NDArray[np.intp]"
    ) -> "NDArray[np.float64]":
        boxes = detections.boxes_xyxy[which].astype(np.float64)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2
        if self._zone.anchor == BOTTOM:
            middle[:, 1] = boxes[:, 3]
        return middle

    def _inside(self, points: "NDArray[np.float64]") -> "NDArray[np.bool_]":
        cut = rays_cut(points, self._starts, self._ends)
        odd: "NDArray[np.bool_]" = np.count_nonzero(cut, axis=1) % 2 == 1
        return odd

    def _move(
        self,
        track_ids: "NDArray[np.int64]",
        points: "NDArray[np.float64]",
        facts: "NDArray[np.float64]",
        time_s: float,
    ) -> None:
        """Note where tracks are now, and the boundary between there and where they were."""
        rows, new = self._memory.rows(track_ids, time_s)
        values = self._memory.values
        values[rows[new], _X : _Y + 1] = points[new]
        values[rows[new], _PENDING] = 0
        before = values[rows, _X : _Y + 1]
        if self._zone.shape == LINE:
            steps = crossings(before, points, self._starts, self._ends)[:, 0]
        else:
            steps = self._inside(points).astype(np.int64) - self._inside(before)
        values[rows, _PENDING] = np.clip(values[rows, _PENDING] + steps, -1, 1)
        values[rows[steps != 0], _SINCE] = time_s
        values[rows, _X : _Y + 1] = points
        values[rows, _LABEL:] = facts

    def _count_pending(self, scale: "NDArray[np.float64]", time_s: float) -> None:
        """Count the tracks that are surely beyond the boundary, and those that stay there."""
        values = self._memory.values
        rows = np.flatnonzero(values[:, _PENDING])
        points = values[rows, _X : _Y + 1] * scale
        away = distances(points, self._starts * scale, self._ends * scale).min(axis=1)
        sure = (away > MARGIN * values[rows, _SIDE]) | (time_s - values[rows, _SINCE] >= SETTLE_S)
        rows = rows[sure]
        back = (values[rows, _PENDING] < 0).astype(np.intp)
        np.add.at(self._passed, (back, values[rows, _LABEL].astype(np.intp)), 1)
        values[rows, _PENDING] = 0
