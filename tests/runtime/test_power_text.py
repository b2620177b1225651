"""Sensors and a sustained run as text."""

from test_sustained import nothing, passes_of

from edgedet.runtime.power_reading import Reading
from edgedet.runtime.power_report import power_report
from edgedet.runtime.power_text import power_lines, throttle_lines
from edgedet.runtime.sustained import sustained_report

FACTS = {"sources": ["tegrastats"], "seconds": 2.0, "faults": [], "interval_s": 0.5}


def report_of(readings, **facts):
    power = dict(FACTS, **power_report(readings, 0.2))
    return {"power": dict(power, **facts), "power_missing": None, "sustained": None}


def text_of(report):
    return "\n".join(power_lines(report))


BOARD = Reading(
    0.0,
    {"VDD_IN": 5.0},
    {"gpu": 61.5, "cpu": 58.0},
    {"gpu": 921.6, "memory": 1600.0},
    {"gpu": 99.0},
    (),
)


def test_a_board():
    text = text_of(report_of([BOARD]))
    for part in (
        "power VDD_IN W",
        "clock gpu MHz",
        "921.60",
        "1600",
        "hottest sensor (gpu) C",
        "61.50",
        "1 readings in 2.0 s by tegrastats",
        "energy: 1 J a frame, out of VDD_IN",
        "throttling: none seen",
    ):
        assert part in text, part
    assert "cpu) C" not in text
    assert text.encode("ascii")
    assert list(throttle_lines(report_of([BOARD]))) == []


def test_throttling_is_shouted():
    report = report_of([BOARD, BOARD._replace(throttled=("power limit",))])
    (line,) = throttle_lines(report)
    assert line.startswith("THROTTLED: power limit (50 %) of 2 readings")
    assert "throttling:" not in text_of(report)


def test_faults_and_what_cannot_be_told():
    text = text_of(report_of([BOARD._replace(throttled=None)], faults=["tegrastats ended"]))
    assert "throttling: cannot be told here" in text
    assert "sensors: tegrastats ended" in text


def test_without_sensors():
    report = {"power": None, "power_missing": "no tegrastats", "sustained": None}
    assert text_of(report) == "power: not readable (no tegrastats)"
    assert list(throttle_lines(report)) == []


def test_only_throttling_is_known():
    text = text_of(report_of([Reading(0.0, throttled=())]))
    assert "|" not in text
    assert "throttling: none seen" in text


def test_a_sustained_run_shows_what_is_known():
    sustained = sustained_report(passes_of([10.0] * 300 + [12.0] * 250), 1, nothing)
    text = text_of({"power": None, "power_missing": "none", "sustained": sustained})
    assert "sustained: the last part of 6.0 s takes 20.0 % longer than the fastest" in text
    assert "power W" not in text
    assert "83.33" in text
    short = sustained_report(passes_of([10.0] * 3), 1, nothing)
    assert "too few calls in 0.03 s" in text_of({"power": None, "sustained": short})
