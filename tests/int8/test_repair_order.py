"""Which layers go back to float first: much noise for little cost."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edgedet.calibration.sensitivity import Loss
from edgedet.export.graph_view import GraphView
from edgedet.export.layer_table import layer_table
from edgedet.int8.repair_order import MACS_OF_A_BYTE, _cost, repair_order


def network():
    """Three convolutions: at 16 x 16, at 8 x 8 behind a pooling, and again."""
    nodes = [
        helper.make_node("Conv", ["images", "w1"], ["a"], "wide", kernel_shape=[1, 1]),
        helper.make_node("MaxPool", ["a"], ["b"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["b", "w2"], ["c"], "small", kernel_shape=[1, 1]),
        helper.make_node("Conv", ["c", "w3"], ["out"], "last", kernel_shape=[1, 1]),
    ]
    weights = [
        numpy_helper.from_array(np.ones((4, 4, 1, 1), np.float32), name)
        for name in ("w1", "w2", "w3")
    ]
    ends = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 4, 16, 16]),
        helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4, 8, 8]),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def test_the_cost_is_what_is_moved_and_multiplied() -> None:
    costs = {layer.name: _cost(layer) for layer in layer_table(GraphView(network())).layers}
    assert costs["wide"] == 4 * (2 * 4 * 256 + 16) + 4 * 4 * 256 / MACS_OF_A_BYTE
    assert costs["small"] == costs["last"] < costs["wide"]


def test_of_two_that_lose_alike_the_cheaper_goes_first() -> None:
    losses = [Loss("wide", 30.0, None), Loss("small", 30.0, None), Loss("last", 20.0, None)]
    assert repair_order(network(), losses) == ("last", "small", "wide")


def test_one_that_loses_all_goes_first_whatever_it_costs() -> None:
    losses = [Loss("small", 30.0, None), Loss("last", 31.0, None), Loss("wide", 3.0, None)]
    assert repair_order(network(), losses)[0] == "wide"
