"""Sensors and signs of throttling in the kernel's files."""

import pytest
from fake_sensors import FakeSensors, nano_sensors, orin_sensors

from edgedet.runtime.machine import Machine
from edgedet.runtime.power_report import total_power_w
from edgedet.runtime.power_sysfs import MOST_POLICIES, SysfsSource
from edgedet.runtime.throttle_signs import ThrottleSigns


@pytest.fixture
def nano(tmp_path):
    return nano_sensors(tmp_path)


@pytest.fixture
def orin(tmp_path):
    return orin_sensors(tmp_path)


def source_of(fake, **settings):
    return SysfsSource(Machine(str(fake.root)), **settings)


def test_a_nano(nano):
    source = source_of(nano)
    reading = source.read()
    assert reading.power_w == {"POM_5V_IN": 5.25, "POM_5V_GPU": 2.1, "POM_5V_CPU": 0.9}
    assert reading.temperature_c == {"ao": 45.0, "cpu": 40.5, "gpu": 40.0}
    assert reading.clock_mhz == pytest.approx({"gpu": 921.6, "cpu": 1479.0})
    assert reading.load_percent == pytest.approx({"gpu": 98.5})
    assert reading.throttled == ()
    assert source.limits == {"gpu": 921.6}
    assert total_power_w(reading) == 5.25


def test_an_orin(orin):
    reading = source_of(orin).read()
    assert reading.power_w == pytest.approx({"VDD_IN": 5.0, "VDD_CPU_GPU_CV": 1.0, "VDD_SOC": 1.5})
    assert reading.temperature_c == {"cpu": 51.0, "gpu": 50.0, "tj": 51.5}
    assert reading.clock_mhz == {"gpu": 306.0, "cpu": 1728.0}
    assert reading.throttled == ()


def test_beside_tegrastats_the_rails_are_left_to_it(nano):
    reading = source_of(nano, beside_tegrastats=True).read()
    assert (reading.power_w, reading.temperature_c) == ({}, {})
    assert reading.clock_mhz == pytest.approx({"gpu": 921.6})
    assert reading.throttled == ()


def test_a_machine_without_sensors(tmp_path):
    source = source_of(FakeSensors(tmp_path))
    assert not source
    assert source.read().throttled is None


def test_a_sensor_that_goes_away_is_left_out(nano):
    source = source_of(nano)
    (nano.root / "sys/class/thermal/thermal_zone2/temp").unlink()
    nano.file("sys/class/thermal/thermal_zone1/temp", "")
    nano.file("sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input", "nonsense")
    reading = source.read()
    assert reading.temperature_c == {"ao": 45.0}
    assert set(reading.power_w) == {"POM_5V_GPU", "POM_5V_CPU"}


def test_a_pc(tmp_path):
    pc = FakeSensors(tmp_path)
    pc.zone(0, "acpitz", 27800)
    pc.zone(1, "x86_pkg_temp", 71000)
    pc.zone(2, "iwlwifi_1", 55000)
    pc.file("sys/class/hwmon/hwmon2/name", "k10temp\n")
    pc.file("sys/class/hwmon/hwmon2/temp1_input", "64250\n")
    for number in range(MOST_POLICIES + 4):
        pc.cpu_policy(number, 3000000 + number)
    reading = source_of(pc).read()
    assert reading.temperature_c == {"x86_pkg_temp": 71.0, "cpu": 64.25}
    assert reading.clock_mhz["cpu"] == pytest.approx(3000, abs=1)
    assert reading.throttled is None


def signs_of(fake):
    return ThrottleSigns(Machine(str(fake.root)))


def test_a_fan_and_a_hot_surface_hold_nothing_down(orin):
    assert signs_of(orin).active() == ()


@pytest.mark.parametrize(
    ("number", "name"),
    [(9, "cpu-throttle-alert"), (0, "cpufreq-cpu0"), (6, "devfreq-17000000.gpu")],
)
def test_a_cooling_device_at_work(orin, number, name):
    signs = signs_of(orin)
    orin.cooling(number, name, 2)
    assert signs.active() == (name,)
    orin.cooling(number, name, 0)
    assert signs.active() == ()


def test_low_voltage_and_over_current_count_from_here_on(orin):
    signs = signs_of(orin)
    assert signs.active() == ()  # what was counted before is not this run's
    orin.over_current(3, 38)
    assert signs.active() == ("low voltage or over-current (OC3)",)
    assert signs.active() == ()


def test_an_intel_package_that_is_too_hot(tmp_path):
    pc = FakeSensors(tmp_path)
    pc.package_throttled(4)
    signs = signs_of(pc)
    assert signs.active() == ()
    pc.package_throttled(5)
    assert signs.active() == ("CPU package too hot",)


def test_a_counter_that_starts_again_or_fails_for_once_is_no_event(orin):
    signs = signs_of(orin)
    orin.over_current(2, 0)
    assert signs.active() == ()
    (orin.root / "sys/class/hwmon/hwmon3/oc3_event_cnt").unlink()
    assert signs.active() == ()
    orin.over_current(3, 37)
    assert signs.active() == ()
