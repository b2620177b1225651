"""TensorRT-RTX, which needs no GPU to build, takes the form that the gate made of a whole detector:
biases corrected, some layers in float, plain and with FP16 around it.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch

from edgedet.calibration.bias_correction import channel_means
from edgedet.calibration.calibrated import Calibrated
from edgedet.calibration.collection import collect
from edgedet.calibration.key import CalibrationKey
from edgedet.calibration.qdq import int8_layer_names
from edgedet.calibration.scales_file import scales_by
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.int8_half import with_half_around
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.registry import build_model
from edgedet.runtime.tensorrt_flavour import open_flavour

trt = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: edgedet[rtx]")

SIDE = 128


@pytest.fixture(scope="module")
def calibrated() -> Calibrated:
    torch.manual_seed(0)
    detector = build_model("scale_aware_ssd", ("a", "b"), {"imgsz": SIDE}).eval()
    model = with_uint8_input(graph_from_torch(detector, 1, 13, {}))
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (1, SIDE, SIDE, 3), np.uint8) for _ in range(3)]
    key = CalibrationKey("", "", 3, {}, "percentile")
    scales = scales_by(collect(model, frames), key)
    return Calibrated(model, scales, channel_means(model, frames))


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("kept", [0, 3])
def test_tensorrt_rtx_builds_it(calibrated: Calibrated, half: bool, kept: int) -> None:
    names = int8_layer_names(calibrated.model, "tensorrt")
    form = calibrated.quantised("tensorrt", set(names[1 : 1 + kept]))
    quantised = sum(node.op_type == "QuantizeLinear" for node in form.graph.node)
    assert quantised >= len(names) - kept
    plan = built(with_half_around(form) if half else form)
    assert plan is not None
    weights = sum(t.ByteSize() for t in form.graph.initializer if t.data_type == 3)
    assert weights <= plan.nbytes


def built(model: onnx.ModelProto):
    logger = open_flavour("tensorrt_rtx").log
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(model.SerializeToString()), [
        parser.get_error(i).desc() for i in range(parser.num_errors)
    ]
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    return builder.build_serialized_network(network, config)
