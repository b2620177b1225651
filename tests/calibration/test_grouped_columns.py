"""The first convolution on groups of pixels: the same result."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from int8_networks import constants, model_of, named, nodes_of, producers, run
from onnx import TensorProto
from test_pixel_entrance import quantised, uint8_network

from edgedet.calibration import qdq
from edgedet.calibration.grouped_columns import COLUMNS, group_columns
from edgedet.calibration.qdq import qdq_model
from edgedet.int8.cpu import this_cpu

CHANNELS = 5
AMAX = {"images_sub": 160.0, "stem": 9.0, "out": 20.0}
STEP = 2 * AMAX["stem"] / 255
"""Between two codes of the first result, of which the last layer adds one for each channel."""


def network(size_hw: tuple[int, int], kernel_hw: tuple[int, int], **attributes: object):
    """Return a graph of uint8 frames whose result is that of its first convolution."""
    rng = np.random.default_rng(0)
    weights = {
        "stem": rng.normal(size=(CHANNELS, 3, *kernel_hw)).astype(np.float32) / 100,
        "stem_bias": rng.normal(size=CHANNELS).astype(np.float32),
        "mean": np.float32([120, 110, 100]).reshape(1, 3, 1, 1),
        "last": np.ones((2, CHANNELS, 1, 1), np.float32),
    }
    nodes = [
        named("Cast", ["images"], "images_cast", to=TensorProto.FLOAT),
        named("Transpose", ["images_cast"], "images_transpose", perm=[0, 3, 1, 2]),
        named("Sub", ["images_transpose", "mean"], "images_sub"),
        named("Conv", ["images_sub", "stem_weight", "stem_bias"], "stem", **attributes),
        named("Conv", ["stem", "last"], "out"),
    ]
    return model_of(nodes, weights, [1, *size_hw, 3], TensorProto.UINT8)


def both(model: onnx.ModelProto) -> tuple[onnx.ModelProto, onnx.ModelProto]:
    """Return the form for CPUs with groups, and without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(qdq, "group_columns", lambda graph: None)
        plain = qdq_model(model, AMAX, "cpu")
    return qdq_model(model, AMAX, "cpu"), plain


def is_grouped(model: onnx.ModelProto) -> bool:
    weights = producers(model)[nodes_of(model, "Conv")[0].input[1]]
    return constants(model)[weights.input[0]].shape[1] == 3 * COLUMNS


def result(model: onnx.ModelProto, size_hw: tuple[int, int], *, optimised: bool) -> np.ndarray:
    """Return what comes out of random pixels. Optimised, ONNX Runtime adds whole numbers."""
    pixels = np.random.default_rng(1).integers(0, 256, (1, *size_hw, 3), np.uint8)
    return run(model, pixels, optimised=optimised)[0]


sides = st.integers(5, 24)


@given(
    size_hw=st.tuples(sides, sides),
    kernel_hw=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=st.tuples(st.integers(1, 3), st.sampled_from([2, 4])),
    pads=st.tuples(*[st.integers(0, 2)] * 4),
)
@settings(max_examples=60, deadline=None)
def test_the_result_is_the_same(size_hw, kernel_hw, strides, pads):
    """To the bit in INT8, where no product is lost; in float but for sums between two codes."""
    model = network(size_hw, kernel_hw, strides=list(strides), pads=list(pads))
    grouped, plain = both(model)
    assume(is_grouped(grouped))
    onnx.checker.check_model(grouped, full_check=True)
    found, wanted = (result(each, size_hw, optimised=False) for each in (grouped, plain))
    np.testing.assert_allclose(found, wanted, atol=CHANNELS * STEP)
    if this_cpu().int8_flags:
        found, wanted = (result(each, size_hw, optimised=True) for each in (grouped, plain))
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("kernel", [2, 3, 5])
def test_common_first_layers_are_grouped(kernel):
    pads = [(kernel - 1) // 2] * 2 + [kernel // 2] * 2
    model = network((32, 48), (kernel, kernel), strides=[2, 2], pads=pads)
    grouped, plain = both(model)
    assert is_grouped(grouped)
    assert not is_grouped(plain)
    assert len(np.unique(result(grouped, (32, 48), optimised=True))) > 50


LEFT = {
    "a step of three": (16, {"strides": [3, 3]}),
    "a step of one": (18, {}),
    "weights with holes": (18, {"strides": [2, 2], "dilations": [2, 2], "pads": [2, 2, 2, 2]}),
    "results that do not fill their groups": (16, {"strides": [2, 2]}),
}


@pytest.mark.parametrize(("width", "attributes"), LEFT.values(), ids=LEFT)
def test_what_cannot_be_grouped_stays(width, attributes):
    grouped, plain = both(network((16, width), (3, 3), **attributes))
    assert not is_grouped(grouped)
    assert grouped == plain


def test_a_first_layer_whose_result_is_asked_for_stays():
    model = network((16, 16), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    stem = onnx.helper.make_tensor_value_info("stem", TensorProto.FLOAT, [1, CHANNELS, 8, 8])
    model.graph.output.append(stem)
    grouped, plain = both(model)
    assert not is_grouped(grouped)
    assert grouped == plain


def test_nothing_is_left_that_nobody_reads():
    model, _ = both(network((16, 16), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1]))
    read = {name for node in model.graph.node for name in node.input}
    read |= {value.name for value in model.graph.output}
    assert {name for node in model.graph.node for name in node.output} <= read
    assert {tensor.name for tensor in model.graph.initializer} <= read


def test_names_that_others_have_stay_theirs():
    model = network((16, 16), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1])
    model.graph.node[-1].output[0] = "stem_quantized_grouped"
    model.graph.output[0].name = "stem_quantized_grouped"
    amax = {"images_sub": 160.0, "stem": 9.0, "stem_quantized_grouped": 20.0}
    grouped = qdq_model(model, amax, "cpu")
    assert is_grouped(grouped)
    onnx.checker.check_model(grouped, full_check=True)


def test_a_first_layer_in_float_stays():
    model = quantised(uint8_network())
    before = qdq_model(uint8_network(), {"images_sub": 160.0, "stem": 99.0}, "cpu", {"stem", "out"})
    assert is_grouped(model)
    again = onnx.ModelProto()
    again.CopyFrom(before)
    group_columns(again.graph)
    assert again == before


def test_a_graph_that_is_grouped_is_not_grouped_again():
    grouped, _ = both(network((16, 16), (3, 3), strides=[2, 2], pads=[1, 1, 1, 1]))
    again = onnx.ModelProto()
    again.CopyFrom(grouped)
    group_columns(again.graph)
    assert again == grouped
