"""What a finished training is worth: its best checkpoint, evaluated once more at both cuts."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any, cast

from edgedet.data.annotations import Annotations
from edgedet.evaluation.coco import Scores, evaluate
from edgedet.evaluation.cut import REPORT_CUT, report_cut
from edgedet.evaluation.predictions import detect_all
from edgedet.models.backend import TorchBackend
from edgedet.models.protocol import DetectionModel
from edgedet.runtime.detector import Detector, thresholds_for
from edgedet.training.checkpoint import model_from_checkpoint
from edgedet.training.devices import open_fabric
from edgedet.training.outputs import BEST
from edgedet.training.validation import BATCH, SCORE_THRESHOLD

MEASURES = ("ap", "ap50", "ap75")


def judge(folder: Path, val: Annotations, device: str) -> dict[str, Any]:
    """Return the scores of `best.pt` on `val`, each in [0, 1] or None.

    Keys: ap, ap50, ap75 over all detections that score 0.05 or more, the best of an image by
    score; at_cut: the same above the cut of the paper's code; classes: by class name.
    """
    where = open_fabric(device, "32").device
    model = cast(DetectionModel, model_from_checkpoint(folder / BEST, where))
    thresholds = thresholds_for(model.spec, SCORE_THRESHOLD)
    found = detect_all(Detector(TorchBackend(model, where, BATCH), thresholds), val)
    evaluation = evaluate(val, found, (), thresholds.max_detections)
    cut = report_cut(val, found, evaluation)
    return {
        **_scores(evaluation.total),
        "objects": evaluation.total.objects,
        "at_cut": {"score_above": REPORT_CUT, **_scores(cut.scores)},
        "classes": {name: _scores(scores) for name, scores in evaluation.per_class.items()},
    }


def _scores(scores: Scores) -> dict[str, float | None]:
    return {key: _number(getattr(scores, key)) for key in MEASURES}


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def training_curve(folder: Path) -> list[dict[str, float]]:
    """Return the rows of `results.csv`: epoch, losses, images_per_s, and ap and ap50 where the
    epoch was evaluated.
    """
    with (folder / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [{name: float(text) for name, text in row.items() if text} for row in rows]
    return [{name: n for name, n in row.items() if math.isfinite(n)} for row in numbers]
