"""The mean error of rounded weights, and that the bias takes it back."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from int8_networks import (
    LAYERS,
    amax_of,
    constants,
    forward,
    images,
    network,
    node_named,
    ranges,
    run,
    weights_of,
)
from test_pixel_entrance import WHOLE, seen, uint8_network

from edgedet.calibration.bias_correction import channel_means, lost_by_rounding
from edgedet.calibration.qdq import qdq_model
from edgedet.calibration.weights import rounded_weights
from edgedet.runtime.errors import DataError, ModelError

BATCHES = [images(seed) for seed in range(4)]
ALL = [forward(batch, weights_of()) for batch in BATCHES]
TENSORS = {name: np.stack([one[name] for one in ALL]) for name in ALL[0]}
READ = ("images", "stem_six", "depthwise_six", "project", "widen_relu", "sum")


def test_means_are_those_of_the_reference() -> None:
    steps: list[int] = []
    found = channel_means(network(), BATCHES, advance=lambda: steps.append(1))
    assert set(found) == set(READ)
    for name, mean in found.items():
        np.testing.assert_allclose(mean, TENSORS[name].mean(axis=(0, 2, 3)), atol=1e-5)
    assert len(steps) == len(BATCHES)


def test_without_images_there_are_none() -> None:
    with pytest.raises(DataError, match="images to calibrate on"):
        channel_means(network(), [])


@pytest.mark.parametrize(
    ("shape", "groups"), [((4, 6, 3, 3), 1), ((6, 1, 3, 3), 6), ((6, 2, 1, 1), 3)]
)
def test_what_is_lost_is_what_a_convolution_of_the_mean_lacks(
    shape: tuple[int, ...], groups: int
) -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=shape).astype(np.float32)
    means = rng.normal(size=shape[1] * groups)
    error = weights - rounded_weights(weights, 0)
    wanted = np.zeros(shape[0])
    for output in range(shape[0]):
        group = output // (shape[0] // groups)
        for place in range(shape[1]):
            wanted[output] += error[output, place].sum() * means[group * shape[1] + place]
    np.testing.assert_allclose(lost_by_rounding(weights, means, groups), wanted, rtol=1e-5)


def test_only_int8_layers_are_corrected() -> None:
    means = channel_means(network(), BATCHES)
    model = qdq_model(network(), amax_of(TENSORS), "tensorrt", {"widen"}, means=means)
    onnx.checker.check_model(model, full_check=True)
    for name in (*LAYERS, "head"):
        bias = constants(model)[node_named(model, name).input[2]]
        given = weights_of()[f"{name}_bias"]
        assert (name in ("widen", "head")) == np.array_equal(bias, given)
        np.testing.assert_allclose(bias, given, atol=0.3)


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_the_mean_of_a_layer_comes_closer(form: str) -> None:
    """With weights so coarse that one step of a channel is far from nothing."""
    model = network()
    weight = next(t for t in model.graph.initializer if t.name == "widen_weight")
    values = weights_of()["widen"] * 0.3
    values[:, 0] *= 300  # one input takes all the codes ...
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
    first = next(t for t in model.graph.initializer if t.name == "project_bias")
    bias = onnx.numpy_helper.to_array(first).copy()
    bias[1:] += 20  # ... and the others are far from 0 on the mean
    first.CopyFrom(onnx.numpy_helper.from_array(bias, first.name))
    watch(model)
    exact = np.stack([run(model, batch)[1] for batch in BATCHES])
    tensors = {name: np.concatenate([values, values * 9]) for name, values in TENSORS.items()}
    tensors["project"] = np.array([-60.0, 60.0])
    others = set(LAYERS) - {"widen"} | ({"head"} if form == "cpu" else set())
    errors = []
    for means in (None, channel_means(model, BATCHES)):
        changed = qdq_model(
            model,
            amax_of(tensors),
            form,
            others,
            clips=ranges(tensors),
            means=means,  # type: ignore[arg-type]
        )
        found = np.stack([run(changed, batch, optimised=False)[1] for batch in BATCHES])
        errors.append(np.abs((found - exact).mean(axis=(0, 1, 3, 4))).mean())
    assert errors[1] < errors[0] / 3


def watch(model: onnx.ModelProto) -> None:
    model.graph.output.append(onnx.helper.make_tensor_value_info("widen", 1, None))


def test_the_entrance_of_pixels_keeps_the_correction() -> None:
    model = uint8_network(WHOLE)
    means = {"images_sub": np.array([5.0, -7.0, 9.0]), "stem": np.zeros(4)}
    plain, corrected = (
        seen(qdq_model(model, {"images_sub": 160.0, "stem": 99.0}, "cpu", {"out"}, means=given))
        for given in (None, means)
    )
    weights = constants(model)["stem_weight"]
    lost = lost_by_rounding(weights, means["images_sub"], 1)
    np.testing.assert_allclose((corrected - plain)[0].mean(axis=(1, 2)), lost, atol=1e-3)


def test_a_tensor_without_a_mean_is_named() -> None:
    means = {name: np.zeros(8) for name in READ[2:]}
    with pytest.raises(ModelError, match="none of images, stem_six"):
        qdq_model(network(), amax_of(TENSORS), "tensorrt", means=means)
