"""All that one evaluation says, and the files it is kept in."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet import __version__
from edgedet.evaluation.buckets import SizeBucket
from edgedet.evaluation.coco import Evaluation, evaluate
from edgedet.evaluation.curves import write_curves
from edgedet.evaluation.cut import CutReport, best_cut, report_cut
from edgedet.evaluation.predictions import write_coco_results
from edgedet.evaluation.sheet import write_sheet
from edgedet.runtime.atomic import atomic_path

if TYPE_CHECKING:
    from edgedet.data.annotations import Annotations
    from edgedet.runtime.detections import Detections
    from edgedet.runtime.postprocess import Thresholds

SCHEMA_VERSION = 1
"""Raised when a key of metrics.json changes its meaning or goes."""
DIGITS = 6


@dataclass(frozen=True)
class Subject:
    """What was evaluated and how."""

    model: str
    data: str
    split: str
    device: str
    thresholds: Thresholds


@dataclass(frozen=True)
class Report:
    """The result of `edgedet eval`."""

    subject: Subject
    annotations: Annotations
    detections: Sequence[Detections]
    buckets: Sequence[SizeBucket]
    evaluation: Evaluation
    cut: CutReport
    """At the cut of scale-aware SSD's code."""
    best: CutReport
    """At the cut with the highest F1, which the pictures are drawn at."""

    @property
    def title(self) -> str:
        """Model and data in one line."""
        name, parts = Path(self.subject.model).name, Path(self.subject.data)
        return f"{name} on {parts.name or parts} ({self.subject.split})"


def make_report(
    subject: Subject,
    annotations: Annotations,
    detections: Sequence[Detections],
    buckets: Sequence[SizeBucket],
) -> Report:
    """Evaluate ``detections``, one for each image, over everything and at the two cuts."""
    limit = subject.thresholds.max_detections
    evaluation = evaluate(annotations, detections, buckets, limit)
    cut = report_cut(annotations, detections, evaluation)
    served_best = best_cut(evaluation.matches)
    best = cut
    if math.isfinite(served_best):
        below = math.floor(served_best * 100) / 100
        best = report_cut(annotations, detections, evaluation, below)
    return Report(subject, annotations, detections, buckets, evaluation, cut, best)


def write_report(folder: Path, report: Report) -> None:
    """Write metrics.json, detections.json, pr_curves.png and sheet.jpg into ``folder``."""
    evaluation, cut = report.evaluation, report.best
    write_coco_results(folder / "detections.json", report.annotations, report.detections)
    write_curves(folder / "pr_curves.png", evaluation, cut, report.title)
    pictures = (report.annotations, report.detections, evaluation.matches)
    write_sheet(folder / "sheet.jpg", *pictures, cut.cut, report.title)
    with atomic_path(folder / "metrics.json") as temporary:
        temporary.write_text(metrics_json(report) + "\n", encoding="utf-8")


def metrics_json(report: Report) -> str:
    """The numbers as one JSON object; a number that does not exist (nan) is null.

    ``{"schema_version", "edgedet", "model", "data", "split", "device", "fingerprint" of the
    data, "images", "score_threshold", "nms_iou", "max_detections", "all": {"objects", "ap",
    "ap50", "ap75", "recall"}, "classes": {name: the same}, "buckets": {name: the same with
    "min_side", "max_side" in px}, "at_cut": {...}, "at_best_cut": {the same},
    "curves": {"recall": [101], "precision50": {class: [101]}}}``
    """
    subject, evaluation = report.subject, report.evaluation
    buckets = {bucket.name: bucket for bucket in report.buckets}
    document = {
        "schema_version": SCHEMA_VERSION,
        "edgedet": __version__,
        "model": subject.model,
        "data": subject.data,
        "split": subject.split,
        "device": subject.device,
        "fingerprint": report.annotations.fingerprint(),
        "images": len(report.annotations.images),
        "score_threshold": subject.thresholds.score,
        "nms_iou": subject.thresholds.iou,
        "max_detections": evaluation.max_detections,
        "all": asdict(evaluation.total),
        "classes": {name: asdict(scores) for name, scores in evaluation.per_class.items()},
        "buckets": {
            name: {**_sides(buckets[name]), **asdict(scores)}
            for name, scores in evaluation.per_bucket.items()
        },
        "at_cut": _cut_entry(report.cut),
        "at_best_cut": _cut_entry(report.best),
        "curves": _curves_entry(evaluation),
    }
    return json.dumps(_plain(document), indent=2, allow_nan=False)


def _sides(bucket: SizeBucket) -> dict[str, float]:
    return {"min_side": bucket.min_side, "max_side": bucket.max_side}


def _cut_entry(cut: CutReport) -> dict[str, Any]:
    return {
        "score_above": cut.cut,
        "iou": 0.5,
        "hits": cut.hits,
        "misses": cut.misses,
        "false_alarms": cut.false_alarms,
        "precision": cut.precision,
        "recall": cut.recall,
        "f1": cut.f1,
        "ap": cut.scores.ap,
        "ap50": cut.scores.ap50,
        "ap75": cut.scores.ap75,
    }


def _curves_entry(evaluation: Evaluation) -> dict[str, Any]:
    curves = evaluation.curves
    return {
        "recall": curves.recall.tolist(),
        "precision50": {
            name: curves.precision[0, :, label].tolist()
            for label, name in enumerate(evaluation.per_class)
        },
    }


def _plain(value: Any) -> Any:
    """``value`` without nan, which JSON does not know, and rounded to what matters."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    return value
