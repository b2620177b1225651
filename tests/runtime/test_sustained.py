"""A long run in slices of time."""

import json

import numpy as np
import pytest

from edgedet.runtime.passes import Pass, Passes
from edgedet.runtime.power_reading import Reading
from edgedet.runtime.sustained import SLICES, sustained_report


def passes_of(times_ms, begin_s=100.0):
    passes, now = Passes(), begin_s
    for time_ms in times_ms:
        now += time_ms / 1000.0
        passes.add(Pass(0.0, time_ms, 0.0, time_ms, time_ms, 2.0, now))
    return passes


def nothing(from_s, to_s):
    return []


def test_a_device_that_gets_hot():
    times = [10.0] * 500 + [20.0] * 250  # 5 s, and 5 s at half the clock
    report = sustained_report(passes_of(times), 1, nothing)
    assert json.loads(json.dumps(report)) == report
    assert report["seconds"] == 10.0
    assert len(report["slices"]) == SLICES
    assert [one["fps"] for one in report["slices"]] == [100.0] * 5 + [50.0] * 5
    assert sum(one["iterations"] for one in report["slices"]) == 750
    assert report["slices"][-1]["to_s"] == 10.0
    assert report["slowed_percent"] == 100.0


def test_the_sensors_of_each_slice():
    def between(from_s, to_s):
        hot = from_s > 104.0
        reasons = ("power limit",) if hot else ()
        watts, degrees, mhz = (4.0, 85.0, 600.0) if hot else (6.0, 60.0, 900.0)
        return [Reading(from_s, {"VDD_IN": watts}, {"gpu": degrees}, {"gpu": mhz}, {}, reasons)]

    slices = sustained_report(passes_of([10.0] * 1000), 1, between)["slices"]
    first, last = slices[0], slices[-1]
    assert (first["power_w"], first["hottest_c"], first["clock_mhz"]) == (6.0, 60.0, {"gpu": 900.0})
    assert first["throttle_reasons"] == {}
    assert last["clock_mhz"] == {"gpu": 600.0}
    assert last["throttle_reasons"] == {"power limit": 1.0}


def test_without_sensors():
    (one,) = sustained_report(passes_of([10.0] * 3), 4, nothing)["slices"]
    assert (one["power_w"], one["hottest_c"], one["clock_mhz"]) == (None, None, {})
    assert (one["iterations"], one["fps"]) == (3, 400.0)


@pytest.mark.parametrize("times", [[5.0], [900.0], [4000.0, 5000.0, 4000.0], [0.0, 0.0]])
def test_few_and_slow_calls(times):
    report = sustained_report(passes_of(times), 1, nothing)
    assert sum(one["iterations"] for one in report["slices"]) == len(times)
    assert len(report["slices"]) <= max(1, len(times))


def test_slices_without_a_call_are_left_out():
    report = sustained_report(passes_of([100.0] * 20 + [6000.0, 2000.0]), 1, nothing)
    assert sum(one["iterations"] for one in report["slices"]) == 22
    assert all(one["iterations"] for one in report["slices"])


def test_one_slice_has_nothing_to_compare_with():
    assert sustained_report(passes_of([5.0] * 4), 1, nothing)["slowed_percent"] is None


def test_passes_keep_their_numbers_in_few_bytes():
    passes = passes_of([1.0, 2.5])
    assert len(passes) == 2
    assert passes.column("frame_to_result").tolist() == [1.0, 2.5]
    assert passes.column("end_s").tolist() == pytest.approx([100.001, 100.0035])
    assert passes.column("detections").dtype == np.float64
    assert Passes().column("infer").shape == (0,)
