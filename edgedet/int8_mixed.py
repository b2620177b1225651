"""INT8 with FP16 around it as a file, for TensorRT that takes the precision from the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edgedet.data.opening import open_annotations
from edgedet.data.shapes import resolve_data
from edgedet.evaluation.buckets import COCO_BUCKETS, parse_buckets
from edgedet.export.half_proof import rehearsal_backend
from edgedet.export.int8_half import with_half_around
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx
from edgedet.export.overflow import scan_values
from edgedet.int8.accuracy import Accuracy, measured
from edgedet.proof_data import proof_frames
from edgedet.runtime.errors import ModelError

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.data.annotations import Annotations
    from edgedet.int8.report import Int8Report


class Mixed(NamedTuple):
    """Such a graph, and what speaks for it."""

    graph: ModelProto
    accuracy: Accuracy
    """Rehearsed on the CPU, on the data of the report."""


def proven_mixed(report: Int8Report) -> Mixed:
    """Put FP16 around the INT8 form for TensorRT of a report, and measure it.

    Raises ModelError when the bounds of the report do not hold any more.
    """
    request = report.request
    annotations = open_annotations(
        resolve_data(request.data, request.out), request.split, request.bbox_mode
    )
    graph = _mixed(report, annotations)
    buckets = parse_buckets(request.buckets) or COCO_BUCKETS
    with rehearsal_backend(graph) as backend:
        found = measured(backend, annotations, buckets, "AP of INT8 with FP16").accuracy
    if not report.gate.passes(found):
        raise ModelError(
            "INT8 with FP16 around it within the allowed loss of accuracy",
            report.gate.told(found),
            "allow more with --max-drop, or build with --precision fp16",
        )
    return Mixed(graph, found)


def _mixed(report: Int8Report, annotations: Annotations) -> ModelProto:
    exact = load_onnx(report.request.model)
    frames = proof_frames(
        read_spec(exact).size_hw, annotations, "Looking for what FP16 cannot hold"
    )
    path = next(form.path for form in report.forms if form.form == "tensorrt")
    assert path is not None
    return with_half_around(load_onnx(path), scan_values(exact, frames))
