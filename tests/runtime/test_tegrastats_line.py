"""Lines of real boards, of every JetPack."""

import pytest
import tegrastats_lines as lines

from edgedet.runtime.power_reading import KINDS
from edgedet.runtime.power_report import total_power_w
from edgedet.runtime.tegrastats_line import parse_tegrastats, sound_temperatures


def parsed(line):
    return parse_tegrastats(line, 7.0)


def test_a_nano_of_jetpack_4():
    reading = parsed(lines.NANO)
    assert reading.time_s == 7.0
    assert reading.power_w == {"POM_5V_IN": 1.75, "POM_5V_GPU": 0.0, "POM_5V_CPU": 0.366}
    assert reading.clock_mhz == {"cpu": 1224.0, "gpu": 76.0, "memory": 1600.0}
    assert reading.load_percent == {"cpu": 4.5, "gpu": 0.0, "memory": 0.0}
    assert reading.temperature_c == {
        "pll": 37.0,
        "cpu": 40.0,
        "gpu": 40.0,
        "ao": 45.0,
        "thermal": 40.0,
    }
    assert reading.throttled is None  # tegrastats does not know


def test_without_root_there_is_no_gpu_clock_on_jetpack_4():
    reading = parsed(lines.NANO_AS_A_USER)
    assert reading.clock_mhz == {"cpu": 102.0}
    assert reading.load_percent["gpu"] == 0.0


def test_a_board_without_power_sensors():
    reading = parsed(lines.NANO_2GB)
    assert reading.power_w == {}
    assert reading.load_percent["cpu"] == 50.0
    assert total_power_w(reading) is None


def test_cores_that_are_off_do_not_count():
    reading = parsed(lines.TX2)
    assert reading.load_percent["cpu"] == 2.0
    assert reading.clock_mhz == {"cpu": 345.0, "gpu": 114.0, "memory": 40.0}


def test_jetpack_5_has_a_date_a_unit_and_brackets():
    reading = parsed(lines.XAVIER_NX)
    assert reading.power_w == {"VDD_IN": 2.763, "VDD_CPU_GPU_CV": 0.65, "VDD_SOC": 0.65}
    assert reading.clock_mhz == {"cpu": 1397.0, "gpu": 114.0, "memory": 204.0}
    assert reading.temperature_c["thermal"] == 45.6


def test_parts_that_are_switched_off():
    reading = parsed(lines.AGX_ORIN_JETPACK5)
    assert "gpu" not in reading.clock_mhz
    assert set(reading.temperature_c) == {"cpu", "tboard", "soc2", "tdiode", "soc0", "tj", "soc1"}
    assert "NC" not in reading.power_w


def test_jetpack_6_writes_small_letters():
    reading = parsed(lines.ORIN_NANO)
    assert reading.temperature_c["gpu"] == 58.625
    assert reading.clock_mhz["gpu"] == 612.0
    assert reading.load_percent["gpu"] == 99.0
    assert parsed(lines.AGX_ORIN).clock_mhz == {"cpu": 2201.0, "memory": 2133.0}


def test_one_clock_for_all_cores():
    reading = parsed(lines.ONE_CLOCK)
    assert (reading.load_percent["cpu"], reading.clock_mhz["cpu"]) == (25.0, 1734.0)


@pytest.mark.parametrize(
    ("line", "watts"),
    [
        (lines.NANO, 1.75),
        (lines.TX1, 2.532),
        (lines.TX2, 2.003),
        (lines.AGX_XAVIER, 0.216 + 0.864 + 0.144 + 1.889),
        (lines.XAVIER_NX_JETPACK4, 6.14),
        (lines.XAVIER_NX, 2.763),
        (lines.AGX_ORIN_JETPACK5, 2.399 + 0.4 + 4.032),
        (lines.AGX_ORIN, 2.412 + 1.607 + 4.707),
        (lines.ORIN_NANO, 16.321),
    ],
)
def test_the_whole_power_of_a_board(line, watts):
    assert total_power_w(parsed(line)) == pytest.approx(watts)


@pytest.mark.parametrize("line", lines.EVERY_LINE)
def test_memory_is_no_rail_and_placeholders_are_no_heat(line):
    reading = parsed(line)
    assert not {"RAM", "SWAP", "IRAM"} & set(reading.power_w)
    assert "pmic" not in reading.temperature_c
    assert all(0 < degrees < 100 for degrees in reading.temperature_c.values())


def test_a_rail_near_zero_may_read_below_it():
    line = "GR3D_FREQ 0% VDD_GPU -392mW/0mW VDD_CPU_SOC_MSS 3924mW/3924mW VIN 9000mW/9000mW"
    assert parsed(line).power_w["VDD_GPU"] == -0.392
    assert total_power_w(parsed(line)) == 9.0


@pytest.mark.parametrize(
    "line", ["", "\n", "Cannot access fan", "RAM", "CPU []", "GR3D_FREQ", "GPU@C CPU@x", "\0\xff"]
)
def test_what_is_not_understood_is_left_out(line):
    reading = parsed(line)
    assert not any(getattr(reading, kind) for kind in KINDS)


@pytest.mark.parametrize("line", lines.EVERY_LINE)
def test_a_line_cut_anywhere_still_parses(line):
    whole = parsed(line)
    for length in range(len(line)):
        part = parsed(line[:length])
        assert set(part.temperature_c) <= set(whole.temperature_c)


def test_names_of_sensors_are_the_same_whoever_tells():
    zones = {"CPU-therm": 40.0, "gpu-thermal": 41.0, "PMIC-Die": 100.0, "cv0-thermal": -256.0}
    assert sound_temperatures(zones) == {"cpu": 40.0, "gpu": 41.0}
