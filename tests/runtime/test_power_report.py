"""Figures out of readings."""

import pytest

from edgedet.runtime.power_reading import Reading
from edgedet.runtime.power_report import power_report, spread, throttle_shares, total_power_w


def test_least_mean_most_first_and_last():
    assert spread([3.0, 1.0, 2.0]) == {
        "min": 1.0,
        "mean": 2.0,
        "max": 3.0,
        "first": 3.0,
        "last": 2.0,
    }


def test_readings_that_tell_nothing_make_no_report():
    assert power_report([], 1.0) is None
    assert power_report([Reading(0.0), Reading(1.0)], 1.0) is None


def test_a_source_that_only_knows_throttling_makes_one():
    report = power_report([Reading(0.0, throttled=())], 1.0)
    assert (report["throttled"], report["power_w"], report["total_power_w"]) == (False, {}, None)


def test_readings_of_several_sources_come_together():
    readings = [
        Reading(0.0, power_w={"VDD_IN": 4.0}, temperature_c={"gpu": 50.0}),
        Reading(0.1, clock_mhz={"gpu": 900.0}, throttled=("gpu-throttle-alert",)),
        Reading(0.5, power_w={"VDD_IN": 6.0}, temperature_c={"gpu": 60.0}),
        Reading(0.6, clock_mhz={"gpu": 600.0}, throttled=()),
    ]
    report = power_report(readings, frame_s=0.1)
    assert report["total_power_w"]["mean"] == 5.0
    assert report["energy_per_frame_j"] == 0.5
    assert report["clock_mhz"]["gpu"]["min"] == 600.0
    assert report["temperature_c"]["gpu"]["last"] == 60.0
    assert report["throttled"] is True
    assert report["throttle_reasons"] == {"gpu-throttle-alert": 0.5}
    assert report["readings"] == 4


def test_whether_it_was_throttled_is_unknown_where_nothing_tells():
    assert throttle_shares([Reading(0.0)]) is None
    assert power_report([Reading(0.0, {"VDD_IN": 1.0})], 1.0)["throttled"] is None


@pytest.mark.parametrize(
    ("rails", "watts"),
    [
        ({"VDD_IN": 5.0, "VDD_SOC": 2.0}, 5.0),
        ({"VDD_GPU_SOC": 1.0, "VDD_CPU_CV": 2.0, "VIN_SYS_5V0": 4.0, "VDDQ_VDD2_1V8AO": 9.0}, 7.0),
        ({"VDD_GPU_SOC": 1.0, "VDD_CPU_CV": 2.0}, None),  # a part is not the whole
        ({"gpu": 300.0}, 300.0),
        ({}, None),
    ],
)
def test_the_whole_power(rails, watts):
    assert total_power_w(Reading(0.0, rails)) == watts
