"""How far the difference of two APs is a matter of which images there are.

The paired bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 6
and 8): images are drawn anew with repetition, as many as there are, the same ones for both; how
the difference varies over such draws is how it would vary over other images of the same kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgedet.evaluation.buckets import EVERY_SIZE, SizeBucket
from edgedet.evaluation.coco import compared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgedet.data.annotations import Annotations
    from edgedet.runtime.detections import Detections

DRAWS = 100
"""With them the standard error itself is known to 7 %."""


def standard_errors(
    annotations: Annotations,
    pair: tuple[Sequence[Detections], Sequence[Detections]],
    buckets: Sequence[SizeBucket],
    max_detections: int,
    seed: int = 0,
) -> dict[str, float]:
    """Return the standard error of the difference between the APs of two sets of detections.

    Of each bucket by its name, and of all sizes by `EVERY_SIZE.name`; AP in [0, 1], nan of a bucket
    without objects. The same seed gives the same numbers.
    """
    areas = (EVERY_SIZE, *buckets)
    sides = [_tables(annotations, found, areas, max_detections) for found in pair]
    rng = np.random.default_rng(seed)
    count = len(annotations.images)
    draws = rng.multinomial(count, np.full(count, 1 / count), DRAWS)
    return {
        bucket.name: _spread(sides[0][index], sides[1][index], draws)
        for index, bucket in enumerate(areas)
    }


@dataclass(frozen=True)
class Table:
    """One class in one range of sizes: all detections, the best first."""

    image: NDArray[np.int64]
    """[n] of each detection."""
    hit: NDArray[np.bool_]
    """[thresholds, n]."""
    miss: NDArray[np.bool_]
    """[thresholds, n] false alarms; what is neither was ignored."""
    objects: NDArray[np.int64]
    """[images]."""
    recalls: NDArray[np.float64]
    """[101] at which COCO reads the precision."""

    def ap(self, weights: NDArray[np.int64]) -> float:
        """Return the AP of the images with these weights; nan without objects among them."""
        total = int(weights @ self.objects)
        if total == 0:
            return float("nan")
        each = weights[self.image]
        hits = np.cumsum(self.hit * each, axis=1)
        seen = hits + np.cumsum(self.miss * each, axis=1)
        precision = hits / np.maximum(seen, 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        read = [
            _at(row, reached / total, self.recalls) for row, reached in zip(best, hits, strict=True)
        ]
        return float(np.mean(read))


def _at(
    precision: NDArray[np.float64], recall: NDArray[np.float64], recalls: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the precision at each of `recalls`, 0 where it is not reached."""
    places = np.searchsorted(recall, recalls, side="left")
    return np.append(precision, 0.0)[places]


def _spread(ours: list[Table], theirs: list[Table], draws: NDArray[np.int64]) -> float:
    """Return the standard deviation over draws of the difference of the means over classes."""
    differences = [_mean_ap(ours, weights) - _mean_ap(theirs, weights) for weights in draws]
    known = np.array(differences)[np.isfinite(differences)]
    return float(np.std(known, ddof=1)) if len(known) > 1 else float("nan")


def _mean_ap(tables: list[Table], weights: NDArray[np.int64]) -> float:
    """Return the mean over the classes that have objects in the draw."""
    found = np.array([table.ap(weights) for table in tables])
    known = found[np.isfinite(found)]
    return float(known.mean()) if len(known) else float("nan")


def _tables(
    annotations: Annotations,
    detections: Sequence[Detections],
    areas: Sequence[SizeBucket],
    max_detections: int,
) -> list[list[Table]]:
    """Return [areas][classes] of what pycocotools has matched."""
    evaluator = compared(annotations, detections, areas[1:], max_detections)
    images, classes = len(annotations.images), len(annotations.class_names)
    results = evaluator.evalImgs  # by class, then size, then image
    found: list[list[Table]] = []
    for area in range(len(areas)):
        starts = [(label * len(areas) + area) * images for label in range(classes)]
        found.append([_table(results[at : at + images], evaluator.params) for at in starts])
    return found


def _table(results: Sequence[dict[str, Any] | None], params: Any) -> Table:
    thresholds = len(params.iouThrs)
    image = [np.full(len(r["dtScores"]), i) for i, r in enumerate(results) if r is not None]
    known = [result for result in results if result is not None]
    matched = [np.asarray(r["dtMatches"]).reshape(thresholds, -1) > 0 for r in known]
    ignored = [np.asarray(r["dtIgnore"], bool).reshape(thresholds, -1) for r in known]
    objects = [0 if r is None else int((np.asarray(r["gtIgnore"]) == 0).sum()) for r in results]
    scores = np.concatenate([np.asarray(r["dtScores"], float) for r in known] or [np.empty(0)])
    order = np.argsort(-scores, kind="stable")
    empty = np.empty((thresholds, 0), bool)
    hit = np.concatenate([empty, *matched], axis=1)[:, order]
    dropped = np.concatenate([empty, *ignored], axis=1)[:, order]
    return Table(
        image=np.concatenate([np.empty(0, np.int64), *image]).astype(np.int64)[order],
        hit=hit & ~dropped,
        miss=~hit & ~dropped,
        objects=np.array(objects, np.int64),
        recalls=np.asarray(params.recThrs),
    )
