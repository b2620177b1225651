"""The evaluation after an epoch: the same road as `edgedet eval`, runtime and all."""

from typing import Any

import torch
from torch import nn

from edgedet.data.annotations import Annotations
from edgedet.evaluation.coco import evaluate
from edgedet.evaluation.cut import best_cut
from edgedet.evaluation.predictions import detect_all
from edgedet.models.backend import TorchBackend
from edgedet.runtime.detector import Detector, thresholds_for
from edgedet.training.loop import Quality, Validate

SCORE_THRESHOLD = 0.05
"""As `edgedet eval`: a higher one would truncate the precision-recall curve."""
BATCH = 8
"""Images at once."""


def validation(annotations: Annotations, device: torch.device) -> Validate:
    """Return the function that judges a detector by the images of `annotations`."""

    def validate(module: nn.Module) -> Quality:
        model: Any = module
        thresholds = thresholds_for(model.spec, SCORE_THRESHOLD)
        detector = Detector(TorchBackend(model, device, BATCH), thresholds)
        found = detect_all(detector, annotations)
        evaluation = evaluate(annotations, found, (), thresholds.max_detections)
        return Quality(evaluation.ap, evaluation.ap50, best_cut(evaluation.matches))

    return validate
