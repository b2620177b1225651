"""SSDs of every trunk, taps and anchors of every kind, through the whole of export, untrained."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from edgedet.export.from_torch import graph_from_torch
from edgedet.export.onnx_file import save_onnx
from edgedet.export.parity import compare_backends
from edgedet.export.parity_images import parity_images
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.backend import TorchBackend
from edgedet.models.protocol import DetectionModel
from edgedet.models.registry import build_model
from edgedet.runtime.backend_onnxruntime import OnnxRuntimeBackend

VARIANTS: dict[str, dict[str, Any]] = {
    "one level": {"taps": [6], "anchors": [[20, 25, 30]]},
    "six levels": {"taps": [3, 5, 8], "anchors": [12, [18, 25], 38, [50, 60, 70], 87, 120]},
    "mobilenet_v3": {
        "trunk": "mobilenet_v3_large",
        "taps": [4, 8],
        "anchors": [[20, 25], 38, 58, 87],
    },
    "resnet18": {
        "trunk": "resnet18",
        "taps": [3, 4, 5],
        "anchors": [20, [25, 38], 58, 87],
        "ratios": [1, 2],
    },
}


@cache
def detector(variant: str) -> DetectionModel:
    torch.manual_seed(0)
    model = build_model("scale_aware_ssd", ("a", "b", "c"), {"imgsz": 160, **VARIANTS[variant]})
    assert isinstance(model, torch.nn.Module)
    return model.eval()


@cache
def graph_of(variant: str) -> onnx.ModelProto:
    return graph_from_torch(detector(variant))


@pytest.mark.parametrize("input_", ["uint8", "float"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_parity(tmp_path: Path, variant: str, input_: str) -> None:
    graph = graph_of(variant)
    save_onnx(with_uint8_input(graph) if input_ == "uint8" else graph, tmp_path / "model.onnx")
    model = detector(variant)
    with OnnxRuntimeBackend(tmp_path / "model.onnx", threads=1) as backend:
        parity = compare_backends(TorchBackend(model), backend, parity_images(model.spec.size_hw))
    assert parity.passed
    assert parity.max_box_px < 0.02
    assert parity.max_score < 1e-4


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("release", ["trt82_ops.json", "trt10_ops.json"])
def test_tensorrt_knows_every_operator(variant: str, release: str, shared_data: Path) -> None:
    known = json.loads((shared_data.parent / "facts" / release).read_text())["ops"]
    used = {node.op_type for node in graph_of(variant).graph.node}
    assert {op for op in used if not known.get(op, {}).get("supported")} == set()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_graph_is_of_opset_13_and_static(variant: str) -> None:
    graph = graph_of(variant)
    assert [opset.version for opset in graph.opset_import if opset.domain in ("", "ai.onnx")] == [
        13
    ]
    used = {node.op_type for node in graph.graph.node}
    assert not used & {"Shape", "ConstantOfShape", "Mod", "NonZero", "If", "Loop"}
