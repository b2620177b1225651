"""The model, the images and the measurements that all parts of one INT8 export share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgedet.calibration.batches import ImageBatches
from edgedet.calibration.choice import choose_images
from edgedet.data.opening import open_annotations
from edgedet.data.shapes import resolve_data
from edgedet.evaluation.buckets import COCO_BUCKETS, SizeBucket, parse_buckets
from edgedet.evaluation.predictions import labels_by_name
from edgedet.export.metadata import read_spec
from edgedet.export.onnx_file import load_onnx
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.preprocess import place

from .accuracy import Chance, Measured, chance_of, measured
from .open_model import open_model
from .request import Int8Request

if TYPE_CHECKING:
    from onnx import ModelProto

    from edgedet.data.annotations import Annotations, LabelledImage
    from edgedet.runtime.spec import ModelSpec

COMPARED_IMAGES = 4
"""Of the calibration, on which layers are compared; more change the order of the worst little."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What an INT8 export works on."""

    request: Int8Request
    model: ModelProto
    """In FP32."""
    spec: ModelSpec
    annotations: Annotations
    """On which AP is measured."""
    images: tuple[Path, ...]
    """To calibrate on, in the order of their choice."""
    buckets: tuple[SizeBucket, ...]

    @property
    def batch(self) -> int:
        """The static batch size of the graph."""
        return int(self.model.graph.input[0].type.tensor_type.shape.dim[0].dim_value)

    @property
    def batches(self) -> ImageBatches:
        """Of the images to calibrate on."""
        return ImageBatches(self.images, self.spec, self.batch)

    def measured(self, model: ModelProto, description: str) -> Measured:
        """Return what a form of the model finds in the data, and how exact that is."""
        with open_model(model) as backend:
            return measured(backend, self.annotations, self.buckets, description)

    def chance(self, exact: Measured, other: Measured) -> Chance:
        """Return how far the difference of two measurements is chance."""
        limit = self.spec.max_detections
        return chance_of((exact, other), self.annotations, self.buckets, limit)


def opened_subject(request: Int8Request) -> Subject:
    """Return what the request names.

    Raises ModelError for a file that is no model of ours, of any batch size or of other classes
    than the data, DataError for data that cannot be read, UsageError for buckets or a place to
    write.
    """
    model = load_onnx(request.model)
    spec = read_spec(model)
    OnnxRuntimeBackend(request.model).close()  # tells a graph that its spec does not describe
    buckets = parse_buckets(request.buckets) or COCO_BUCKETS
    data = resolve_data(request.data, request.out)
    annotations = open_annotations(data, request.split, request.bbox_mode)
    labels_by_name(spec.class_names, annotations)
    source = open_annotations(data, request.calibration_split, request.bbox_mode)
    return Subject(request, model, spec, annotations, _chosen(source, request, spec), buckets)


def _chosen(source: Annotations, request: Int8Request, spec: ModelSpec) -> tuple[Path, ...]:
    boxes = [_input_boxes(image, spec) for image in source.images]
    labels = [image.labels[~image.ignored] for image in source.images]
    indices = choose_images(boxes, labels, request.images, request.seed)
    return tuple(source.images[index].path for index in indices)


def _input_boxes(image: LabelledImage, spec: ModelSpec) -> Any:
    boxes_xyxy = image.boxes_xyxy[~image.ignored]
    return place(image.size_hw, spec).boxes_to_input(boxes_xyxy)
