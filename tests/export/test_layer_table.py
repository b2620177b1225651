"""What a graph costs, against counts that were made by hand and in PyTorch."""

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from edgedet.export.constant_folding import fold_constants
from edgedet.export.from_torch import graph_from_torch
from edgedet.export.graph_view import GraphView
from edgedet.export.layer_table import layer_table
from edgedet.export.uint8_input import with_uint8_input
from edgedet.models.cost import network_cost
from edgedet.models.registry import build_model
from edgedet.runtime.errors import ModelError

DETECTORS = [
    "scale_aware_ssd",
    "ssd_mobilenetv2",
    pytest.param("retinanet_r50_fpn", marks=pytest.mark.slow),
    "ssdlite_mobilenetv3",
]


def graph_of(nodes, outputs, *, constants=None, shape=(1, 3, 8, 8), kind=TensorProto.FLOAT):
    """A model with one input x; constants: name -> shape of zeros, or an array."""
    tensors = [
        onnx.numpy_helper.from_array(
            value if isinstance(value, np.ndarray) else np.zeros(value, np.float32), name
        )
        for name, value in (constants or {}).items()
    ]
    given = [helper.make_tensor_value_info("x", kind, shape)]
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    graph = helper.make_graph(nodes, "g", given, made, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def table_of(*arguments, **named):
    return layer_table(GraphView(graph_of(*arguments, **named)))


def node(op, inputs, output, **attributes):
    return helper.make_node(op, inputs.split(), [output], name=f"{op}_{output}", **attributes)


SMALL = graph_of(
    [
        node("Conv", "x w1 b1", "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", "a", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p w2", "c", kernel_shape=[1, 1]),
    ],
    ["c"],
    constants={"w1": (16, 3, 3, 3), "b1": (16,), "w2": (4, 16, 1, 1)},
)
"""3x8x8 -> Conv 3x3, 16 -> ReLU -> MaxPool 2 -> Conv 1x1, 4 -> 4x4x4."""


def test_a_small_graph_by_hand():
    table = layer_table(GraphView(SMALL))
    first, relu, pool, last = table.layers
    # 16 maps of 8x8, each element 3*3*3 products; 4 maps of 4x4, each element 16.
    assert [layer.macs for layer in table.layers] == [16 * 64 * 27, 0, 0, 4 * 16 * 16]
    assert table.macs == 27648 + 1024
    assert table.parameters == 16 * 27 + 16 + 4 * 16
    assert [t.elements for t in first.weights] == [432, 16]
    assert [t.elements for t in first.reads + first.writes] == [3 * 64, 16 * 64]
    assert [t.elements for t in relu.reads + relu.writes] == [1024, 1024]
    assert [t.elements for t in pool.reads + pool.writes] == [1024, 16 * 16]
    assert [t.elements for t in last.reads + last.writes] == [256, 4 * 16]
    # In FP16: (432 + 16 + 192 + 1024) * 2 bytes.
    moved = first.weights + first.reads + first.writes
    assert sum(t.bytes(2) for t in moved) == 3328


def test_what_stands_between_two_convolutions_is_computed_on_the_way():
    first, _, _, last = layer_table(GraphView(SMALL)).layers
    assert [t.name for t in first.least_writes] == ["p"]  # pooled before it is written
    assert [t.name for t in last.least_reads] == ["p"]
    assert first.winograd
    assert not last.winograd


def hooked_macs(model, size_hw):
    """Module -> multiply-accumulates, counted while PyTorch runs it."""
    counts, hooks = Counter(), []

    def count(name):
        def hook(module, inputs, output):
            if isinstance(module, nn.Linear):
                counts[name] += output.numel() * module.in_features
            elif isinstance(module, nn.ConvTranspose2d):
                counts[name] += inputs[0].numel() * module.weight[0].numel()
            else:
                counts[name] += output.numel() * module.weight[0].numel()

        return hook

    for name, module in model.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            hooks.append(module.register_forward_hook(count(name)))
    with torch.no_grad():
        model.predict(torch.zeros(1, 3, *size_hw))
    for hook in hooks:
        hook.remove()
    return counts


@pytest.mark.parametrize("name", DETECTORS)
def test_macs_are_those_that_pytorch_runs(name):
    size = 128
    model = build_model(name, ("a", "b"), {"imgsz": size}).eval()
    table = layer_table(GraphView(graph_from_torch(model)))
    expected = hooked_macs(model, (size, size))
    assert table.macs == sum(expected.values())
    assert table.uncounted == ()
    ours = Counter()
    for layer in table.layers:
        if layer.macs:
            ours[layer.module] += layer.macs
    if name.endswith("ssd") or name.startswith("ssd_"):  # module for module
        shared = set(ours) & set(expected)
        assert len(shared) > 20
        assert {module: ours[module] for module in shared} == {m: expected[m] for m in shared}


def test_macs_and_flops_of_pytorch_agree():
    model = build_model("multiscale_shapes", ("a", "b", "c"), {"imgsz": 224}).eval()

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, images):
            return self.model.predict(images)

    cost = network_cost(Network(), (224, 224))
    assert layer_table(GraphView(graph_from_torch(model))).macs == cost.macs


@pytest.mark.parametrize(
    ("nodes", "constants", "macs"),
    [
        # 3 groups of one map: 3x8x8 elements, 9 products each.
        ([node("Conv", "x w", "y", group=3, pads=[1] * 4)], {"w": (3, 1, 3, 3)}, 3 * 64 * 9),
        # Each of 3x8x8 elements goes into 5 maps of 2x2.
        ([node("ConvTranspose", "x w", "y", strides=[2, 2])], {"w": (3, 5, 2, 2)}, 192 * 20),
        ([node("MatMul", "x w", "y")], {"w": (8, 10)}, 3 * 8 * 10 * 8),
        ([node("Flatten", "x", "f"), node("Gemm", "f w", "y")], {"w": (192, 7)}, 192 * 7),
        (
            [node("Flatten", "x", "f"), node("Gemm", "f w", "y", transB=1)],
            {"w": (7, 192)},
            192 * 7,
        ),
        (
            [node("Flatten", "x", "f", axis=4), node("Gemm", "f w", "y", transA=1)],
            {"w": (192, 2)},
            192 * 2,
        ),
    ],
)
def test_macs_of_single_operators_by_hand(nodes, constants, macs):
    assert table_of(nodes, ["y"], constants=constants).macs == macs


def test_an_image_of_bytes_is_read_as_bytes():
    model = build_model("multiscale_shapes", ("a",), {"imgsz": 224}).eval()
    graph = graph_from_torch(model)
    floats, whole = (layer_table(GraphView(g)) for g in (graph, with_uint8_input(graph)))
    assert floats.layers[0].reads[0].bytes(4) == 3 * 224 * 224 * 4
    assert whole.layers[0].reads[0].bytes(4) == 3 * 224 * 224
    assert floats.macs == whole.macs


def test_views_cost_nothing_and_indices_four_bytes():
    nodes = [
        node("Flatten", "x", "f"),
        helper.make_node("TopK", ["f", "k"], ["values", "indices"], name="top"),
        node("Cast", "indices", "y", to=TensorProto.FLOAT),
    ]
    table = table_of(nodes, ["y"], constants={"k": np.array([5], np.int64)})
    top, cast = table.layers
    assert [t.name for t in top.writes] == ["indices"]  # nobody reads the values
    assert cast.reads[0].bytes(2) == 5 * 4
    assert cast.writes[0].bytes(2) == 5 * 2


def test_a_slice_reads_what_it_writes():
    bounds = {"s": np.array([2]), "e": np.array([4]), "axes": np.array([2])}
    table = table_of([node("Slice", "x s e axes", "y")], ["y"], constants=bounds)
    assert table.layers[0].reads[0].elements == 3 * 2 * 8


def test_what_depends_on_shapes_alone_is_no_layer():
    nodes = [
        node("Size", "x", "s"),
        node("Cast", "s", "f", to=TensorProto.FLOAT),
        node("Div", "x f", "y"),
    ]
    (layer,) = table_of(nodes, ["y"]).layers
    assert [t.name for t in layer.reads] == ["x"]
    assert [t.name for t in layer.weights] == ["f"]


def test_unknown_shapes_are_refused_with_the_node():
    with pytest.raises(ModelError, match=r"static, found Relu \(Relu_y\) with x .*one input size"):
        table_of([node("Relu", "x", "y")], ["y"], shape=("n", 3, 8, 8))


def test_branches_are_refused():
    body = helper.make_graph([], "b", [], [helper.make_tensor_value_info("y", 1, [1])])
    branch = helper.make_node("If", ["c"], ["y"], name="fork", then_branch=body, else_branch=body)
    nodes = [node("Cast", "x", "c", to=TensorProto.BOOL), branch]
    with pytest.raises(ModelError, match=r"without branches and loops, found If \(fork\)"):
        table_of(nodes, ["y"])


QUANTISED = {
    "s": np.array(0.1, np.float32),
    "z": np.array(0, np.uint8),
    "wz": np.array(0, np.int8),
    "w": np.zeros((6, 2, 3, 3), np.int8),
    "m": np.zeros((5, 8), np.int8),
}


@pytest.mark.parametrize(
    ("quantised", "shape", "macs"),
    [
        (node("QLinearConv", "q s z w s wz s z", "r", group=2), (1, 4, 8, 8), 6 * 6 * 6 * 2 * 9),
        (node("QLinearMatMul", "q s z m s wz s z", "r"), (2, 5), 2 * 8 * 5),
    ],
)
def test_products_of_integers_are_counted(quantised, shape, macs):
    """As ONNX Runtime's quantiser writes them."""
    ends = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "r s z", "y")]
    table = table_of([ends[0], quantised, ends[1]], ["y"], constants=QUANTISED, shape=shape)
    assert table.macs == macs
    assert table.quantised
    layer = next(each for each in table.layers if each.macs)
    assert layer.grouped == (quantised.op_type == "QLinearConv")


