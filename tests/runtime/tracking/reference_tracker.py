"""The tracker as a textbook writes it: one object at a time, full matrices, no arrays of tracks.

The association tries every assignment, by recursion; the filter has eight numbers and inverts.
"""

from functools import lru_cache
from typing import Dict, List, Tuple

import numpy as np

from edgedet.runtime import Detections
from edgedet.runtime.tracking.motion import GROWTH, JERK, MOST_REACH, NOISE, START_SPEED
from edgedet.runtime.tracking.tracker import TrackOptions


class ReferenceTrack:
    def __init__(self, box: List[float], label: int, time_s: float) -> None:
        place = _place(box)
        self.label, self.seen_s, self.hits, self.id = label, time_s, 1, -1
        self.scale = _scale(place)
        self.state = np.concatenate([place, np.zeros(4)])
        self.covariance = np.zeros((8, 8))
        for i in range(4):
            self.covariance[i, i] = (NOISE * self.scale) ** 2
        for i in (4, 5):
            self.covariance[i, i] = (START_SPEED * self.scale) ** 2

    def predict(self, seconds: float) -> None:
        transition = np.eye(8)
        transition[:4, 4:] = seconds * np.eye(4)
        noise = np.zeros((8, 8))
        for i in (0, 1):
            change = (JERK * self.scale) ** 2
            noise[i, i] = change * seconds**3 / 3
            noise[i, i + 4] = noise[i + 4, i] = change * seconds**2 / 2
            noise[i + 4, i + 4] = change * seconds
        for i in (2, 3):
            noise[i, i] = (GROWTH * self.scale) ** 2 * seconds
        self.state = transition @ self.state
        self.covariance = transition @ self.covariance @ transition.T + noise

    def correct(self, box: List[float], time_s: float) -> None:
        look = np.eye(4, 8)
        noise = np.eye(4) * (NOISE * self.scale) ** 2
        gain = self.covariance @ look.T @ np.linalg.inv(look @ self.covariance @ look.T + noise)
        self.state = self.state + gain @ (_place(box) - look @ self.state)
        self.covariance = (np.eye(8) - gain @ look) @ self.covariance
        self.scale = _scale(self.state)
        self.hits, self.seen_s = self.hits + 1, time_s

    def iou(self, box: List[float]) -> float:
        x, y, width, height = self.state[:4]
        reach = [min(np.sqrt(self.covariance[i, i]), MOST_REACH * self.scale) for i in (0, 1)]
        left, right = x - width / 2 - reach[0], x + width / 2 + reach[0]
        top, bottom = y - height / 2 - reach[1], y + height / 2 + reach[1]
        other = [box[0] - reach[0], box[1] - reach[1], box[2] + reach[0], box[3] + reach[1]]
        across = max(0.0, min(right, other[2]) - max(left, other[0]))
        down = max(0.0, min(bottom, other[3]) - max(top, other[1]))
        union = (right - left) * (bottom - top) + (other[2] - other[0]) * (other[3] - other[1])
        return across * down / (union - across * down)


class ReferenceTracker:
    def __init__(self, options: TrackOptions) -> None:
        self.options = options
        self.tracks: List[ReferenceTrack] = []
        self.last_s = 0.0
        self.next_id = 1

    def update(self, detections: Detections, time_s: float) -> List[int]:
        options, before_s, self.last_s = self.options, self.last_s, time_s
        boxes = [[float(side) for side in box] for box in detections.boxes_xyxy]
        for track in self.tracks:
            track.predict(time_s - before_s)
        self.tracks = [t for t in self.tracks if time_s - t.seen_s <= options.lost_s]
        self.tracks = [t for t in self.tracks if t.id > 0 or t.seen_s == before_s]
        scores = [float(score) for score in detections.scores]
        high = [i for i, score in enumerate(scores) if score >= np.float32(options.high_score)]
        low = [i for i, score in enumerate(scores) if i not in high and score >= options.low_score]
        found: Dict[int, ReferenceTrack] = {}
        known = [t for t in self.tracks if t.id > 0]
        young = [t for t in self.tracks if t.id <= 0]
        labels = [int(label) for label in detections.labels]

        def pair(tracks: List[ReferenceTrack], free: List[int], least: float) -> None:
            free = [i for i in free if i not in found]
            tracks = [t for t in tracks if t not in found.values()]
            gains = [
                [t.iou(boxes[i]) - least if labels[i] == t.label else 0.0 for i in free]
                for t in tracks
            ]
            for row, column in best_pairs(gains):
                found[free[column]] = tracks[row]
                tracks[row].correct(boxes[free[column]], time_s)

        recent = [t for t in known if t.seen_s == before_s]
        pair(known, high, options.least_iou)
        pair(recent, low, options.least_low_iou)
        pair(young, high, options.least_iou)
        for i in high:
            if i not in found:
                found[i] = ReferenceTrack(boxes[i], labels[i], time_s)
                self.tracks.append(found[i])
        for track in self.tracks:
            if track.id <= 0 and track.hits >= options.confirm_hits:
                track.id, self.next_id = self.next_id, self.next_id + 1
        return [found[i].id if i in found else -1 for i in range(len(boxes))]


def best_pairs(gains: List[List[float]]) -> List[Tuple[int, int]]:
    """The pairs with the greatest sum, out of all ways to pair rows with columns."""

    @lru_cache(maxsize=None)
    def best(row: int, taken: int) -> Tuple[float, Tuple[Tuple[int, int], ...]]:
        if row == len(gains):
            return 0.0, ()
        answer = best(row + 1, taken)
        for column, gain in enumerate(gains[row]):
            if gain > 0 and not taken & 1 << column:
                rest, pairs = best(row + 1, taken | 1 << column)
                if gain + rest > answer[0]:
                    answer = gain + rest, ((row, column),) + pairs
        return answer

    return list(best(0, 0)[1])


def _place(box: List[float]) -> np.ndarray:
    left, top, right, bottom = box
    return np.array([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top])


def _scale(state: np.ndarray) -> float:
    return float(np.sqrt(max(state[2], 1) * max(state[3], 1)))
