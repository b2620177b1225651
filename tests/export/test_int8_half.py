"""INT8 with FP16 around it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
from int8_networks import amax_of, forward, images, network, nodes_of, run, weights_of
from onnx import TensorProto

from edgedet.calibration.qdq import qdq_model
from edgedet.calibration.tensors import inferred_types
from edgedet.export.half import elem_types
from edgedet.export.int8_half import with_half_around
from edgedet.export.metadata import read_spec, write_spec
from edgedet.export.rehearsal import rehearsal_of
from edgedet.runtime.errors import ModelError
from edgedet.runtime.spec import ModelSpec
from edgedet.runtime.tensorrt_flavour import open_flavour

FLOAT_TENSORS = forward(images(), weights_of())
AMAX = amax_of(FLOAT_TENSORS)


def int8_network(**small: float) -> onnx.ModelProto:
    return qdq_model(network(), AMAX | small, "tensorrt")


def test_convolutions_take_half_straight_from_their_codes() -> None:
    mixed = with_half_around(int8_network())
    onnx.checker.check_model(mixed, full_check=True)
    types = elem_types(inferred_types(mixed).graph)
    made = {name: node.op_type for node in mixed.graph.node for name in node.output}
    for node in nodes_of(mixed, "Conv")[:-1]:  # the head reads the sum, which is float
        assert [made[name] for name in node.input[:2]] == ["DequantizeLinear"] * 2
    assert {types[node.output[0]] for node in nodes_of(mixed, "Conv")} == {TensorProto.FLOAT16}
    assert types["out"] == TensorProto.FLOAT
    assert len(nodes_of(mixed, "Cast")) == 2  # what comes in, and what goes to the scores


def test_it_computes_what_int8_does_within_what_half_rounds() -> None:
    """Half moves a value over the edge between two codes now and then, by one code."""
    wanted = seen(int8_network(), "sum")
    found = seen(rehearsal_of(with_half_around(int8_network())), "sum")
    step = AMAX["project"] / 127
    assert np.abs(found - wanted).max() < 8 * step  # codes of several layers, added up
    assert np.median(np.abs(found - wanted)) < step / 4


def seen(model: onnx.ModelProto, name: str) -> np.ndarray:
    model.graph.output.append(onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return run(model, images(), optimised=False)[1]


def test_scales_that_half_cannot_hold_stay_exact() -> None:
    mixed = with_half_around(int8_network(project=1e-4))
    types = elem_types(inferred_types(mixed).graph)
    assert types["project_scale"] == TensorProto.FLOAT
    assert Counter(types[node.input[1]] for node in nodes_of(mixed, "QuantizeLinear")) == {
        TensorProto.FLOAT16: 4,
        TensorProto.FLOAT: 1,
    }


def test_the_spec_says_both() -> None:
    model = network()
    write_spec(model, ModelSpec(class_names=("a",), size_hw=(8, 8)))
    mixed = with_half_around(qdq_model(model, AMAX, "tensorrt"))
    assert read_spec(mixed).provenance == {"precision": "int8+float16", "int8_form": "tensorrt"}


def test_without_int8_it_is_refused() -> None:
    with pytest.raises(ModelError, match="found one without"):
        with_half_around(network())


def test_tensorrt_rtx_builds_it() -> None:
    trt = pytest.importorskip("tensorrt_rtx", reason="TensorRT-RTX is not installed: edgedet[rtx]")
    logger = open_flavour("tensorrt_rtx").log
    builder = trt.Builder(logger)
    parsed = builder.create_network(0)
    parser = trt.OnnxParser(parsed, logger)
    assert parser.parse(with_half_around(int8_network()).SerializeToString())
    config = builder.create_builder_config()
    config.num_compute_capabilities = 1
    config.set_compute_capability(trt.ComputeCapability.SM86, 0)
    assert builder.build_serialized_network(parsed, config) is not None