def test_a_length_below_zero_is_an_unknown_one():
    with pytest.raises(ModelError, match="whose shapes are all static"):
        table_of([node("Relu", "x", "y")], ["y"], shape=(-1, 3, 8, 8))


def test_products_that_are_not_counted_are_named():
    nodes = [node("Einsum", "x x", "y", equation="abcd,abcd->abd")]
    assert table_of(nodes, ["y"]).uncounted == ("Einsum_y",)


def test_shapes_computed_in_the_graph_are_found_by_folding():
    """As PyTorch writes `chunk`."""
    nodes = [
        node("Shape", "x", "s"),
        node("Gather", "s one", "c"),
        node("Div", "c two", "half"),
        node("Slice", "x zero half axes", "y"),
    ]
    numbers = {"one": [1], "two": [2], "zero": [0], "axes": [1]}
    constants = {name: np.array(value, np.int64) for name, value in numbers.items()}
    graph = graph_of(nodes, ["y"], constants=constants, shape=(1, 4, 8, 8))
    assert layer_table(GraphView(fold_constants(graph))).layers[0].writes[0].elements == 2 * 64


def test_the_batch_is_read_off_the_input():
    assert table_of([node("Relu", "x", "y")], ["y"], shape=(4, 3, 8, 8)).batch == 4
