from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper

from edgedet.export.checks import MAX_TOP_K, check_graph
from edgedet.runtime.errors import ModelError

CANDIDATES = 5000


def small_graph(top_k: int = 10) -> onnx.ModelProto:
    """images [1, 5000] -> its best `top_k` as scores, labels and boxes."""
    nodes = [
        helper.make_node("TopK", ["images", "k"], ["scores", "labels"], axis=1),
        helper.make_node("Unsqueeze", ["scores", "axis"], ["column"]),
        helper.make_node("Concat", ["column"] * 4, ["boxes_xyxy"], axis=2),
    ]
    outputs = [("boxes_xyxy", TensorProto.FLOAT, [1, top_k, 4])]
    outputs += [
        ("scores", TensorProto.FLOAT, [1, top_k]),
        ("labels", TensorProto.INT64, [1, top_k]),
    ]
    constants = [
        helper.make_tensor("k", TensorProto.INT64, [1], [top_k]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [2]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, CANDIDATES])],
        [helper.make_tensor_value_info(*output) for output in outputs],
        constants,
    )
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def newer_ir(model: onnx.ModelProto) -> None:
    model.ir_version = 9


def other_opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 14


def vendor_domain(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def dynamic_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"


def swapped_outputs(model: onnx.ModelProto) -> None:
    first, second, third = (
        type(value).FromString(value.SerializeToString()) for value in model.graph.output
    )
    del model.graph.output[:]
    model.graph.output.extend([second, first, third])


def dangling_node(model: onnx.ModelProto) -> None:
    model.graph.node[1].input[0] = "nowhere"


def wrong_shape(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 5


def computed_k(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Identity", ["k"], ["k2"]))
    model.graph.node[1].input[1] = "k2"


def test_a_good_graph_passes() -> None:
    check_graph(small_graph(MAX_TOP_K), 13)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer_ir, "IR version 9"),
        (other_opset, "opset 14"),
        (vendor_domain, "com.microsoft"),
        (dynamic_batch, "static shape of `images`"),
        (swapped_outputs, "scores, boxes_xyxy, labels"),
        (dangling_node, "valid ONNX"),
        (wrong_shape, "valid ONNX"),
        (computed_k, "computed K"),
    ],
)
def test_each_fault_is_named(spoil: Callable[[onnx.ModelProto], None], words: str) -> None:
    model = small_graph()
    spoil(model)
    with pytest.raises(ModelError, match=words):
        check_graph(model, 13)


def test_a_top_k_that_tensorrt_refuses_is_named() -> None:
    with pytest.raises(ModelError, match="K = 3841"):
        check_graph(small_graph(MAX_TOP_K + 1), 13)


def test_k_may_be_a_constant_node() -> None:
    model = small_graph()
    value = model.graph.initializer[0]
    model.graph.node.insert(0, helper.make_node("Constant", [], ["k"], value=value))
    del model.graph.initializer[0]
    check_graph(model, 13)
