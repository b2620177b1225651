"""Which tensors need a scale."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper
from small_networks import small_network

from edgedet.calibration.tensors import activation_names
from edgedet.runtime.errors import ModelError


def test_activations_are_named_and_constants_are_not() -> None:
    """Neither weights, nor what is made of them, nor shapes, nor integers."""
    assert activation_names(small_network()) == ("images", "conv", "relu", "scaled", "out")


def test_a_weight_that_is_listed_as_input_is_none() -> None:
    model = small_network()
    weight = helper.make_tensor_value_info("bias", TensorProto.FLOAT, [4])
    model.graph.input.append(weight)
    assert "bias" not in activation_names(model)


def test_constant_nodes_are_none() -> None:
    model = small_network()
    value = helper.make_tensor("value", TensorProto.FLOAT, [1], [2.0])
    model.graph.node.insert(0, helper.make_node("Constant", [], ["two"], value=value))
    model.graph.node.append(helper.make_node("Mul", ["out", "two"], ["twice"]))
    names = activation_names(model)
    assert "two" not in names
    assert names[-1] == "twice"


def test_a_branch_depends_on_what_its_bodies_read() -> None:
    body = helper.make_graph(
        [helper.make_node("Neg", ["out"], ["negative"])],
        "body",
        [],
        [helper.make_tensor_value_info("negative", TensorProto.FLOAT, None)],
    )
    model = small_network()
    always = helper.make_tensor("always", TensorProto.BOOL, [], [True])
    model.graph.initializer.append(always)
    branch = helper.make_node("If", ["always"], ["chosen"], then_branch=body, else_branch=body)
    model.graph.node.append(branch)
    assert activation_names(model)[-1] == "chosen"


def test_a_graph_that_contradicts_itself_is_refused() -> None:
    model = small_network()
    model.graph.node.append(onnx.helper.make_node("Concat", ["out", "bias"], ["wrong"], axis=1))
    with pytest.raises(ModelError, match="a valid ONNX graph"):
        activation_names(model)
