"""Where the objects of many tracks are and will be: Kalman filters over all tracks at once."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# All in sides of the object (the square root of its area), so that near and far objects are
# treated alike, and in seconds, so that the frame rate does not matter.
NOISE = 0.08
"""Standard deviation of a detected centre or side."""
START_SPEED = 3.0
"""Standard deviation of the speed of an object that was seen once, a second."""
JERK = 2.0
"""Standard deviation of the change of speed within a second."""
GROWTH = 0.3
"""Standard deviation of the change of width and height within a second."""
MOST_REACH = 0.5
"""Of an object whose place is in doubt: beyond it, it would meet its neighbours."""

_MOVES = np.array([1.0, 1.0, 0.0, 0.0])
"""Centres have a speed. Sides only drift: a speed of theirs would let lost tracks shrink to
nothing."""


class Motion:
    """Centre, width and height of n objects, with the speed of their centres.

    The noise of the four is independent, so the filter of eight numbers falls apart into four of
    two, and a step is arithmetic on arrays [n,4] without a matrix to invert. Speed changes as white
    noise, integrated over the time that passed (Bar-Shalom et al., "Estimation with Applications to
    Tracking and Navigation", 2001, section 6.2.2): a step of two frames equals two steps of one.
    """

    def __init__(self) -> None:
        self._place = np.zeros((0, 4))
        self._speed = np.zeros((0, 4))
        self._scale = np.zeros((0, 1))
        # Covariance of place and speed: its two variances, and what they share.
        self._place_var = np.zeros((0, 4))
        self._shared_var = np.zeros((0, 4))
        self._speed_var = np.zeros((0, 4))

    def __len__(self) -> int:
        return len(self._place)

    @property
    def boxes_xyxy(self) -> "NDArray[np.float64]":
        """Where they are now [n,4]."""
        half = self._place[:, 2:] / 2
        return np.concatenate([self._place[:, :2] - half, self._place[:, :2] + half], axis=1)

    @property
    def reach_xy(self) -> "NDArray[np.float64]":
        """How far [n,2] in pixels the centres may well be from there."""
        return np.minimum(np.sqrt(self._place_var[:, :2]), MOST_REACH * self._scale)

    def append(self, boxes_xyxy: "NDArray[np.floating]") -> None:
        """Add objects seen for the first time, at boxes [k,4]."""
        place = _place_of(boxes_xyxy)
        scale = _scale_of(place)
        none = np.zeros_like(place)
        self._place = np.concatenate([self._place, place])
        self._speed = np.concatenate([self._speed, none])
        self._scale = np.concatenate([self._scale, scale])
        self._place_var = np.concatenate([self._place_var, none + (NOISE * scale) ** 2])
        self._shared_var = np.concatenate([self._shared_var, none])
        self._speed_var = np.concatenate([self._speed_var, _MOVES * (START_SPEED * scale) ** 2])

    def keep(self, which: "NDArray[np.bool_]") -> None:
        """Leave out the objects where [n] is False."""
        self._place, self._speed, self._scale = (
            values[which] for values in (self._place, self._speed, self._scale)
        )
        self._place_var, self._shared_var, self._speed_var = (
            values[which] for values in (self._place_var, self._shared_var, self._speed_var)
        )

    def predict(self, seconds: float) -> None:
        """Let time pass, 0 or more."""
        change = _MOVES * (JERK * self._scale) ** 2
        drift = (1 - _MOVES) * (GROWTH * self._scale) ** 2
        self._place += seconds * self._speed
        self._place_var += 2 * seconds * self._shared_var + seconds**2 * self._speed_var
        self._place_var += change * seconds**3 / 3 + drift * seconds
        self._shared_var += seconds * self._speed_var + change * seconds**2 / 2
        self._speed_var += change * seconds

    def correct(self, which: "NDArray[np.intp]", boxes_xyxy: "NDArray[np.floating]") -> None:
        """Take in that the objects ``which`` [k] were seen at boxes [k,4]."""
        place = _place_of(boxes_xyxy)
        total = self._place_var[which] + (NOISE * self._scale[which]) ** 2
        place_gain, speed_gain = self._place_var[which] / total, self._shared_var[which] / total
        surprise = place - self._place[which]
        self._place[which] += place_gain * surprise
        self._speed[which] += speed_gain * surprise
        self._speed_var[which] -= speed_gain * self._shared_var[which]
        self._shared_var[which] *= 1 - place_gain
        self._place_var[which] *= 1 - place_gain
        self._scale[which] = _scale_of(self._place[which])


def _place_of(boxes_xyxy: "NDArray[np.floating]") -> "NDArray[np.float64]":
    """Centre x and y, width and height [n,4] of boxes [n,4]."""
    corners = boxes_xyxy.astype(np.float64)
    low, high = corners[:, :2], corners[:, 2:]
    return np.concatenate([(low + high) / 2, high - low], axis=1)


def _scale_of(place: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """Side [n,1] of squares as large as the objects; at least a pixel."""
    sides = np.maximum(place[:, 2:], 1)
    result: "NDArray[np.float64]" = np.sqrt(sides[:, :1] * sides[:, 1:])
    return result
