"""The four clips, against definitions written as loops and against ONNX Runtime's calibrators."""

from __future__ import annotations

import contextlib
import io
import math
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.quantization import calibrate
from slow_clips import slow_divergence, slow_percentile, slow_squared_error
from small_networks import network_inputs, small_network

from edgedet.calibration.collection import collect
from edgedet.calibration.divergence import LEVELS, divergences
from edgedet.calibration.methods import METHODS, PERCENTILE, SILENT_AMAX, amax_by, clips_by
from edgedet.calibration.statistics import BINS, Statistics
from edgedet.runtime.errors import UsageError

RNG = np.random.default_rng(0)
COUNT = 40_000
VALUES = {
    "normal": RNG.normal(size=COUNT),
    "laplace": RNG.laplace(size=COUNT),
    "uniform": RNG.uniform(-1, 1, COUNT),
    "heavy": RNG.standard_t(4, COUNT),
    "outlier": np.append(RNG.normal(size=COUNT), 30.0),
    "relu": np.maximum(RNG.normal(size=COUNT), 0),
    "two values": np.repeat([0.5, 3.0], [COUNT, 3]),
    "one value": np.full(COUNT, 6.0),
}
VALUES = {name: values.astype(np.float32) for name, values in VALUES.items()}


def statistics_of(*names: str, unit: float = 1.0) -> Statistics:
    statistics = Statistics.empty(names)
    for row, name in enumerate(names):
        statistics.add(row, VALUES[name] * np.float32(unit))
    return statistics


