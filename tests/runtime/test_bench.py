"""`measure` on a fake detector: what is called, in which order, and what is reported."""

import json
import os
import threading
from functools import partial

import numpy as np
import pytest
import tegrastats_lines
from fake_sensors import orin_sensors

from edgedet.runtime import bench, power_nvml
from edgedet.runtime.detections import Detections
from edgedet.runtime.errors import UsageError
from edgedet.runtime.power_watch import watch_power
from edgedet.runtime.synthetic_frames import synthetic_frames


class FakeBackend:
    def __init__(self, batch=1):
        self.batch = batch


class FakeDetector:
    """Counts its calls; one detection in every image."""

    def __init__(self, backend):
        self.backend = backend
        self.calls = []

    def preprocess(self, image, row=0):
        self.calls.append(("preprocess", image[0, 0, 0]))
        assert row < self.backend.batch
        return np.zeros((self.backend.batch, 3, 4, 4), np.float32), "placement"

    def infer(self, batch):
        self.calls.append(("infer", len(batch)))
        return batch

    def postprocess(self, outputs, index, placement):
        self.calls.append(("postprocess", index))
        assert placement == "placement"
        return Detections(np.zeros((1, 4)), np.ones(1), np.zeros(1))


class BackendWithRunOnly(FakeBackend):
    ran = 0

    def run_only(self):
        self.ran += 1


class Clock:
    """A clock that moves by the next number at each reading."""

    def __init__(self, steps):
        self.steps = list(steps)
        self.now = 0.0

    def __call__(self):
        self.now += self.steps.pop(0)
        return self.now


def frames(count):
    return [np.full((8, 6, 3), index, np.uint8) for index in range(count)]


def names(detector):
    return [name for name, _ in detector.calls]


def test_stages_are_timed_between_the_calls(monkeypatch):
    # start | preprocess 1 ms | infer 10 ms | postprocess 2 ms | start of run_only | 8 ms
    steps = [5.0, 0.001, 0.010, 0.002, 7.0, 0.008]
    monkeypatch.setattr(bench, "perf_counter", Clock(steps))
    report = bench.measure(FakeDetector(BackendWithRunOnly()), frames(1), 0, 1)
    medians = {name: times["median_ms"] for name, times in report["stages"].items()}
    assert medians == pytest.approx(
        {"preprocess": 1.0, "infer": 10.0, "postprocess": 2.0, "frame_to_result": 13.0}
    )
    assert report["network_only"]["median_ms"] == pytest.approx(8.0)
    assert report["network_only"]["fps"] == pytest.approx(125.0)
    assert report["engine_call"]["fps"] == pytest.approx(100.0)
    assert report["beyond_network_percent"] == pytest.approx(62.5)


def test_warm_up_is_run_but_not_reported_and_frames_take_turns():
    detector = FakeDetector(BackendWithRunOnly())
    report = bench.measure(detector, frames(3), warmup=2, iterations=4)
    seen = [value for name, value in detector.calls if name == "preprocess"]
    assert seen == [0, 1, 2, 0, 1, 2]
    assert names(detector)[:3] == ["preprocess", "infer", "postprocess"]
    assert detector.backend.ran == 6
    assert (report["warmup"], report["iterations"], report["frames"]) == (2, 4, 3)
    assert report["frame_sizes_hw"] == [[8, 6]]


def test_a_static_batch_takes_as_many_frames():
    detector = FakeDetector(FakeBackend(batch=4))
    report = bench.measure(detector, frames(3), warmup=0, iterations=2)
    assert names(detector).count("preprocess") == 8
    assert ("infer", 4) in detector.calls
    assert report["batch"] == 4
    assert report["detections_per_frame"] == 1.0
    whole = report["frame_to_result"]
    assert whole["fps"] == pytest.approx(4 * 1000.0 / whole["median_ms"], rel=0.02)


def test_without_run_only_the_engine_call_stands_in_and_says_so():
    report = bench.measure(FakeDetector(FakeBackend()), frames(1), 0, 3)
    assert report["network_only"]["median_ms"] == report["engine_call"]["median_ms"]
    assert report["network_only"]["how"] == bench.ENGINE_CALL_STANDS_IN


def test_a_report_is_json_with_a_schema_version():
    report = bench.measure(FakeDetector(FakeBackend()), frames(1), 0, 3)
    assert json.loads(json.dumps(report)) == report
    assert report["schema_version"] == bench.SCHEMA_VERSION


