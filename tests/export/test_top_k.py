"""How many candidates a graph must return: 1000 cost no AP on the densest images, 100 do.

The candidates are those that a perfect detector has: every anchor of `scale_aware_ssd` that
training would call positive fires, the surer the better it lies, and finds its object exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import nn

from edgedet.data.annotations import Annotations, LabelledImage
from edgedet.data.opening import open_annotations
from edgedet.evaluation.coco import evaluate
from edgedet.models.registry import build_model
from edgedet.runtime.boxes import iou_matrix
from edgedet.runtime.postprocess import Thresholds, postprocess
from edgedet.runtime.preprocess import Placement, preprocess
from edgedet.runtime.spec import ModelSpec

POSITIVE_IOU = 0.4
ALL_OBJECTS = Thresholds(score=0.05, iou=0.5, max_detections=1000)


class Candidates(NamedTuple):
    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return cast(nn.Module, build_model("scale_aware_ssd", ("object",), {}))


def placement_of(image: LabelledImage, spec: ModelSpec) -> Placement:
    return preprocess(np.zeros((*image.size_hw, 3), np.uint8), spec)[1]


def firing(image: LabelledImage, model: nn.Module) -> Candidates:
    """All candidates of a perfect detector, best first."""
    objects = placement_of(image, cast(ModelSpec, model.spec)).boxes_to_input(image.boxes_xyxy)
    iou = iou_matrix(cast(nn.Parameter, model.anchors_xyxy).numpy(), objects)
    nearest = iou.argmax(axis=1)
    fires = iou.max(axis=1) >= POSITIVE_IOU
    fires[iou.argmax(axis=0)] = True
    nearest[iou.argmax(axis=0)] = np.arange(len(objects))
    scores = 0.3 + 0.6 * iou[np.arange(len(iou)), nearest]
    order = np.flatnonzero(fires)[np.argsort(-scores[fires], kind="stable")]
    found = objects[nearest[order]].astype(np.float32)
    return Candidates(found, scores[order].astype(np.float32), image.labels[nearest[order]])


def ap_with(top_k: int | None, image: LabelledImage, model: nn.Module) -> float:
    best = Candidates(*(array[:top_k] for array in firing(image, model)))
    placement = placement_of(image, cast(ModelSpec, model.spec))
    detections = postprocess(*best, placement, ALL_OBJECTS)
    annotations = Annotations(("object",), (image,), Path("test"), "coco")
    return evaluate(annotations, [detections], max_detections=1000).ap


def as_one_class(image: LabelledImage) -> LabelledImage:
    return LabelledImage(
        image.path,
        image.size_hw,
        image.boxes_xyxy,
        np.zeros_like(image.labels),
        np.zeros_like(image.ignored),
    )


def densest(data: Path) -> LabelledImage:
    images = [i for split in ("train", "val") for i in open_annotations(data, split).images]
    return as_one_class(max(images, key=lambda image: len(image.labels)))


def crowd(per_side: int, side: int = 512) -> LabelledImage:
    """Objects of 16 to 24 pixels in a square grid of `per_side` a side."""
    rng = np.random.default_rng(0)
    cell = side / per_side
    corners = np.stack(np.meshgrid(*[np.arange(per_side) * cell] * 2), axis=-1).reshape(-1, 2)
    size = rng.uniform(16, 24, corners.shape)
    boxes = np.concatenate([corners, corners + size], axis=1).astype(np.float32)
    none = np.zeros(len(boxes), bool)
    return LabelledImage(Path("crowd"), (side, side), boxes, np.zeros(len(boxes), np.int64), none)


def assert_1000_is_enough_and_100_is_not(image: LabelledImage, model: nn.Module) -> None:
    everything = ap_with(None, image, model)
    assert everything > 0.9
    assert ap_with(1000, image, model) == everything
    assert ap_with(100, image, model) < 0.5 * everything


def test_a_crowd_of_324(model: nn.Module) -> None:
    assert_1000_is_enough_and_100_is_not(crowd(18), model)


@pytest.mark.slow
def test_nuclei_the_densest_real_image(model: nn.Module, shared_data: Path) -> None:
    """369 objects, 825 candidates."""
    image = densest(shared_data / "seg_dsb2018")
    assert len(image.labels) > 300
    assert_1000_is_enough_and_100_is_not(image, model)


def test_cars_from_above_the_densest_image(model: nn.Module, shared_data: Path) -> None:
    """65 objects, tiny in the input: no K of this size costs anything."""
    image = densest(shared_data / "det_aerial_cars")
    assert ap_with(1000, image, model) == ap_with(None, image, model)


def test_a_denser_crowd_is_what_the_flag_is_for(model: nn.Module) -> None:
    """Where 1000 ends: 400 objects of 20 pixels in an input of 512, 3 anchors on each."""
    image = crowd(20)
    everything = ap_with(None, image, model)
    assert 0.98 * everything < ap_with(1000, image, model) < everything
    assert ap_with(2000, image, model) == everything
