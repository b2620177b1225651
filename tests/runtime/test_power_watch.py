"""Watching a run: what is reported of it, and that nothing goes on afterwards."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
import tegrastats_lines as lines
from fake_nvml import compile_nvml
from fake_sensors import FakeSensors, nano_sensors, orin_sensors

from edgedet.runtime import gpu_identity, power_nvml, power_poller, power_watch
from edgedet.runtime.power_watch import INTERVAL_S, watch_power

FAST_S = 0.05


@pytest.fixture(autouse=True)
def _no_card_and_nothing_left(monkeypatch):
    monkeypatch.setattr(power_nvml, "LIBRARY", "libnone.so.1")
    monkeypatch.setattr(gpu_identity, "DRIVER", "libnone.so.1")
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in threading.enumerate() if thread not in before]


@pytest.fixture
def nvml(tmp_path_factory, monkeypatch):
    library = compile_nvml(tmp_path_factory.mktemp("nvml"))
    library.reset()
    monkeypatch.setattr(power_nvml, "LIBRARY", library.path)
    yield library
    assert library.open == 0


@pytest.fixture
def fast(monkeypatch):
    monkeypatch.setattr(power_watch, "INTERVAL_S", FAST_S)


def watch(fake):
    return watch_power(root=str(fake.root))


def report_of(fake, seconds, frame_s=0.1):
    with watch(fake) as watching:
        watching.begin()
        time.sleep(seconds)
    return watching.report(frame_s)


def test_a_machine_without_sensors_says_why(tmp_path):
    told = report_of(FakeSensors(tmp_path), 0)
    assert told["power"] is None
    for reason in ("no tegrastats", "no sensors in /sys", "libnone.so.1"):
        assert reason in told["power_missing"]


def test_a_nano_with_tegrastats(tmp_path, fast):
    nano = nano_sensors(tmp_path)
    nano.tegrastats(lines.NANO)
    with watch(nano) as watching:
        pid = nano.tegrastats_pid
        watching.begin()
        time.sleep(0.5)
        nano.cooling(1, "gpu-throttle-alert", 1)
        time.sleep(0.5)
    told = watching.report(frame_s=0.2)
    power = told["power"]
    assert told["power_missing"] is None
    assert json.loads(json.dumps(power)) == power
    assert power["sources"] == ["tegrastats", "sysfs"]
    assert power["power_w"]["POM_5V_IN"] == dict.fromkeys(
        ("min", "mean", "max", "first", "last"), 1.75
    )
    assert power["total_power_w"]["of"] == "POM_5V_IN"
    assert power["seconds"] == pytest.approx(1.0, abs=0.8)
    assert power["energy_per_frame_j"] == pytest.approx(0.35)
    assert power["temperature_c"]["gpu"]["max"] == 40.0
    assert power["clock_mhz"]["gpu"]["max"] == 921.6
    assert power["highest_clock_mhz"] == {"gpu": 921.6}
    assert power["throttled"] is True
    assert 0 < power["throttle_reasons"]["gpu-throttle-alert"] < 1
    assert power["faults"] == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_container_on_an_orin_reads_the_files(tmp_path, fast):
    power = report_of(orin_sensors(tmp_path), 0.2)["power"]
    assert power["sources"] == ["sysfs"]
    assert power["total_power_w"]["mean"] == pytest.approx(5.0)
    assert power["throttled"] is False
    assert power["throttle_reasons"] == {}
    assert power["readings"] >= 2


def test_a_card(tmp_path, nvml, fast):
    nvml.set("reasons", 0x04)
    power = report_of(FakeSensors(tmp_path), 0.2, frame_s=0.01)["power"]
    assert power["sources"] == ["nvml (NVIDIA GeForce RTX 3090)"]
    assert power["total_power_w"]["of"] == "gpu"
    assert power["total_power_w"]["mean"] == 312.5
    assert power["energy_per_frame_j"] == pytest.approx(3.125)
    assert power["highest_clock_mhz"] == {"gpu": 2100.0}
    assert power["throttle_reasons"] == {"power limit": 1.0}


def test_a_card_that_does_nothing_has_no_energy_per_frame(tmp_path, nvml, fast):
    nvml.set("load", 0)
    power = report_of(FakeSensors(tmp_path), 0.1)["power"]
    assert power["total_power_w"]["mean"] == 312.5
    assert power["energy_per_frame_j"] is None


def test_a_card_that_is_lost_in_the_run(tmp_path, nvml, fast):
    with watch(FakeSensors(tmp_path)) as watching:
        watching.begin()
        time.sleep(0.2)
        nvml.fail("nvmlDeviceGetPowerUsage", 15)
        time.sleep(0.2)
    power = watching.report(1)["power"]
    assert power["power_w"]["gpu"]["mean"] == 312.5
    assert power["faults"] == ["nvmlDeviceGetPowerUsage: GPU is lost"]


def test_the_shortest_run_has_its_readings(tmp_path, nvml):
    power = report_of(FakeSensors(tmp_path), 0)["power"]
    assert power["readings"] >= 1
    assert power["clock_mhz"]["gpu"]["mean"] == 1695.0


def test_what_was_before_the_work_does_not_count(tmp_path, nvml, fast):
    nvml.set("degrees", 30)
    with watch(FakeSensors(tmp_path)) as watching:
        time.sleep(0.2)
        nvml.set("degrees", 80)
        watching.begin()
    assert watching.report(1)["power"]["temperature_c"]["gpu"]["min"] == 80.0


def test_it_is_read_twice_a_second(tmp_path, nvml):
    assert INTERVAL_S >= 0.2
    with watch(FakeSensors(tmp_path)):
        time.sleep(1.3)
    assert nvml.calls("nvmlDeviceGetPowerUsage") <= 5  # two at the start, one at the end


def test_a_run_of_hours_is_read_less_often(tmp_path):
    day = watch_power(24 * 3600.0, str(tmp_path))
    assert day._interval_s == pytest.approx(8.64)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_everything_ends_on_every_way_out(tmp_path, nvml, error):
    board = FakeSensors(tmp_path)
    board.tegrastats(lines.NANO)
    board.cooling(0, "cpufreq-cpu0", 0)
    pids = []

    def run():
        with watch(board):
            pids.append(board.tegrastats_pid)
            raise error

    with pytest.raises(error):
        run()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_source_that_fails_is_told_and_ends_nothing(tmp_path, monkeypatch, fast):
    orin = orin_sensors(tmp_path)
    with watch(orin) as watching:
        time.sleep(0.1)
        monkeypatch.setattr(watching._sources.polled[0], "_sensors", [None])
        time.sleep(0.2)
    power = watching.report(1)["power"]
    assert "reading the sensors failed" in power["faults"][0]


def test_a_sensor_that_hangs_is_left_behind(tmp_path, nvml, monkeypatch):
    monkeypatch.setattr(power_poller, "STOP_WAIT_S", 0.2)
    started = time.monotonic()
    with watch(FakeSensors(tmp_path)) as watching:
        time.sleep(0.1)
        nvml.delay_ms("nvmlDeviceGetTemperature", 1500)
    assert time.monotonic() - started < 1.4
    assert watching.report(1)["power"]["faults"] == ["reading the sensors hangs"]
    while nvml.open:  # closed by its own thread when the call came back
        time.sleep(0.05)
    time.sleep(0.1)


def test_a_tegrastats_that_says_nothing(tmp_path):
    board = FakeSensors(tmp_path)
    board.tegrastats(lines.NANO, prelude="sys.exit(1)")
    with watch(board) as watching:
        until = time.monotonic() + 20
        while not watching._faults() and time.monotonic() < until:
            time.sleep(0.01)
    told = watching.report(1)
    assert told["power"] is None
    assert told["power_missing"] == (
        "no reading from tegrastats: tegrastats ended with exit code 1"
    )


def test_a_run_shorter_than_a_reading_says_so(tmp_path):
    board = FakeSensors(tmp_path)
    board.tegrastats(lines.NANO, prelude="time.sleep(60)")
    told = report_of(board, 0)
    assert told["power"] is None
    assert told["power_missing"].startswith("no reading from tegrastats: none in 0.")


def test_no_descriptor_is_left_open(tmp_path, nvml):
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("no /proc/self/fd to count open files")
    board = FakeSensors(tmp_path)
    board.tegrastats(lines.NANO)
    report_of(board, 0)
    before = len(list(folder.iterdir()))
    for _ in range(3):
        report_of(board, 0)
    assert len(list(folder.iterdir())) == before
