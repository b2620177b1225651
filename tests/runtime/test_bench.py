"""`measure` on a fake detector: what is called, in which order, and what is reported."""

import json

import numpy as np
import pytest

from edgedet.runtime import bench
from edgedet.runtime.detections import Detections
from edgedet.runtime.errors import UsageError
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
