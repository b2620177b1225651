import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx_session import run_onnx

from edgedet.export.constant_folding import drop_unused, fold_constants

OPSET = 13


def model_of(nodes: list[onnx.NodeProto], *constants: onnx.TensorProto) -> onnx.ModelProto:
    """A model images [2, 3, 4] -> out (float)."""
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [2, 3, 4])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        list(constants),
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=7)


def int64(name: str, values: list[int]) -> onnx.TensorProto:
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def shape_arithmetic() -> onnx.ModelProto:
    """Reshape to (2, 12) by way of Shape, Slice, Mod, Concat; twice, the second on the first."""
    nodes = []
    source = "images"
    for step in range(2):
        a = f"_{step}"
        target = "out" if step else "middle"
        nodes += [
            helper.make_node("Shape", [source], ["shape" + a]),
            helper.make_node("Slice", ["shape" + a, "zero", "one"], ["first" + a]),
            helper.make_node("Mod", ["first" + a, "big"], ["mod" + a]),
            helper.make_node("Concat", ["mod" + a, "minus"], ["target" + a], axis=0),
            helper.make_node("Reshape", [source, "target" + a], [target]),
        ]
        source = target
    return model_of(
        nodes, int64("zero", [0]), int64("one", [1]), int64("big", [99]), int64("minus", [-1])
    )


def test_shape_arithmetic_disappears_and_the_result_stays() -> None:
    model = shape_arithmetic()
    images = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    folded = fold_constants(model)
    assert [node.op_type for node in folded.graph.node] == ["Reshape", "Reshape"]
    np.testing.assert_array_equal(run_onnx(folded, images)[0], run_onnx(model, images)[0])


def test_the_model_given_is_not_changed() -> None:
    model = shape_arithmetic()
    before = model.SerializeToString()
    fold_constants(model)
    assert model.SerializeToString() == before


def test_constants_keep_their_rank_and_type() -> None:
    scalar = helper.make_tensor("value", TensorProto.INT64, [], [1])
    nodes = [
        helper.make_node("Constant", [], ["index"], value=scalar),
        helper.make_node("Gather", ["images", "index"], ["out"], axis=1),
    ]
    folded = fold_constants(model_of(nodes))
    (index,) = folded.graph.initializer
    assert list(index.dims) == []
    assert index.data_type == TensorProto.INT64
    assert run_onnx(folded, np.zeros((2, 3, 4), np.float32))[0].shape == (2, 4)


def test_random_numbers_are_not_made_constant() -> None:
    nodes = [
        helper.make_node("RandomNormal", [], ["noise"], shape=[2, 3, 4]),
        helper.make_node("Add", ["images", "noise"], ["out"]),
    ]
    folded = fold_constants(model_of(nodes))
    assert [node.op_type for node in folded.graph.node] == ["RandomNormal", "Add"]


def test_random_numbers_shaped_like_a_constant_are_not_made_constant() -> None:
    nodes = [
        helper.make_node("RandomNormalLike", ["like"], ["noise"], dtype=TensorProto.FLOAT),
        helper.make_node("Add", ["images", "noise"], ["out"]),
    ]
    folded = fold_constants(model_of(nodes, int64("like", [0, 0, 0, 0])))
    assert [node.op_type for node in folded.graph.node] == ["RandomNormalLike", "Add"]


def test_a_constant_output_stays_an_output() -> None:
    model = model_of([helper.make_node("Cast", ["two"], ["out"], to=1)], int64("two", [2]))
    folded = fold_constants(model)
    np.testing.assert_array_equal(run_onnx(folded, np.zeros((2, 3, 4), np.float32))[0], [2])


def test_unused_nodes_and_constants_go() -> None:
    nodes = [
        helper.make_node("Neg", ["images"], ["unused"]),
        helper.make_node("Abs", ["images"], ["out"]),
    ]
    model = model_of(nodes, int64("spare", [1]))
    drop_unused(model.graph)
    assert [node.op_type for node in model.graph.node] == ["Abs"]
    assert not model.graph.initializer


def test_what_only_a_body_reads_is_used() -> None:
    def body(name: str) -> onnx.GraphProto:
        node = helper.make_node("Identity", ["outer"], [name])
        result = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([node], name, [], [result])

    nodes = [
        helper.make_node("ReduceMax", ["images"], ["largest"], keepdims=0),
        helper.make_node("Greater", ["largest", "zero"], ["yes"]),
        helper.make_node("If", ["yes"], ["out"], then_branch=body("a"), else_branch=body("b")),
    ]
    outer = helper.make_tensor("outer", TensorProto.FLOAT, [1], [7.0])
    model = model_of(nodes, outer, helper.make_tensor("zero", TensorProto.FLOAT, [], [0.0]))
    folded = fold_constants(model)
    assert run_onnx(folded, np.ones((2, 3, 4), np.float32))[0] == [7]


def test_a_constant_that_goes_is_no_input_either() -> None:
    """Older exporters list constants among the inputs; without its value it would be a real one."""
    model = model_of([helper.make_node("Neg", ["images"], ["out"])], int64("unused", [1]))
    model.graph.input.append(helper.make_tensor_value_info("unused", TensorProto.INT64, [1]))
    drop_unused(model.graph)
    assert [value.name for value in model.graph.input] == ["images"]
