"""How much of what a model finds its INT8 engine finds as well.

INT8 moves single candidates by half their size and by 0.2 in score where the AP stays. So the
bounds are wide, and most have to hold them, not all. Measured in ONNX Runtime on two trained
detectors (AP 50.1 and 37.2 in FP32) with scales by four methods, the AP of which was within 1.1
points: 83 to 100 % of the candidates were found again, and 85 to 100 % of the clear ones were
known. With all ranges 4 and 10 times too small it was 0 to 16 %, with those of other tensors 3 and
6 %, with ranges 16 times too large 30 and 48 %: refused. The easier of the two detectors passed
with ranges 2 times too small (75 %) and 4 times too large (93 %). So it tells a broken engine from
one that works, and not what half a point of AP is: that takes labelled images (`edgedet eval`
takes engines).
"""

from typing import TYPE_CHECKING, Any, Dict, Iterable, Sequence

import numpy as np

from .boxes import iou_matrix
from .candidates import Candidates

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST_IOU = 0.5
MAX_SCORE_DIFFERENCE = 0.2
LEAST_FOUND_SHARE = 0.6
"""Of the best candidates of the model that the engine finds; and of the engine's, where they stand
so high that the model has to have them among its best."""


def found_again(reference: Sequence[Candidates], found: Iterable[Candidates]) -> Dict[str, Any]:
    """Return how many candidates of all frames both sides have, as plain JSON types.

    reference: the best of each frame. found: all of them.
    """
    counts = {"candidates": 0, "found_again": 0, "clear": 0, "clear_known": 0, "disordered": 0}
    for best, candidates in zip(reference, found):
        clear = _clear(candidates, best)
        counts["candidates"] += len(best.scores)
        counts["found_again"] += int(_has_partner(best, candidates).sum())
        counts["clear"] += len(clear.scores)
        counts["clear_known"] += int(_has_partner(clear, best).sum())
        counts["disordered"] += int((candidates.scores[1:] > candidates.scores[:-1]).sum())
    return counts


def holds(gate: Dict[str, Any]) -> bool:
    """Whether enough was found again, and little else."""
    again = gate["found_again"] >= LEAST_FOUND_SHARE * gate["candidates"]
    known = gate["clear_known"] >= LEAST_FOUND_SHARE * gate["clear"]
    return bool(again and known and not gate["disordered"])


def _has_partner(side: Candidates, other: Candidates) -> "NDArray[np.bool_]":
    """Return [K]: whether the other side has a candidate of that label, about there and so sure."""
    near = iou_matrix(side.boxes_xyxy, other.boxes_xyxy) >= LEAST_IOU
    near &= np.abs(side.scores[:, None] - other.scores) <= MAX_SCORE_DIFFERENCE
    near &= side.labels[:, None] == other.labels
    return np.asarray(near.any(axis=1))


def _clear(found: Candidates, best: Candidates) -> Candidates:
    """Return those that are so sure that they have to be among the best of the model."""
    clear = found.scores > best.scores[-1] + MAX_SCORE_DIFFERENCE
    return Candidates(*(array[clear] for array in found))
