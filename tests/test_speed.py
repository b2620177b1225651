"""The speed report: what it holds, how it reads, and the papers' rows beside it."""

import json
from pathlib import Path

import numpy as np
import pytest

from edgedet import opening
from edgedet.runtime.detections import Detections
from edgedet.runtime.errors import DataError
from edgedet.runtime.spec import ModelSpec
from edgedet.runtime.speed_report import SpeedRequest
from edgedet.speed import measure_on_cpu
from edgedet.speed_comparison import compare_with_published, comparison_as_json
from edgedet.speed_table import speed_text

MODEL = Path("model.onnx")


class FakeBackend:
    batch = 1

    def run_only(self):
        """Takes no time."""


class FakeDetector:
    def __init__(self, provenance):
        self.backend = FakeBackend()
        self.spec = ModelSpec(("car",), (512, 512), provenance=provenance)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def preprocess(self, image, row):
        return np.zeros((1, 3, 4, 4), np.float32), None

    def infer(self, batch):
        return batch

    def postprocess(self, outputs, row, placement):
        return Detections.empty()


@pytest.fixture
def opened(monkeypatch):
    """Opens a fake detector instead of a file; returns what it was asked for."""
    asked = {"provenance": {"builder": "scale_aware_ssd", "precision": "float32"}}

    def open_fake(path, **settings):
        asked.update(settings, path=path)
        return FakeDetector(asked["provenance"])

    monkeypatch.setattr(opening, "open_any", open_fake)
    return asked


@pytest.fixture
def report(opened):
    return measure_on_cpu(MODEL, SpeedRequest(threads=2, iterations=2, warmup=1))


def test_without_a_source_the_report_says_synthetic(report, opened):
    assert report["source"] == "synthetic frames"
    assert report["frame_sizes_hw"] == [[1080, 1920]]
    assert opened["threads"] == 2
    assert report["environment"]["threads"] == 2
    assert json.loads(json.dumps(report)) == report


def test_a_source_is_read_through_the_runtime(opened, tmp_path):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((40, 60, 3), np.uint8))
    report = measure_on_cpu(MODEL, SpeedRequest(str(tmp_path), iterations=1))
    assert report["source"] == str(tmp_path)
    assert report["frame_sizes_hw"] == [[40, 60]]


def test_a_source_that_is_not_there_is_a_data_error(opened):
    with pytest.raises(DataError):
        measure_on_cpu(MODEL, SpeedRequest("nowhere.jpg"))


def test_published_rows_and_every_differing_condition(report):
    comparison = compare_with_published(report)
    assert [row.values["mean_FPS"] for row in comparison.speed] == [200, 200]
    assert [row.values["AP50"] for row in comparison.accuracy] == [78.7, 86.4]
    conditions = {c.name: (c.published, c.ours) for c in comparison.conditions}
    assert conditions["hardware"][0] == "Nvidia RTX 3090"
    assert conditions["precision"] == ("not stated", "float32")
    assert conditions["batch"] == ("not stated", "1")
    assert "input size" not in conditions  # 512x512 in both: no difference to name
    assert {"what is timed", "images"} <= set(conditions)


def test_another_input_size_is_named(report):
    comparison = compare_with_published({**report, "input_size_hw": [320, 416]})
    conditions = {c.name: (c.published, c.ours) for c in comparison.conditions}
    assert conditions["input size"] == ("512x512", "416x320")


def test_the_comparison_as_json(report):
    plain = comparison_as_json(compare_with_published(report))
    assert json.loads(json.dumps(plain)) == plain
    assert {row["table"] for row in plain["rows"]} == {"ssd.T3", "ssd.T4"}
    assert comparison_as_json(None) is None


def test_the_text_shows_speeds_rows_conditions_and_the_jetson_note(report):
    text = speed_text(report, compare_with_published(report))
    for part in (
        "network only",
        "engine call with copies",
        "frame to result",
        "postprocess",
        "synthetic frames",
        "FPS from medians",
        "Custom_SSD_custom_pipeline",
        "Nvidia RTX 3090",
        "8-10 FPS on Jetson Nano",
        "not stated",
    ):
        assert part in text, part
    assert text.isascii()


def test_without_comparison_no_published_row_is_shown(report):
    assert "Custom_SSD" not in speed_text(report)


def test_what_is_proven_of_a_model_is_that_of_its_precision(report):
    exact, int8 = (
        speed_text({**report, "model": "model.onnx", "precision": precision})
        for precision in ("float32", "int8")
    )
    assert "parity: " in exact
    assert "lost more AP" not in exact
    assert "parity: " not in int8
    assert "lost more AP than allowed" in int8


def test_a_model_of_no_paper_says_so(report):
    unknown = {**report, "builder": None, "precision": None}
    assert "no paper of ours gives a speed" in speed_text(unknown, compare_with_published(unknown))


def test_a_busy_machine_is_shouted(report):
    environment = {**report["environment"], "machine_busy": True, "load_average": [3.0, 1.0, 1.0]}
    assert "MACHINE BUSY: load average 3.0" in speed_text({**report, "environment": environment})
    calm = {**report["environment"], "machine_busy": False}
    assert "MACHINE BUSY" not in speed_text({**report, "environment": calm})
