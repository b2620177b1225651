"""Pixels as codes: the same numbers as by way of the mean, borders included."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from int8_networks import constants, model_of, named, nodes_of, producers, run, weights_of
from onnx import TensorProto

from edgedet.calibration.qdq import qdq_model
from edgedet.calibration.weights import rounded_weights

WHOLE, BROKEN = (120.0, 110.0, 100.0), (123.675, 116.28, 103.53)


def uint8_network(
    mean: tuple[float, ...] = WHOLE, size: tuple[int, int] = (8, 8), **settings: object
) -> onnx.ModelProto:
    """Return Cast, Transpose, Sub, Conv, as `with_uint8_input` writes them, and a head."""
    weights = {
        "stem": weights_of()["stem"] / 128,
        "stem_bias": weights_of()["stem_bias"],
        "mean": np.asarray(mean, np.float32).reshape(1, 3, 1, 1),
        "last": np.ones((2, 4, 1, 1), np.float32),
    }
    stem = ["images_sub", "stem_weight", "stem_bias"]
    nodes = [
        named("Cast", ["images"], "images_cast", to=TensorProto.FLOAT),
        named("Transpose", ["images_cast"], "images_transpose", perm=[0, 3, 1, 2]),
        named("Sub", ["images_transpose", "mean"], "images_sub"),
        named("Conv", stem, "stem", **{"pads": [1, 1, 1, 1], "strides": [2, 2], **settings}),
        named("Conv", ["stem", "last"], "out"),
    ]
    return model_of(nodes, weights, [1, *size, 3], TensorProto.UINT8)


def quantised(model: onnx.ModelProto) -> onnx.ModelProto:
    """With the stem's result in float, so that its numbers can be seen."""
    return qdq_model(model, {"images_sub": 160.0, "stem": 99.0}, "cpu", {"out"})


def seen(model: onnx.ModelProto, size: tuple[int, int] = (8, 8)) -> np.ndarray:
    """Return the stem's result on random pixels, before it is quantised."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output[0].name = "stem"
    del watched.graph.output[0].type.tensor_type.shape.dim[:]
    pixels = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    return side_by_side(run(watched, pixels, optimised=False)[0])


def side_by_side(values: np.ndarray, channels: int = 4) -> np.ndarray:
    """Columns that lie as groups of channels (see `grouped_columns`), as columns."""
    count, groups, height, width = values.shape
    split = values.reshape(count, groups // channels, channels, height, width)
    return split.transpose(0, 2, 3, 4, 1).reshape(count, channels, height, -1)


def with_kept_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The float network with the weights that int8 keeps: all that may differ then is the way."""
    weight = next(t for t in model.graph.initializer if t.name == "stem_weight")
    values = rounded_weights(onnx.numpy_helper.to_array(weight), 0)
    weight.CopyFrom(onnx.numpy_helper.from_array(values, "stem_weight"))
    return model


GEOMETRIES = [
    ({}, (8, 8)),
    ({"strides": [1, 1]}, (8, 6)),
    ({"strides": [2, 2]}, (9, 7)),
    ({"strides": [2, 1], "pads": [1, 0, 2, 3]}, (7, 8)),
    ({"pads": [0, 0, 0, 0]}, (8, 8)),
    ({"dilations": [2, 2], "pads": [2, 2, 2, 2]}, (9, 8)),
    ({"strides": [3, 3], "pads": [0, 0, 1, 1]}, (8, 8)),
]


@pytest.mark.parametrize(("settings", "size"), GEOMETRIES)
def test_pixels_give_what_the_subtraction_gives(
    settings: dict[str, object], size: tuple[int, int]
) -> None:
    model = uint8_network(WHOLE, size, **settings)
    found = seen(quantised(model), size)
    np.testing.assert_allclose(found, seen(with_kept_weights(model), size), atol=1e-3)


