"""Detectors from torchvision through the whole road: train, resume, evaluate, export, or be told
why not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.models.detection import FasterRCNN
from training_toys import assert_same, write_coco

from edgedet.data.opening import open_annotations
from edgedet.default_recipes import DEFAULT_RECIPES
from edgedet.evaluation.predictions import detect_all
from edgedet.model_export import Request, export_model
from edgedet.models import torchvision_faster_rcnn
from edgedet.models.registry import MODELS
from edgedet.models.torchvision_options import ResnetFpnOptions
from edgedet.models.torchvision_trunks import resnet_pyramid
from edgedet.opening import open_any
from edgedet.recipe import resolve_recipe
from edgedet.runtime.errors import ModelError, UsageError
from edgedet.training.checkpoint import load_checkpoint
from edgedet.training.interruption import Interrupted
from edgedet.training.session import Order, run_training

FASTER, LITE = "faster_rcnn_r50_fpn", "ssdlite_mobilenetv3"
PYRAMIDS = [name for name, entry in MODELS.items() if entry.options is ResnetFpnOptions]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_coco(tmp_path / "data", train=4, val=2)


def order(data: Path, out: Path, model: str, recipe: str, **how: Any) -> Order:
    file = out.with_suffix(".yaml")
    file.write_text(recipe)
    flags = {"model": model, "weights": "none", "imgsz": 64, "workers": 0, "data": str(data)}
    return Order(file, {**flags, "batch": 3, "epochs": 1}, "cpu", out=out, **how)


@pytest.mark.slow
def test_ssdlite_resumes_exactly_and_is_exported(data: Path, tmp_path: Path) -> None:
    """In bf16, averaged, by SGD; and the last batch of four images is one image."""
    recipe = "precision: bf16-mixed\n"
    whole = run_training(order(data, tmp_path / "whole", LITE, recipe))
    with pytest.raises(Interrupted):
        run_training(order(data, tmp_path / "broken", LITE, recipe, until=0.0))
    resumed = run_training(Order(resume=tmp_path / "broken" / "model.pt", device="cpu"))
    assert whole is not None
    assert resumed is not None
    state = load_checkpoint(whole / "model.pt")
    assert state["step"] == 2
    assert_same(state, load_checkpoint(resumed / "model.pt"))
    report = export_model(Request(whole / "best.pt", tmp_path / "model.onnx", data=str(data)))
    assert report.parity.passed
    frame = np.full((40, 48, 3), 90, np.uint8)
    with (
        open_any(whole / "best.pt", conf=0.0) as torch_form,
        open_any(report.path, conf=0.0) as graph,
    ):
        assert len(torch_form(frame)) == len(graph(frame)) > 0


@pytest.mark.slow
def test_faster_rcnn_trains_and_detects_but_is_no_graph(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # ResNet-18 and few proposals: the road is the same, at a third of the time.
    smaller = partial(FasterRCNN, box_batch_size_per_image=16)
    monkeypatch.setattr(torchvision_faster_rcnn, "FasterRCNN", smaller)
    pyramid = lambda _, options: resnet_pyramid("resnet18", options)  # noqa: E731
    monkeypatch.setattr(torchvision_faster_rcnn, "resnet_pyramid", pyramid)
    recipe = "model_options: {frozen_blocks: 0, frozen_norm: false}\nema_decay: 0\n"
    folder = run_training(order(data, tmp_path / "run", FASTER, recipe))
    assert folder is not None
    annotations = open_annotations(data, "val")
    with open_any(folder / "best.pt", conf=0.0, max_detections=5) as detector:
        assert [len(found) for found in detect_all(detector, annotations)] == [5, 5]
    with pytest.raises(ModelError, match="Faster R-CNN.*train retinanet_r50_fpn for export"):
        export_model(Request(folder / "best.pt", tmp_path / "model.onnx"))
    assert not (tmp_path / "model.onnx").exists()


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ("", "set model_options: {frozen_blocks: 0, frozen_norm: false}"),
        ("model_options: {frozen_blocks: 0}", "set model_options: {frozen_norm: false}"),
    ],
)
def test_random_weights_are_not_frozen(data: Path, tmp_path: Path, recipe: str, told: str) -> None:
    with pytest.raises(UsageError, match="freeze random numbers") as error:
        run_training(order(data, tmp_path / "run", "retinanet_r50_fpn", recipe))
    assert told in str(error.value)


@pytest.mark.parametrize("name", [*PYRAMIDS, LITE])
def test_each_has_a_recipe_of_its_own(name: str) -> None:
    recipe = resolve_recipe(None, {"model": name})
    assert recipe.optimizer == DEFAULT_RECIPES[name]["optimizer"] == "sgd"
    assert recipe.weights == "imagenet"
