"""Networks of a few nodes, with what a calibration has to tell apart."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 8
CHANNELS = 4


def small_network(batch: int = 1, seed: int = 0) -> onnx.ModelProto:
    """Return Conv, Relu, Mul by what is computed of a weight, and Div by a length of the shape."""
    rng = np.random.default_rng(seed)
    weights = {
        "weight": rng.normal(size=(CHANNELS, 3, 3, 3)),
        "bias": rng.normal(size=CHANNELS),
        "gain": rng.normal(size=(CHANNELS, 1, 1)),
    }
    nodes = [
        helper.make_node("Conv", ["images", "weight", "bias"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Abs", ["gain"], ["gain_abs"]),  # of a constant alone
        helper.make_node("Mul", ["relu", "gain_abs"], ["scaled"]),
        helper.make_node("Shape", ["scaled"], ["shape"]),
        helper.make_node("Cast", ["shape"], ["shape_float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["shape_float"], ["longest"], keepdims=0),
        helper.make_node("Div", ["scaled", "longest"], ["out"]),
        helper.make_node("ArgMax", ["out"], ["best"], axis=1),
    ]
    shape = [batch, CHANNELS, SIDE, SIDE]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("out", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("best", TensorProto.INT64, [batch, 1, SIDE, SIDE]),
        ],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in weights.items()],
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)


def network_inputs(count: int, batch: int = 1, seed: int = 1) -> list[np.ndarray]:
    """Inputs whose range grows, so that histograms have to as well."""
    rng = np.random.default_rng(seed)
    sizes = np.geomspace(0.1, 30, count)
    shape = (batch, 3, SIDE, SIDE)
    return [(rng.normal(size=shape) * size).astype(np.float32) for size in sizes]
