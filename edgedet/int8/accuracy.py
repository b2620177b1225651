"""AP of one precision: total, of each class, of each size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgedet.proof_data import AP_CONF

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.evaluation.buckets import SizeBucket
    from edgedet.evaluation.coco import Scores
    from edgedet.runtime.detector import Backend


@dataclass(frozen=True)
class Accuracy:
    """AP in [0, 1]; nan of what has no object in the data."""

    ap: float
    per_class: dict[str, float]
    per_bucket: dict[str, float]


def measured(
    backend: Backend,
    annotations: Annotations,
    buckets: Sequence[SizeBucket],
    description: str,
) -> tuple[Accuracy, dict[str, int]]:
    """Return the accuracy of a backend on the data, and how many objects each bucket has."""
    from edgedet.evaluation.coco import evaluate
    from edgedet.evaluation.predictions import detect_all
    from edgedet.progress import progress
    from edgedet.runtime.detector import Detector, thresholds_for

    detector = Detector(backend, thresholds_for(backend.spec, conf=AP_CONF))
    with progress(len(annotations.images), description) as bar:
        detections = detect_all(detector, annotations, bar.advance)
    limit = detector.thresholds.max_detections
    found = evaluate(annotations, detections, buckets=buckets, max_detections=limit)
    objects = {name: scores.objects for name, scores in found.per_bucket.items()}
    return Accuracy(found.ap, _ap(found.per_class), _ap(found.per_bucket)), objects


def points_lost(reference: float, value: float) -> float:
    """Return by how many points (hundredths) of AP `value` is below the reference."""
    return 100 * (reference - value)


def _ap(scores: dict[str, Scores]) -> dict[str, float]:
    return {name: each.ap for name, each in scores.items()}
