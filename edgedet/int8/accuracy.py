"""AP of one precision: total, of each class, of each size; and what of a difference is chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from edgedet.proof_data import AP_CONF

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.evaluation.buckets import SizeBucket
    from edgedet.evaluation.coco import Scores
    from edgedet.runtime.detections import Detections
    from edgedet.runtime.detector import Backend


@dataclass(frozen=True)
class Accuracy:
    """AP in [0, 1]; nan of what has no object in the data."""

    ap: float
    per_class: dict[str, float]
    per_bucket: dict[str, float]


class Measured(NamedTuple):
    """One precision on the data."""

    accuracy: Accuracy
    objects: dict[str, int]
    """Of each bucket."""
    detections: list[Detections]
    """One for each image."""


@dataclass(frozen=True)
class Chance:
    """Standard error of what is lost, in points of AP: so far it moves from one set of images of
    this kind and number to the next.
    """

    total: float
    per_bucket: dict[str, float]
    """nan of what has no object in the data."""


def measured(
    backend: Backend,
    annotations: Annotations,
    buckets: Sequence[SizeBucket],
    description: str,
) -> Measured:
    """Return what a backend finds in the data, and how exact that is."""
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
    accuracy = Accuracy(found.ap, _ap(found.per_class), _ap(found.per_bucket))
    return Measured(accuracy, objects, detections)


def chance_of(
    pair: tuple[Measured, Measured],
    annotations: Annotations,
    buckets: Sequence[SizeBucket],
    max_detections: int,
) -> Chance:
    """Return how far the difference of two measurements on the same data is chance."""
    from edgedet.evaluation.buckets import EVERY_SIZE
    from edgedet.evaluation.chance import standard_errors

    detections = (pair[0].detections, pair[1].detections)
    found = standard_errors(annotations, detections, buckets, max_detections)
    points = {name: 100 * error for name, error in found.items()}
    return Chance(points.pop(EVERY_SIZE.name), points)


def points_lost(reference: float, value: float) -> float:
    """Return by how many points (hundredths) of AP `value` is below the reference."""
    return 100 * (reference - value)


def _ap(scores: dict[str, Scores]) -> dict[str, float]:
    return {name: each.ap for name, each in scores.items()}
