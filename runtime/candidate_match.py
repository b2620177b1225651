"""Which candidate of one model is which of the other, when near-equal scores changed places."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .candidates import Candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Bounds(NamedTuple):
    """The largest difference that still counts as the same."""

    score: float
    """Of scores, which lie in [0, 1]."""
    box_px: float
    """Of each box coordinate, in pixels of the network's input; of a box that reaches beyond the
    input, in proportion: decoding multiplies the rounding of FP32 by the size of the box."""


FP16_BOUNDS = Bounds(score=0.02, box_px=2.0)
"""What FP16 may change of one candidate. Measured on trained detectors: 0.02 to 0.1 px and 0.0001
to 0.001 in the mean over all candidates, the faintest included."""
MAX_DIFFERENT_SHARE = 0.005
"""Of the candidates of both sides: among a thousand of an image some stand between two classes or
on the edge of an anchor. Measured: at most 0.0002."""


class Match(NamedTuple):
    """How the candidates of one side found partners on the other."""

    matched: int
    """With a partner of the same label whose box and score are within the bounds."""
    undecided: int
    """Without one, but so near to the other side's last score that top-K may have cut it off."""
    different: int
    """Without one and without that excuse."""
    box_px: "NDArray[np.float32]"
    """[n] largest coordinate difference to the nearest partner of the same label, of the matched
    and the different; in pixels as `Bounds.box_px` counts them."""
    score: "NDArray[np.float32]"
    """[n] score difference of the same."""


def match_candidates(side: Candidates, other: Candidates, bounds: Bounds, input_px: float) -> Match:
    """Look for each candidate of `side` in `other`, wherever it stands there.

    The partner is the nearest in the larger of box and score difference, each in units of its
    bound, so that of many boxes on one object the right one is taken. Not by rank: scores equal
    to the last digit change places between two libraries. input_px: longest side of the input.
    """
    pixel = np.maximum(1, np.abs(side.boxes_xyxy).max(axis=1) / np.float32(input_px))
    cost = _cost(side, other, bounds, pixel)
    partner, nearest = cost.argmin(axis=1), cost.min(axis=1)
    matched = nearest <= 1
    # Relative, because scores near 0 keep their relative precision: absolute would excuse all
    # candidates of a trained model on an empty image.
    cut_off = ~matched & (side.scores * (1 - bounds.score) <= other.scores[-1])
    shown = ~cut_off & np.isfinite(nearest)
    return Match(
        matched=int(matched.sum()),
        undecided=int(cut_off.sum()),
        different=int((~matched & ~cut_off).sum()),
        box_px=_largest_difference(side, other, partner)[shown] / pixel[shown],
        score=np.abs(side.scores - other.scores[partner])[shown],
    )


def _largest_difference(
    side: Candidates, other: Candidates, partner: "NDArray[np.int64]"
) -> "NDArray[np.float32]":
    """Return [K]: of the four coordinates of each box and its partner's."""
    difference = np.abs(side.boxes_xyxy - other.boxes_xyxy[partner])
    return np.asarray(difference.max(axis=1), np.float32)


def _cost(
    side: Candidates, other: Candidates, bounds: Bounds, pixel: "NDArray[np.float32]"
) -> "NDArray[np.float32]":
    """Return [K, K']: the difference in units of the bounds; infinite for another label or NaN.

    pixel: [K] what counts as one pixel for each box of `side`.
    """
    with np.errstate(invalid="ignore"):
        cost = np.abs(side.scores[:, None] - other.scores) / np.float32(bounds.score)
        allowed = np.float32(bounds.box_px) * pixel[:, None]
        for mine, theirs in zip(side.boxes_xyxy.T, other.boxes_xyxy.T):
            np.maximum(cost, np.abs(mine[:, None] - theirs) / allowed, out=cost)
    cost[side.labels[:, None] != other.labels] = np.inf
    cost[np.isnan(cost)] = np.inf
    return np.asarray(cost, np.float32)
