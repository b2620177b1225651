"""What INT8 takes from a tensor, from its histogram and from its values."""

from __future__ import annotations

import numpy as np
import pytest
from int8_networks import HEAD, LAYERS, network

from edgedet.calibration.methods import METHODS, amax_by
from edgedet.calibration.qdq import int8_layer_names
from edgedet.calibration.statistics import Statistics
from edgedet.calibration.tensor_noise import int8_reads, tensor_snr_db


def slow_snr_db(values: np.ndarray, amax: float) -> float:
    step = amax / 127
    signal = noise = 0.0
    for value in values.astype(float).tolist():
        kept = min(127, max(-127, round(value / step))) * step
        signal += value**2
        noise += (value - kept) ** 2
    return 10 * np.log10(signal / noise)


@pytest.mark.parametrize("method", METHODS)
def test_it_is_that_of_the_values(method: str) -> None:
    rng = np.random.default_rng(0)
    tensors = {
        "normal": rng.normal(size=20_000).astype(np.float32),
        "relu": np.maximum(rng.normal(size=20_000), 0).astype(np.float32) * 7,
        "outlier": np.append(rng.normal(size=20_000), 300).astype(np.float32),
    }
    statistics = Statistics.empty(list(tensors))
    for row, values in enumerate(tensors.values()):
        statistics.add(row, values)
    amax = amax_by(statistics, method)
    found = tensor_snr_db(statistics, amax)
    for name, values in tensors.items():
        assert found[name] == pytest.approx(slow_snr_db(values, amax[name]), abs=0.3)


def test_zeros_have_no_signal() -> None:
    statistics = Statistics.empty(["zeros", "never"])
    statistics.add(0, np.zeros(9, np.float32))
    assert tensor_snr_db(statistics, {"zeros": 1.0, "never": 1.0}) == {}


def test_each_layer_s_tensor_is_named_with_its_first_reader() -> None:
    model = network()
    found = int8_reads(model, "tensorrt")
    assert found["project"] == "widen"
    assert set(found.values()) == set(LAYERS) == set(int8_layer_names(model, "tensorrt"))
    assert int8_reads(model, "cpu")["sum"] == HEAD
