"""Layers are ranked by what INT8 in them alone does to what the decoding reads."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from int8_networks import HEAD, LAYERS, network
from onnx import numpy_helper

from edgedet.calibration.collection import collect
from edgedet.calibration.key import CalibrationKey
from edgedet.calibration.qdq import int8_layer_names, qdq_model
from edgedet.calibration.scales_file import Scales, scales_by
from edgedet.calibration.sensitivity import QUIETEST_DB, quantised, rank_layers, snr_db
from edgedet.runtime.errors import DataError

KEY = CalibrationKey("", "", 4, {}, "minmax")


def inputs(seed: int = 1, count: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(1, 3, 8, 8)).astype(np.float32) for _ in range(count)]


def scales_of(model: onnx.ModelProto) -> Scales:
    return scales_by(collect(model, inputs()), KEY)


def with_outlier(model: onnx.ModelProto, factor: float = 1000.0) -> onnx.ModelProto:
    """One channel that `widen` makes is larger by the factor, and `narrow` reads it smaller."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for name, scale, where in (
        ("widen_weight", factor, np.s_[2]),
        ("widen_bias", factor, np.s_[2]),
        ("narrow_weight", 1 / factor, np.s_[:, 2]),
    ):
        values = numpy_helper.to_array(tensors[name]).copy()
        values[where] *= np.float32(scale)
        tensors[name].CopyFrom(numpy_helper.from_array(values, name))
    return model


def run(model: onnx.ModelProto, name: str, batch: np.ndarray) -> np.ndarray:
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    session = ort.InferenceSession(watched.SerializeToString())
    return session.run([name], {"images": batch})[0]


def slow_snr_db(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Value by value, of one tensor in several images."""
    exact = [float(v) for values, _ in pairs for v in values.ravel()]
    noisy = [float(v) for _, values in pairs for v in values.ravel()]
    mean = sum(exact) / len(exact)
    signal = sum((v - mean) ** 2 for v in exact)
    noise = sum((v - w) ** 2 for v, w in zip(exact, noisy, strict=True))
    return 10 * np.log10(signal / noise)


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_every_int8_layer_is_ranked_the_worst_first(form: str) -> None:
    model = network()
    losses = rank_layers(model, scales_of(model), form, inputs())
    assert {loss.layer for loss in losses} == set(int8_layer_names(model, form))
    found = [loss.snr_db for loss in losses]
    assert found == sorted(found)
    assert all(10 < value < QUIETEST_DB for value in found)


def test_the_loss_of_a_layer_is_that_of_a_model_with_it_alone_in_int8() -> None:
    model = network()
    scales = scales_of(model)
    losses = {loss.layer: loss.snr_db for loss in rank_layers(model, scales, "tensorrt", inputs())}
    for layer in LAYERS:
        alone = qdq_model(model, scales.amax, "tensorrt", set(LAYERS) - {layer})
        pairs = [(run(model, HEAD, x), run(alone, HEAD, x)) for x in inputs()]
        assert losses[layer] == pytest.approx(slow_snr_db(pairs), abs=0.01)


def test_the_form_for_the_cpu_counts_what_rounds_the_head_as_well() -> None:
    model = network()
    losses = {loss.layer: loss for loss in rank_layers(model, scales_of(model), "cpu", inputs())}
    assert losses[HEAD].snr_db < 60


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_the_readers_and_makers_of_an_outlier_are_the_worst(form: str) -> None:
    model = with_outlier(network())
    losses = rank_layers(model, scales_of(model), form, inputs())
    assert losses[0].layer in ("narrow", "widen")
    assert losses[0].snr_db < losses[2].snr_db - 6


def test_the_ranges_of_the_cpu_form_are_those_that_were_seen() -> None:
    """A tensor that is never below 0 gets all its codes above."""
    model = network()
    scales = scales_of(model)
    ours = quantised(model, scales, "cpu")
    clips = {name: scale.clip for name, scale in scales.tensors.items()}
    assert ours == qdq_model(model, scales.amax, "cpu", clips=clips)


def test_signal_and_noise_of_results() -> None:
    exact = [[np.array([1.0, 3.0]), np.array([10.0, 30.0])]]
    assert snr_db(exact, exact) == QUIETEST_DB
    # Noise over signal is 1 / 4 in the one tensor and none in the other: 1 / 8 in the mean.
    noisy = [[np.array([1.5, 3.5]), exact[0][1]]]
    assert snr_db(exact, noisy) == pytest.approx(10 * np.log10(8))


def test_results_that_never_vary_have_no_signal() -> None:
    assert snr_db([[np.ones(3)]], [[np.zeros(3)]]) == -100


def test_no_images_are_told() -> None:
    model = network()
    with pytest.raises(DataError, match="images to compare the layers on"):
        rank_layers(model, scales_of(model), "cpu", [])
