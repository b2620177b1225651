"""One run of `edgedet eval`: from a model file and a data set to a report on disk."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from edgedet.data.annotations import Annotations
from edgedet.data.opening import open_annotations
from edgedet.data.shapes import resolve_data
from edgedet.data.shapes_options import is_shapes
from edgedet.evaluation.buckets import parse_buckets
from edgedet.evaluation.predictions import detect_all, labels_by_name
from edgedet.evaluation.report import Report, Subject, make_report, write_report
from edgedet.opening import open_any, resolved_device
from edgedet.progress import progress
from edgedet.rundir import new_run_dir

_LOGGER = logging.getLogger("edgedet.evaluation")


@dataclass(frozen=True)
class Request:
    """What is to be evaluated."""

    model: Path
    """A checkpoint (.pt) or an exported model (.onnx)."""
    data: str
    """A data set as `open_annotations` knows it, or "shapes"."""
    split: str = "val"
    conf: float = 0.05
    """Least score; a higher one truncates the precision-recall curve."""
    iou: float | None = None
    """NMS overlap; None: the model's."""
    max_detections: int | None = None
    """Most detections of an image; None: the model's."""
    buckets: str = "coco,aitod"
    """As `parse_buckets` reads them."""
    device: str = "auto"
    bbox_mode: str = "xywh"
    """What the four numbers of a COCO box are; see `open_annotations`."""


def run_evaluation(request: Request, out: Path | None = None) -> tuple[Report, Path]:
    """Evaluate, write the report into a run folder, and return both.

    Raises UsageError, DataError, ModelError or DeviceError; all that can be known beforehand is
    checked before the folder is made.
    """
    buckets = parse_buckets(request.buckets)
    thresholds = (request.conf, request.iou, request.max_detections)
    device = resolved_device(request.model, request.device)
    with open_any(request.model, *thresholds, device=device) as detector:
        annotations, folder = _data_and_folder(request, out, detector.spec.class_names)
        with progress(len(annotations.images), "Detecting") as bar:
            detections = detect_all(detector, annotations, bar.advance)
    subject = Subject(
        model=str(request.model),
        data=request.data,
        split=request.split,
        device=device,
        thresholds=detector.thresholds,
    )
    report = make_report(subject, annotations, detections, buckets)
    write_report(folder, report)
    return report, folder


def _data_and_folder(
    request: Request, out: Path | None, model_classes: tuple[str, ...]
) -> tuple[Annotations, Path]:
    """Generated shapes need the folder first; anything else is checked before one is made."""
    if is_shapes(request.data):
        folder = new_run_dir("eval", out)
        return _opened(resolve_data(request.data, folder), request), folder
    annotations = _opened(request.data, request)
    unlabelled = int((labels_by_name(model_classes, annotations) < 0).sum())
    if unlabelled:
        line = "%d of the model's %d classes are not in the data: not counted"
        _LOGGER.info(line, unlabelled, len(model_classes))
    return annotations, new_run_dir("eval", out)


def _opened(data: str | Path, request: Request) -> Annotations:
    return open_annotations(data, request.split, request.bbox_mode)
