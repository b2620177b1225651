"""The evaluation after an epoch: the same road as `edgedet eval`, runtime and all."""

from typing import Any

import torch
from torch import nn

from edgedet.data.annotations import Annotations
from edgedet.evaluation.coco import MAX_DETECTIONS, evaluate
from edgedet.evaluation.predictions import detect_all
from edgedet.models.backend import TorchBackend
from edgedet.runtime.detector import Detector
from edgedet.runtime.postprocess import Thresholds
from edgedet.training.loop import Quality, Validate

SCORE_THRESHOLD = 0.05
"""As `edgedet eval`: a higher cut would truncate the precision-recall curve."""


def validation(annotations: Annotations, device: torch.device) -> Validate:
    """Return the function that judges a detector by the images of `annotations`."""

    def validate(module: nn.Module) -> Quality:
        model: Any = module
        thresholds = Thresholds(SCORE_THRESHOLD, model.spec.nms_iou, MAX_DETECTIONS)
        detector = Detector(TorchBackend(model, device), thresholds)
        total = evaluate(annotations, detect_all(detector, annotations), buckets=()).total
        return Quality(total.ap, total.ap50)

    return validate