@pytest.fixture
def board(tmp_path, monkeypatch):
    """An Orin Nano in the place of this machine."""
    orin = orin_sensors(tmp_path)
    orin.tegrastats(tegrastats_lines.ORIN_NANO)
    monkeypatch.setattr(bench, "watch_power", partial(watch_power, root=str(tmp_path)))
    return orin


def test_power_temperature_and_clocks_are_part_of_the_report(board):
    detector = FakeDetector(FakeBackend())
    report = bench.measure(detector, frames(1), 0, 1, sustain_s=1.5)
    power = report["power"]
    assert json.loads(json.dumps(report)) == report
    assert power["total_power_w"]["mean"] == 16.321
    frame_s = report["stages"]["frame_to_result"]["mean_ms"] / 1000.0
    assert power["energy_per_frame_j"] == pytest.approx(16.321 * frame_s, rel=0.01)
    assert power["throttled"] is False
    assert report["power_missing"] is None


def test_a_sustained_run_takes_its_time_and_tells_how_it_held_out(board):
    detector = FakeDetector(FakeBackend(batch=2))
    report = bench.measure(detector, frames(2), warmup=1, iterations=3, sustain_s=2.2)
    sustained = report["sustained"]
    assert report["iterations"] > 3
    assert sustained["seconds"] == pytest.approx(2.2, abs=0.5)
    assert sum(one["iterations"] for one in sustained["slices"]) == report["iterations"]
    assert sustained["slices"][-1]["power_w"] == 16.321
    assert sustained["slices"][-1]["hottest_c"] == 58.625


def test_enough_calls_come_before_the_time_is_over():
    report = bench.measure(FakeDetector(FakeBackend()), frames(1), 0, 50, sustain_s=1e-6)
    assert report["iterations"] == 50
    assert report["sustained"]["slowed_percent"] is None


def test_without_sustain_there_are_no_slices_and_without_sensors_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "watch_power", partial(watch_power, root=str(tmp_path)))
    monkeypatch.setattr(power_nvml, "LIBRARY", "libnone.so.1")
    report = bench.measure(FakeDetector(FakeBackend()), frames(1), 0, 2)
    assert report["sustained"] is None
    assert report["power"] is None
    assert report["power_missing"].startswith("no tegrastats, no sensors in /sys")


def test_a_detector_that_fails_leaves_no_sampler(board):
    class Broken(FakeDetector):
        def infer(self, batch):
            assert board.tegrastats_pid
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.measure(Broken(FakeBackend()), frames(1))
    with pytest.raises(ProcessLookupError):
        os.kill(board.tegrastats_pid, 0)
    assert not [t for t in threading.enumerate() if t.name.startswith("edgedet-")]


def test_an_endless_source_is_cut():
    def camera():
        while True:
            yield frames(1)[0]

    report = bench.measure(FakeDetector(FakeBackend()), camera(), 0, 1)
    assert report["frames"] == bench.MAX_FRAMES


@pytest.mark.parametrize(
    ("count", "warmup", "iterations", "message"),
    [(0, 0, 1, "at least one image"), (1, 0, 0, "--iterations"), (1, -1, 1, "--warmup")],
)
def test_wrong_requests_are_refused(count, warmup, iterations, message):
    with pytest.raises(UsageError, match=message):
        bench.measure(FakeDetector(FakeBackend()), frames(count), warmup, iterations)


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_a_time_that_is_none_is_refused(seconds):
    with pytest.raises(UsageError, match="--sustain"):
        bench.measure(FakeDetector(FakeBackend()), frames(1), sustain_s=seconds)


def test_percentiles():
    assert bench.percentiles(range(101)) == {
        "median_ms": 50.0,
        "p90_ms": 90.0,
        "p99_ms": 99.0,
        "mean_ms": 50.0,
    }


def test_synthetic_frames_repeat_and_are_no_noise():
    first, second = synthetic_frames(2), synthetic_frames(2)
    assert np.array_equal(first, second)
    assert first[0].shape == (1080, 1920, 3)
    assert first[0].dtype == np.uint8
    assert (first[0] != first[1]).any()
    changes = np.abs(np.diff(first[0].astype(int), axis=1)).sum(axis=2) > 10
    assert changes.mean() < 0.01


def test_a_real_model_is_measured_on_real_stages(repo):
    pytest.importorskip("cv2")
    pytest.importorskip("onnxruntime")
    from edgedet.runtime.detector import open_detector

    with open_detector(repo / "tests" / "golden" / "tiny_detector.onnx", threads=1) as detector:
        report = bench.measure(detector, synthetic_frames(2, (48, 64)), 1, 3)
    assert all(times["median_ms"] > 0 for times in report["stages"].values())
    assert report["frame_sizes_hw"] == [[48, 64]]
