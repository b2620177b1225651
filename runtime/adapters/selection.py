"""The best pairs of anchor and class, before any box is decoded."""

from typing import TYPE_CHECKING, NamedTuple, Optional

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_SCORE = 0.001
"""Below it nothing is a candidate: curves of average precision are drawn down to here."""


class Pairs(NamedTuple):
    """The best k of all pairs: index of the anchor [k], label [k], score [k] descending."""

    anchors: "NDArray[np.intp]"
    labels: "NDArray[np.intp]"
    scores: "NDArray[np.floating]"


def best_pairs(
    class_scores: "NDArray[np.floating]",
    count: int,
    objectness: "Optional[NDArray[np.floating]]" = None,
) -> Pairs:
    """The best ``count`` pairs, or fewer, with a score of at least `LEAST_SCORE`.

    ``class_scores`` [anchors, classes] in 0..1; ``objectness`` [anchors] in 0..1 multiplies them.
    Ties go by anchor, then by label. A score that is no number is none.
    """
    # The gate goes first: of thousands of anchors a few dozen see anything.
    most = class_scores.max(axis=1) if objectness is None else objectness
    rows = np.nonzero(most >= LEAST_SCORE)[0]
    scores = class_scores[rows]
    if objectness is not None:
        scores = scores * objectness[rows][:, None]
    flat = np.ascontiguousarray(scores).ravel()
    passing = np.nonzero(flat >= LEAST_SCORE)[0]
    if len(passing) > count:
        passing = passing[np.argpartition(-flat[passing], count - 1)[:count]]
        passing.sort()
    passing = passing[np.argsort(-flat[passing], kind="mergesort")]
    at, labels = np.divmod(passing, class_scores.shape[1])
    return Pairs(rows[at], labels, flat[passing])
