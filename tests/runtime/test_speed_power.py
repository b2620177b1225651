"""Power and a sustained run in the report of a measurement and in its text."""

from functools import partial

import pytest
import tegrastats_lines
from fake_sensors import orin_sensors
from test_bench import FakeBackend, FakeDetector

from edgedet.runtime import bench
from edgedet.runtime.power_watch import watch_power
from edgedet.runtime.spec import ModelSpec
from edgedet.runtime.speed_report import SpeedRequest, speed_report
from edgedet.runtime.speed_text import speed_text

ABOUT = {"model": "model.onnx", "device": "cpu"}


class OpenDetector(FakeDetector):
    spec = ModelSpec(("car",), (64, 64))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def board(tmp_path, monkeypatch):
    """An Orin Nano in the place of this machine."""
    orin = orin_sensors(tmp_path)
    orin.tegrastats(tegrastats_lines.ORIN_NANO)
    monkeypatch.setattr(bench, "watch_power", partial(watch_power, root=str(tmp_path)))
    return orin


def report_for(request):
    return speed_report(lambda: OpenDetector(FakeBackend()), ABOUT, request)


def test_a_sustained_request_on_a_board_that_is_held_back(board):
    board.cooling(9, "cpu-throttle-alert", 1)
    report = report_for(SpeedRequest(iterations=1, warmup=0, sustain_s=2.2))
    text = speed_text(report)
    for part in (
        "THROTTLED: cpu-throttle-alert (100 %) of ",
        "power VDD_IN W",
        "clock gpu MHz",
        "readings in 2.",
        "J a frame, out of VDD_IN",
        "sustained: the last part of 2.",
    ):
        assert part in text, part
    assert text.index("THROTTLED") < text.index("frame to result")
    assert text.encode("ascii")


def test_a_short_request_without_sensors(tmp_path, monkeypatch):
    monkeypatch.setattr(bench, "watch_power", partial(watch_power, root=str(tmp_path)))
    report = report_for(SpeedRequest(iterations=1, warmup=0))
    text = speed_text(report)
    assert "power: not readable (no tegrastats" in text
    assert "sustained" not in text