@pytest.mark.parametrize("name", VALUES)
def test_divergences_are_those_of_the_definition(name: str) -> None:
    counts = statistics_of(name).counts[0]
    found = divergences(counts)
    for end in [*range(LEVELS, BINS, 317), 200, 255, 256, 257, BINS]:
        slow = slow_divergence(counts.tolist(), end, LEVELS)
        fast = found[end - LEVELS]
        assert fast == slow or math.isclose(fast, slow, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("name", ["normal", "outlier", "relu"])
def test_the_clip_by_entropy_is_the_least_of_all_candidates(name: str) -> None:
    statistics = statistics_of(name)
    counts = statistics.counts[0]
    used = int(np.flatnonzero(counts)[-1]) + 1
    ends = range(LEVELS, used + 1)
    slow = [slow_divergence(counts.tolist(), end, LEVELS) for end in ends]
    clip = min((LEVELS + int(np.argmin(slow))) * statistics.bin_width[0], statistics.amax[0])
    assert amax_by(statistics, "entropy")[name] == pytest.approx(clip)


@pytest.mark.parametrize("name", VALUES)
def test_the_clip_by_percentile_is_that_of_the_definition(name: str) -> None:
    statistics = statistics_of(name)
    counts, zeros = statistics.counts[0].tolist(), int(statistics.zeros[0])
    end = slow_percentile(counts, zeros, PERCENTILE)
    clip = min(end * statistics.bin_width[0], statistics.amax[0])
    assert amax_by(statistics, "percentile")[name] == pytest.approx(clip)
    share = (np.abs(VALUES[name]) <= clip * (1 + 1e-6)).mean()
    assert share >= PERCENTILE / 100


@pytest.mark.parametrize("name", VALUES)
def test_no_clip_has_a_smaller_squared_error_than_that_by_mse(name: str) -> None:
    """On the values themselves, of which the method has seen a histogram."""
    values = VALUES[name][-4000:]
    statistics = Statistics.empty([name])
    statistics.add(0, values)
    found = slow_squared_error(values, amax_by(statistics, "mse")[name])
    width, amax = float(statistics.bin_width[0]), float(statistics.amax[0])
    clips = [*np.linspace(LEVELS * width, amax, 60)]
    least = min(slow_squared_error(values, clip) for clip in clips)
    # A bin says where a value is to a part of a step: of few different values that decides.
    assert found <= least * 1.02 + (width / 2) ** 2


@pytest.mark.parametrize("method", METHODS)
def test_a_clip_is_above_zero_and_at_most_the_largest_value(method: str) -> None:
    clips = amax_by(statistics_of(*VALUES), method)
    assert all(0 < clips[name] <= np.abs(values).max() for name, values in VALUES.items())


@pytest.mark.parametrize("method", METHODS)
def test_clips_follow_the_unit_of_the_tensor(method: str) -> None:
    """FP32 numbers times a power of two are the same numbers."""
    clips = amax_by(statistics_of(*VALUES), method)
    scaled = amax_by(statistics_of(*VALUES, unit=2.0**-30), method)
    assert {name: clip * 2**30 for name, clip in scaled.items()} == clips


@pytest.mark.parametrize("method", METHODS)
def test_a_silent_tensor_gets_a_scale_that_is_not_zero(method: str) -> None:
    statistics = Statistics.empty(["zeros", "never", "faint"])
    statistics.add(0, np.zeros(10, np.float32))
    statistics.add(2, np.array([1e-40, 0], np.float32))
    found = amax_by(statistics, method)
    assert found["zeros"] == found["never"] == SILENT_AMAX
    assert found["faint"] == pytest.approx(1e-40, rel=1e-3)
    assert clips_by(statistics, method)["zeros"] == clips_by(statistics, method)["never"] == (0, 0)


def test_a_range_is_what_was_seen_within_the_clip() -> None:
    statistics = statistics_of("relu")
    for method in METHODS:
        low, high = clips_by(statistics, method)["relu"]
        assert (low, high) == (0, amax_by(statistics, method)["relu"])
    low, high = clips_by(statistics_of("outlier"), "minmax")["outlier"]
    assert (low, high) == (VALUES["outlier"].min(), 30)


def test_another_method_is_refused() -> None:
    with pytest.raises(UsageError, match="minmax, entropy, percentile, mse, found max"):
        amax_by(statistics_of("normal"), "max")


def collected(values: np.ndarray, method: str, bins: int, levels: int) -> tuple[float, float]:
    """The range that ONNX Runtime's own collector chooses."""
    collector = calibrate.HistogramCollector(method, True, bins, levels, PERCENTILE, None)
    with contextlib.redirect_stdout(io.StringIO()):
        collector.collect({"t": values})
        low, high = collector.compute_collection_result()["t"][:2]
    return float(low), float(high)


@pytest.mark.parametrize("name", VALUES)
def test_percentiles_are_those_of_onnxruntime(name: str) -> None:
    """To one bin of each: theirs is where the bin begins, ours where it ends."""
    statistics = statistics_of(name)
    theirs = collected(VALUES[name], "percentile", BINS, LEVELS)[1]
    bins = float(statistics.bin_width[0] + statistics.amax[0] / BINS)
    assert amax_by(statistics, "percentile")[name] == pytest.approx(theirs, abs=bins)


@pytest.mark.parametrize("name", ["normal", "laplace", "uniform"])
def test_entropy_is_near_that_of_onnxruntime(name: str) -> None:
    """Its histogram has a sign and its last level takes all bins that are left over."""
    theirs = collected(VALUES[name], "entropy", 2 * BINS, 2 * LEVELS)
    clip = amax_by(statistics_of(name), "entropy")[name]
    assert clip == pytest.approx(max(-theirs[0], theirs[1]), rel=0.2)


def test_entropy_behind_a_relu_does_not_clip_half_of_the_range() -> None:
    """Why zeros are left out: ONNX Runtime, which counts them, clips to 60 % here."""
    theirs = collected(VALUES["relu"], "entropy", 2 * BINS, 2 * LEVELS)[1]
    ours = amax_by(statistics_of("relu"), "entropy")["relu"]
    values = VALUES["relu"][:4000]
    assert slow_squared_error(values, ours) < slow_squared_error(values, theirs) / 2


def test_minmax_is_that_of_onnxruntime_on_a_network(tmp_path: Path) -> None:
    model, inputs = small_network(), network_inputs(4)
    path, seen = tmp_path / "model.onnx", tmp_path / "augmented.onnx"
    path.write_bytes(model.SerializeToString())

    class Reader(calibrate.CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self):
            batch = next(self.left, None)
            return None if batch is None else {"images": batch}

    calibrator = calibrate.create_calibrator(path, None, augmented_model_path=str(seen))
    calibrator.collect_data(Reader())
    theirs = calibrator.compute_data()
    ours = collect(model, inputs)
    clips, names = clips_by(ours, "minmax"), set(ours.names)
    assert names <= set(theirs.keys())
    for name in names:
        low, high = (np.asarray(end).item() for end in theirs[name].range_value)
        assert ours.low[ours.names.index(name)] == pytest.approx(low, rel=1e-6)
        assert clips[name].high == pytest.approx(max(0.0, high), rel=1e-6)
