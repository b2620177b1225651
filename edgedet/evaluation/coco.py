"""COCO's average precision, counted by pycocotools and read from its arrays.

Source: Lin et al., "Microsoft COCO", 2014, and the evaluator that its authors maintain. A class
or bucket without objects has no average precision: nan, and it is left out of the means. Objects
marked as ignored are COCO's crowd regions: missing one costs nothing, and detections inside one
count neither as hits nor as false alarms.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgedet.evaluation.buckets import COCO_BUCKETS, EVERY_SIZE, SizeBucket
from edgedet.evaluation.matches import Matches, matches_of
from edgedet.evaluation.records import box_areas, detection_records, object_records

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.runtime.detections import Detections

MAX_DETECTIONS = 300
"""Best detections kept for each image and class; COCO's own papers use 100, AI-TOD's 1500."""


@dataclass(frozen=True)
class Scores:
    """Quality on one selection of objects; each in [0, 1], nan when it holds no object."""

    objects: int
    """How many objects are counted, ignored ones left out."""
    ap: float
    """Average precision, mean over the IoU thresholds 0.50, 0.55 ... 0.95."""
    ap50: float
    ap75: float
    recall: float
    """Largest recall with `max_detections`, mean over the same thresholds (COCO's AR)."""


@dataclass(frozen=True)
class Curves:
    """Precision at 101 recalls, as COCO interpolates it; nan for classes without objects."""

    recall: NDArray[np.float64]
    """[101], 0 to 1."""
    precision: NDArray[np.float64]
    """[10, 101, classes] for IoU thresholds 0.50 to 0.95."""
    iou_thresholds: NDArray[np.float64]
    """[10]."""


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found."""

    total: Scores
    per_class: dict[str, Scores]
    """By class name, in the order of the data."""
    per_bucket: dict[str, Scores]
    """By bucket name, in the order asked for."""
    curves: Curves
    matches: tuple[Matches, ...]
    """For each image, which detections hit which objects at IoU 0.5."""
    max_detections: int
    """Best detections kept for each image and class."""

    @property
    def ap(self) -> float:
        """Mean over classes and IoU thresholds 0.50 to 0.95, in [0, 1] or nan."""
        return self.total.ap

    @property
    def ap50(self) -> float:
        """Mean over classes at IoU 0.5, in [0, 1] or nan."""
        return self.total.ap50

    @property
    def ap75(self) -> float:
        """Mean over classes at IoU 0.75, in [0, 1] or nan."""
        return self.total.ap75


def evaluate(
    annotations: Annotations,
    detections: Sequence[Detections],
    buckets: Sequence[SizeBucket] = COCO_BUCKETS,
    max_detections: int = MAX_DETECTIONS,
) -> Evaluation:
    """Compare ``detections``, one for each image of ``annotations`` in its order, with the truth.

    Labels of the detections index ``annotations.class_names``; boxes are pixels of the image.
    """
    if len(detections) != len(annotations.images):
        raise ValueError(f"{len(detections)} results for {len(annotations.images)} images")
    counts = [_object_counts(annotations, bucket) for bucket in (EVERY_SIZE, *buckets)]
    # A range without objects is nan by definition; asking for it would only cost time.
    asked = [bucket for bucket, count in zip(buckets, counts[1:], strict=True) if count.any()]
    result = compared(annotations, detections, asked, max_detections)
    arrays = _Arrays.of(result)
    areas = {bucket.name: index for index, bucket in enumerate(asked, start=1)}
    return Evaluation(
        total=arrays.scores(0, counts[0]),
        per_class={
            name: arrays.scores(0, counts[0], index)
            for index, name in enumerate(annotations.class_names)
        },
        per_bucket={
            bucket.name: arrays.scores(areas.get(bucket.name), count)
            for bucket, count in zip(buckets, counts[1:], strict=True)
        },
        curves=arrays.curves(),
        matches=matches_of(result.evalImgs, annotations, detections),
        max_detections=max_detections,
    )


def _object_counts(annotations: Annotations, bucket: SizeBucket) -> NDArray[np.int64]:
    """[classes] objects that are not ignored and lie in ``bucket``."""
    counts = np.zeros(len(annotations.class_names), dtype=np.int64)
    low, high = bucket.area_range
    for image in annotations.images:
        areas = box_areas(image.boxes_xyxy)
        counted = (areas >= low) & (areas <= high) & ~image.ignored
        counts += np.bincount(image.labels[counted], minlength=len(counts))
    return counts


def compared(
    annotations: Annotations,
    detections: Sequence[Detections],
    buckets: Sequence[SizeBucket],
    max_detections: int,
) -> Any:
    """Return pycocotools' evaluator, done; its prints are held back: stdout is kept for results."""
    from pycocotools.cocoeval import COCOeval

    with redirect_stdout(io.StringIO()):
        truth = _coco(annotations, object_records(annotations))
        found = _coco(annotations, detection_records(detections))
        evaluator = COCOeval(truth, found, "bbox")
        evaluator.params.areaRng = [list(b.area_range) for b in (EVERY_SIZE, *buckets)]
        evaluator.params.areaRngLbl = [b.name for b in (EVERY_SIZE, *buckets)]
        evaluator.params.maxDets = [max_detections]
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


def _coco(annotations: Annotations, records: list[dict[str, Any]]) -> Any:
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = {
        "images": [{"id": index + 1} for index in range(len(annotations.images))],
        "categories": [
            {"id": i + 1, "name": name} for i, name in enumerate(annotations.class_names)
        ],
        "annotations": records,
    }
    coco.createIndex()
    return coco


@dataclass(frozen=True)
class _Arrays:
    """The accumulated arrays of pycocotools, with nan where it writes -1."""

    precision: NDArray[np.float64]
    """[10 thresholds, 101 recalls, classes, areas]."""
    recall: NDArray[np.float64]
    """[10 thresholds, classes, areas]."""
    recall_grid: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    @classmethod
    def of(cls, evaluator: Any) -> _Arrays:
        precision = evaluator.eval["precision"][..., 0]
        recall = evaluator.eval["recall"][..., 0]
        return cls(
            precision=np.where(precision < 0, np.nan, precision),
            recall=np.where(recall < 0, np.nan, recall),
            recall_grid=np.asarray(evaluator.params.recThrs),
            thresholds=np.asarray(evaluator.params.iouThrs),
        )

    def scores(
        self, area: int | None, counts: NDArray[np.int64], label: int | None = None
    ) -> Scores:
        """Scores of one class, or the mean over all of them. ``area`` None: nothing was asked."""
        chosen = slice(None) if label is None else slice(label, label + 1)
        objects = int(counts[chosen].sum())
        if area is None or objects == 0:
            return Scores(objects, np.nan, np.nan, np.nan, np.nan)
        precision = self.precision[:, :, chosen, area]
        return Scores(
            objects=objects,
            ap=float(np.nanmean(precision)),
            ap50=float(np.nanmean(precision[self._threshold(0.5)])),
            ap75=float(np.nanmean(precision[self._threshold(0.75)])),
            recall=float(np.nanmean(self.recall[:, chosen, area])),
        )

    def curves(self) -> Curves:
        return Curves(self.recall_grid, self.precision[..., 0], self.thresholds)

    def _threshold(self, iou: float) -> int:
        return int(np.argmin(np.abs(self.thresholds - iou)))
