"""What is left when only confident detections count.

Scale-aware SSD, section 6: its code evaluates after a cut at score 0.3, which truncates the
precision-recall curve; a cut at 0.05 does not. Both are reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgedet.evaluation.coco import Evaluation, Scores, evaluate
from edgedet.evaluation.matches import Matches
from edgedet.runtime.detections import Detections

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations

REPORT_CUT = 0.3
"""The cut in the code of scale-aware SSD."""


@dataclass(frozen=True)
class CutReport:
    """Counts at IoU 0.5 and average precision, over detections with a score above ``cut``."""

    cut: float
    hits: int
    misses: int
    false_alarms: int
    scores: Scores

    @property
    def precision(self) -> float:
        """Hits among detections, in [0, 1]; nan without detections."""
        return _share(self.hits, self.hits + self.false_alarms)

    @property
    def recall(self) -> float:
        """Hits among objects, in [0, 1]; nan without objects."""
        return _share(self.hits, self.hits + self.misses)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in [0, 1]; nan without anything."""
        return _share(2 * self.hits, 2 * self.hits + self.misses + self.false_alarms)


def report_cut(
    annotations: Annotations,
    detections: Sequence[Detections],
    evaluation: Evaluation,
    cut: float = REPORT_CUT,
) -> CutReport:
    """Count and evaluate only detections with a score above ``cut``.

    ``evaluation`` is that of all ``detections``: it holds which of them hit what.
    """
    confident = [_above(found, cut) for found in detections]
    scores = evaluate(annotations, confident, (), evaluation.max_detections).total
    return CutReport(
        cut=cut,
        hits=sum(int(match.hits(cut).sum()) for match in evaluation.matches),
        misses=sum(int(match.misses(cut).sum()) for match in evaluation.matches),
        false_alarms=sum(int(match.false_alarms(cut).sum()) for match in evaluation.matches),
        scores=scores,
    )


def best_cut(matches: Sequence[Matches]) -> float:
    """Return the score from which on detections give the highest F1 at IoU 0.5; nan without hits.

    Where a detector's scores lie depends on how its negatives were sampled: DNS keeps only those
    that beat background, so that half of what scores 0.5 is wrong by design.
    """
    scores = np.concatenate([match.scores[~match.neutral] for match in matches])
    hit = np.concatenate([(match.object_of >= 0)[~match.neutral] for match in matches])
    if not hit.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(hit[order])
    objects = sum(int((~match.ignored).sum()) for match in matches)
    f1 = 2 * found / (np.arange(1, len(found) + 1) + objects)
    # Detections of one score stand or fall together.
    f1[:-1][scores[:-1] == scores[1:]] = 0
    return float(scores[f1.argmax()])


def _above(found: Detections, cut: float) -> Detections:
    kept = found.scores > cut
    return Detections(found.boxes_xyxy[kept], found.scores[kept], found.labels[kept])


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
