"""What numbers of a network say about their meaning: facts, where shapes leave a doubt."""

from typing import TYPE_CHECKING, Sequence

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS, FRACTIONS = UNITS = ("pixels", "fractions")
"""What boxes are counted in: pixels of the input, or fractions of its sides."""
RAW, UNCLEAR = "raw", "unclear"
TOLERANCE = 1e-3
MOST_FRACTION = 4.0
"""Boxes in fractions of the image lie in about -1..2, in pixels mostly far beyond."""
FOLLOWS, INDEPENDENT = 0.9, 0.6
"""Correlation with the cells' places that decoded centres have at least, and raw ones at most. A
trained YOLOX gave 0.18 raw and 0.999 decoded."""
SLOPES = (0.8, 1.25)


def are_scores(values: "NDArray[np.floating]") -> bool:
    """Whether all lie in 0..1, as what left a sigmoid or a softmax does."""
    return bool(values.size) and bool(((values >= -TOLERANCE) & (values <= 1 + TOLERANCE)).all())


def are_shares(rows: "NDArray[np.floating]") -> bool:
    """Whether each row of scores [n,classes] adds up to 1, as after a softmax."""
    return are_scores(rows) and bool((abs(rows.sum(axis=1) - 1) <= TOLERANCE).all())


def unit_of(boxes: "NDArray[np.floating]") -> str:
    """Pixels or fractions, by the largest number."""
    return PIXELS if abs(boxes).max() > MOST_FRACTION else FRACTIONS


def are_corners(boxes: "NDArray[np.floating]") -> bool:
    """Whether boxes [n,4] may be left, top, right, bottom: hardly one has its corners swapped."""
    return bool(((boxes[:, 2:] >= boxes[:, :2]).all(axis=1)).mean() > 0.99)


def reading_of(
    boxes: "NDArray[np.floating]", points_xy: "NDArray[np.floating]", size_hw: Sequence[int]
) -> str:
    """What four columns [n,4] are, which belong to cells at ``points_xy`` [n,2], input pixels.

    ``pixels`` or ``fractions``: centres near their cells, and sizes. ``raw``: without a relation to
    the cells, so still to be decoded. ``unclear``: neither, as of two corners near their cells.
    """
    sides = (size_hw[1], size_hw[0])
    found = {_reading(boxes[:, axis], points_xy[:, axis], sides[axis]) for axis in range(2)}
    reading = found.pop() if len(found) == 1 else UNCLEAR
    return UNCLEAR if reading in UNITS and are_corners(boxes) else reading


def _reading(values: "NDArray[np.floating]", places: "NDArray[np.floating]", side: int) -> str:
    values, places = values.astype(np.float64), places.astype(np.float64)
    values, places = values - values.mean(), places - places.mean()
    spread = float(np.sqrt((values**2).mean() * (places**2).mean()))
    shared = float((values * places).mean())
    correlation = shared / spread if spread > 0 else 0.0
    if abs(correlation) <= INDEPENDENT:
        return RAW
    slope = shared / float((places**2).mean())
    if correlation >= FOLLOWS and SLOPES[0] <= slope <= SLOPES[1]:
        return PIXELS
    if correlation >= FOLLOWS and SLOPES[0] <= slope * side <= SLOPES[1]:
        return FRACTIONS
    return UNCLEAR
