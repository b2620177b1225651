"""Layers are ranked by what INT8 in them alone does to what the decoding reads."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from int8_networks import HEAD, LAYERS, network
from onnx import numpy_helper

from edgedet.calibration import sensitivity
from edgedet.calibration.bias_correction import channel_means
from edgedet.calibration.calibrated import Calibrated
from edgedet.calibration.collection import collect
from edgedet.calibration.key import CalibrationKey
from edgedet.calibration.qdq import int8_layer_names, qdq_model
from edgedet.calibration.scales_file import Scales, scales_by
from edgedet.calibration.sensitivity import QUIETEST_DB, comparisons, rank_layers, snr_db
from edgedet.runtime.errors import DataError

KEY = CalibrationKey("", "", 4, {}, "minmax")


def inputs(seed: int = 1, count: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(1, 3, 8, 8)).astype(np.float32) for _ in range(count)]


def scales_of(model: onnx.ModelProto) -> Scales:
    return scales_by(collect(model, inputs()), KEY)


def calibrated(model: onnx.ModelProto) -> Calibrated:
    return Calibrated(model, scales_of(model), channel_means(model, inputs()))


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
    model, steps = network(), []
    found = rank_layers(calibrated(model), form, inputs(), advance=lambda: steps.append(1))
    assert {loss.layer for loss in found.losses} == set(int8_layer_names(model, form))
    alone = [loss.snr_db for loss in found.losses]
    assert alone == sorted(alone)
    assert all(10 < value < QUIETEST_DB for value in alone)
    assert found.whole_db < min(alone)
    assert len(steps) == comparisons(len(found.losses)) == 2 * len(found.losses) + 1


def test_the_losses_of_a_layer_are_those_of_models_with_it_alone_in_int8_and_in_float() -> None:
    model = network()
    known = calibrated(model)
    found = rank_layers(known, "tensorrt", inputs())

    def slow(float_layers: set[str]) -> float:
        changed = qdq_model(model, known.scales.amax, "tensorrt", float_layers, means=known.means)
        return slow_snr_db([(run(model, HEAD, x), run(changed, HEAD, x)) for x in inputs()])

    assert found.whole_db == pytest.approx(slow(set()), abs=0.01)
    for loss in found.losses:
        assert loss.snr_db == pytest.approx(slow(set(LAYERS) - {loss.layer}), abs=0.01)
        assert loss.kept_db == pytest.approx(slow({loss.layer}), abs=0.01)


def test_of_many_layers_the_worst_alone_are_kept_in_float_one_by_one(monkeypatch) -> None:
    monkeypatch.setattr(sensitivity, "MOST_KEPT", 2)
    found = rank_layers(calibrated(network()), "tensorrt", inputs())
    assert [loss.kept_db is None for loss in found.losses] == [False, False, True, True, True]
    assert comparisons(len(found.losses)) == 5 + 2 + 1


def test_the_form_for_the_cpu_counts_what_rounds_the_head_as_well() -> None:
    losses = rank_layers(calibrated(network()), "cpu", inputs()).losses
    assert {loss.layer: loss for loss in losses}[HEAD].snr_db < 60


@pytest.mark.parametrize("form", ["tensorrt", "cpu"])
def test_the_readers_and_makers_of_an_outlier_are_the_worst(form: str) -> None:
    losses = rank_layers(calibrated(with_outlier(network())), form, inputs()).losses
    assert losses[0].layer in ("narrow", "widen")
    assert losses[0].snr_db < losses[2].snr_db - 6


def test_two_layers_that_spoil_one_tensor_are_bad_alone_and_help_only_together() -> None:
    """In the CPU's form the maker of an outlier writes it as codes, and its reader reads them."""
    known = calibrated(with_outlier(network()))
    found = rank_layers(known, "cpu", inputs())
    spoiling = {"widen", "narrow"}
    losses = {loss.layer: loss for loss in found.losses}
    reads = sensitivity._head_reads(known.model.graph)
    exact, both = (
        sensitivity._results(model, reads, inputs())
        for model in (known.model, known.quantised("cpu", spoiling))
    )
    gained = snr_db(exact, both) - found.whole_db
    assert gained > 6
    assert max(losses[name].kept_db for name in spoiling) - found.whole_db < gained / 2


def test_the_ranges_of_the_cpu_form_are_those_that_were_seen() -> None:
    """A tensor that is never below 0 gets all its codes above."""
    model = network()
    known = calibrated(model)
    clips = {name: scale.clip for name, scale in known.scales.tensors.items()}
    plain = qdq_model(model, known.scales.amax, "cpu", clips=clips, means=known.means)
    assert known.quantised("cpu") == plain


def test_signal_and_noise_of_results() -> None:
    exact = [[np.array([1.0, 3.0]), np.array([10.0, 30.0])]]
    assert snr_db(exact, exact) == QUIETEST_DB
    # Noise over signal is 1 / 4 in the one tensor and none in the other: 1 / 8 in the mean.
    noisy = [[np.array([1.5, 3.5]), exact[0][1]]]
    assert snr_db(exact, noisy) == pytest.approx(10 * np.log10(8))


def test_results_that_never_vary_have_no_signal() -> None:
    assert snr_db([[np.ones(3)]], [[np.zeros(3)]]) == -100


def test_no_images_are_told() -> None:
    with pytest.raises(DataError, match="images to compare the layers on"):
        rank_layers(calibrated(network()), "cpu", [])
