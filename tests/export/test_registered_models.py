"""The detectors that edgedet ships, through the whole of export, untrained."""

import json
from functools import cache
from pathlib import Path

import onnx
import pytest
import torch

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.onnx_file import save_onnx
from edgedet.export.parity import compare_backends
from edgedet.export.parity_images import parity_images
from edgedet.export.target_check import check_target
from edgedet.export.targets import TARGETS
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.backend import TorchBackend
from edgedet.models.protocol import DetectionModel
from edgedet.models.registry import MODELS, build_model
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend
from edgedet.runtime.errors import ModelError

IMGSZ = {"multiscale_shapes": 96, "retinanet_r50_fpn": 64, "ssdlite_mobilenetv3": 128}
REFUSED = ("faster_rcnn_r50_fpn", "faster_rcnn_r101_fpn")
EXPORTED = [name for name in MODELS if name not in REFUSED]
HEAVY_LATER = [
    pytest.param(name, marks=pytest.mark.slow) if name == "retinanet_r50_fpn" else name
    for name in EXPORTED
]
"""The heaviest one is slow."""


@cache
def detector(name: str) -> DetectionModel:
    torch.manual_seed(0)
    model = build_model(name, ("a", "b", "c"), {"imgsz": IMGSZ.get(name, 256)})
    assert isinstance(model, torch.nn.Module)
    return model.eval()


@cache
def graph_of(name: str) -> onnx.ModelProto:
    return graph_from_torch(detector(name))


def form_of(name: str, input_: str) -> onnx.ModelProto:
    return with_uint8_input(graph_of(name)) if input_ == "uint8" else graph_of(name)


@pytest.mark.parametrize("input_", ["uint8", "float"])
@pytest.mark.parametrize("name", HEAVY_LATER)
def test_parity(tmp_path: Path, name: str, input_: str) -> None:
    """Far inside the bounds: what FP32 really changes is a hundredth of a pixel."""
    save_onnx(form_of(name, input_), tmp_path / "model.onnx")
    model = detector(name)
    with OnnxRuntimeBackend(tmp_path / "model.onnx", threads=1) as backend:
        parity = compare_backends(TorchBackend(model), backend, parity_images(model.spec.size_hw))
    assert parity.passed
    assert parity.max_box_px < 0.02
    assert parity.max_score < 1e-4


@pytest.mark.parametrize("name", EXPORTED)
def test_they_fit_every_target(name: str) -> None:
    for target in TARGETS.values():
        graph = form_of(name, "uint8" if target.uint8 else "float")
        findings = check_target(graph, target)
        assert {finding.level for finding in findings} <= {"note"}, (target.name, findings)


def test_faster_rcnn_is_refused_with_what_to_take_instead() -> None:
    with pytest.raises(ModelError, match="static shapes.*retinanet_r50_fpn") as error:
        graph_from_torch(build_model(REFUSED[0], ("a",), {"imgsz": 32}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", EXPORTED)
def test_tensorrt_8_2_knows_every_operator(name: str, shared_data: Path) -> None:
    known = json.loads((shared_data.parent / "facts" / "trt82_ops.json").read_text())["ops"]
    used = {node.op_type for node in graph_of(name).graph.node}
    assert {op for op in used if not known.get(op, {}).get("supported")} == set()


@pytest.mark.parametrize("name", EXPORTED)
def test_no_shape_is_computed_at_run_time(name: str) -> None:
    used = {node.op_type for node in graph_of(name).graph.node}
    assert not used & {"Shape", "ConstantOfShape", "Mod", "NonZero", "If", "Loop"}


@pytest.mark.parametrize("name", EXPORTED)
def test_the_stem_takes_the_scale_and_the_order_of_colours(name: str) -> None:
    nodes = form_of(name, "uint8").graph.node
    assert [node.op_type for node in nodes[:4]] == ["Cast", "Transpose", "Sub", "Conv"]
