"""Metrics, read by the parser of Prometheus itself."""

import time

import pytest

from edgedet.runtime.camera.health import Health
from edgedet.runtime.outputs.metrics import METRICS, metrics_text

parser = pytest.importorskip(
    "prometheus_client.parser", reason="the parser of Prometheus is not installed"
)


def health(camera="camera"):
    made = Health(camera)
    made.captured(time.monotonic() - 60.0)
    for _ in range(10):
        made.captured(time.monotonic())
    for _ in range(4):
        made.dropped()
    made.processed(50.0, 30.0, 2)
    made.processed(50.0, 30.0, 0)
    return made


def samples(*healths):
    """Return {(name, labels...): value} as Prometheus reads it."""
    text = metrics_text([each.read() for each in healths])
    return {
        (sample.name,) + tuple(sorted(sample.labels.items())): sample.value
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_values():
    read = samples(health())
    camera = ("camera", "camera")
    expected = {
        "camera_fps": 2.0,
        "process_fps": 0.4,
        "detection_fps": 0.2,
        "skipped_fps": 0.8,
        "inference_speed_seconds": 0.03,
        "frame_age_seconds": 0.05,
        "camera_live": 1.0,
        "gaps_total": 0.0,
        "reopened_total": 0.0,
    }
    for name, value in expected.items():
        assert read["edgedet_" + name, camera] == pytest.approx(value)
    kinds = {"captured": 11, "dropped": 4, "processed": 2, "detected": 1}
    for kind, count in kinds.items():
        assert read["edgedet_frames_total", camera, ("kind", kind)] == count


def test_every_metric_tells_what_it_is():
    text = metrics_text([health().read()])
    families = {each.name: each for each in parser.text_string_to_metric_families(text)}
    assert len(families) == len(METRICS)
    for family in families.values():
        assert family.documentation.endswith(".")
        assert family.type in ("gauge", "counter")
        assert family.name.startswith("edgedet_")


def test_a_camera_without_a_frame_tells_no_age():
    read = samples(Health("new"))
    assert ("edgedet_frame_age_seconds", ("camera", "new")) not in read
    assert read["edgedet_camera_live", ("camera", "new")] == 0


def test_a_lost_camera():
    lost = health()
    lost.lost("gone")
    lost.reopened()
    read = samples(lost)
    camera = ("camera", "camera")
    assert read["edgedet_camera_live", camera] == 0
    assert read["edgedet_gaps_total", camera] == read["edgedet_reopened_total", camera] == 1
    assert read["edgedet_gap_seconds_total", camera] > 0


@pytest.mark.parametrize("name", ['a "b"', "back\\slash", "two\nlines", "\u00fcber", "{}", "a,b=c"])
def test_any_name_is_escaped(name):
    read = samples(health(name), health("other"))
    assert read["edgedet_camera_fps", ("camera", name)] == 2.0
    assert read["edgedet_camera_fps", ("camera", "other")] == 2.0