def test_a_mean_between_two_grey_levels_costs_half_a_level_at_the_border_alone() -> None:
    model = uint8_network(BROKEN)
    found, wanted = seen(quantised(model)), seen(with_kept_weights(model))
    np.testing.assert_allclose(found[:, :, 1:, 1:], wanted[:, :, 1:, 1:], atol=1e-3)
    half = np.abs(constants(model)["stem_weight"]).sum(axis=(1, 2, 3)).max() / 2
    assert np.abs(found - wanted).max() <= half


def test_nothing_in_float_lies_before_the_convolution() -> None:
    model = quantised(uint8_network())
    onnx.checker.check_model(model, full_check=True)
    assert not nodes_of(model, "Cast")
    assert not nodes_of(model, "Sub")
    pixels = producers(model)[nodes_of(model, "Conv")[0].input[0]]
    assert producers(model)[pixels.input[0]].op_type == "Transpose"
    assert (constants(model)[pixels.input[1]], constants(model)[pixels.input[2]]) == (1, 0)


def test_a_mean_may_stand_in_a_node_of_its_own() -> None:
    """As other exporters write constants."""
    model = uint8_network()
    mean = next(tensor for tensor in model.graph.initializer if tensor.name == "mean")
    model.graph.node.insert(0, onnx.helper.make_node("Constant", [], ["mean"], value=mean))
    model.graph.initializer.remove(mean)
    changed = quantised(model)
    onnx.checker.check_model(changed, full_check=True)
    np.testing.assert_array_equal(seen(changed), seen(quantised(uint8_network())))


def test_the_weights_that_are_kept_are_kept_again() -> None:
    weights = weights_of()["stem"]
    once = rounded_weights(weights, 0)
    np.testing.assert_allclose(rounded_weights(once, 0), once, rtol=1e-6)


def test_a_convolution_without_a_bias_gets_one() -> None:
    model = uint8_network()
    del model.graph.node[3].input[2:]
    found = seen(quantised(model))
    np.testing.assert_allclose(found, seen(with_kept_weights(model)), atol=1e-3)


def test_a_stem_in_float_keeps_its_entrance() -> None:
    model = qdq_model(uint8_network(), {"stem": 99.0}, "cpu", {"stem"})
    assert len(nodes_of(model, "Sub")) == 1


def second_reader(model: onnx.ModelProto) -> None:
    model.graph.node.append(named("Abs", ["images_sub"], "other"))


def other_layout(model: onnx.ModelProto) -> None:
    model.graph.node[1].attribute[0].ints[:] = [0, 3, 2, 1]


def padding_by_name(model: onnx.ModelProto) -> None:
    model.graph.node[3].ClearField("attribute")
    model.graph.node[3].attribute.append(onnx.helper.make_attribute("auto_pad", "SAME_UPPER"))


def mean_along_the_width(model: onnx.ModelProto) -> None:
    tensor = next(t for t in model.graph.initializer if t.name == "mean")
    tensor.dims[:] = [1, 1, 1, 3]
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 3


@pytest.mark.parametrize(
    "change", [second_reader, other_layout, padding_by_name, mean_along_the_width]
)
def test_another_beginning_stays_as_it_is(change: object) -> None:
    model = uint8_network()
    change(model)  # type: ignore[operator]
    changed = quantised(model)
    assert len(nodes_of(changed, "Sub")) == 1
    assert len(nodes_of(changed, "Cast")) == 1


def test_the_form_of_tensorrt_subtracts() -> None:
    model = qdq_model(uint8_network(), {"images_sub": 160.0}, "tensorrt")
    assert len(nodes_of(model, "Sub")) == 1


def test_a_difference_from_the_mean_that_is_asked_for_stays() -> None:
    model = uint8_network()
    asked = onnx.helper.make_tensor_value_info("images_sub", TensorProto.FLOAT, [1, 3, 8, 8])
    model.graph.output.append(asked)
    changed = quantised(model)
    onnx.checker.check_model(changed, full_check=True)
    assert nodes_of(changed, "Sub")
