"""A card's readings, from a small real library in the place of NVIDIA's."""

import pytest
from fake_nvml import compile_nvml

from edgedet.runtime import gpu_identity, power_nvml
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.power_nvml import NvmlSource, throttle_reasons
from edgedet.runtime.power_report import power_report

GPU_IS_LOST = 15
NOT_SUPPORTED = 3
ASKED_EACH_TIME = [
    ("nvmlDeviceGetPowerUsage", "power_w", "gpu"),
    ("nvmlDeviceGetTemperature", "temperature_c", "gpu"),
    ("nvmlDeviceGetUtilizationRates", "load_percent", "gpu"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return compile_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="module")
def old_library(tmp_path_factory):
    return compile_nvml(tmp_path_factory.mktemp("old_nvml"), "-DBEFORE_535")


@pytest.fixture
def nvml(library, monkeypatch):
    library.reset()
    monkeypatch.setattr(power_nvml, "LIBRARY", library.path)
    monkeypatch.setattr(gpu_identity, "DRIVER", "libnone.so.1")
    return library


@pytest.fixture
def card(nvml):
    source = NvmlSource()
    yield source
    source.close()
    assert nvml.open == 0


def test_what_a_card_says(card):
    reading = card.read()
    assert reading.power_w == {"gpu": 312.5}
    assert reading.temperature_c == {"gpu": 66.0}
    assert reading.clock_mhz == {"gpu": 1695.0, "memory": 9751.0}
    assert reading.load_percent == {"gpu": 97.0}
    assert reading.throttled == ()
    assert card.name == "nvml (NVIDIA GeForce RTX 3090)"
    assert card.limits == {"gpu": 2100.0}
    assert card.faults == set()


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0x00, ()),
        (0x01, ()),  # idle
        (0x02 | 0x10 | 0x100, ()),  # settings of the user
        (0x04, ("power limit",)),
        (0x20, ("too hot (driver)",)),
        (0x08, ("hardware slowdown",)),
        (0x08 | 0x40, ("too hot (hardware)",)),
        (0x08 | 0x80, ("power supply (power brake)",)),
        (0x04 | 0x20, ("power limit", "too hot (driver)")),
    ],
)
def test_why_clocks_are_held_down(card, nvml, bits, reasons):
    nvml.set("reasons", bits)
    assert card.read().throttled == reasons
    assert throttle_reasons(bits) == reasons


class Lacking:
    """The library, as a driver would have it in which some functions are not exported."""

    def __init__(self, library, *names):
        self._library, self._names = library, names

    def __getattr__(self, name):
        if name in self._names:
            raise AttributeError(name + ": undefined symbol")
        return getattr(self._library, name)


def test_a_library_that_is_another_one(nvml):
    with pytest.raises(DeviceError, match="undefined symbol"):
        NvmlSource("libm.so.6")


def test_a_driver_without_functions(nvml, monkeypatch):
    """It answers as a card does that cannot tell."""
    lacks = ("nvmlDeviceGetName", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetHandleByPciBusId_v2")
    load = power_nvml._load
    monkeypatch.setattr(power_nvml, "_load", lambda name: Lacking(load(name), *lacks))
    monkeypatch.setattr(power_nvml, "find_bus_id", lambda: "0000:01:00.0")
    source = NvmlSource()
    reading = source.read()
    source.close()
    assert source.name == "nvml (unnamed)"
    assert reading.power_w == {}
    assert reading.temperature_c == {"gpu": 66.0}
    assert source.faults == set()
    assert nvml.open == 0


def test_a_driver_that_cannot_start(nvml, monkeypatch):
    load = power_nvml._load
    monkeypatch.setattr(power_nvml, "_load", lambda name: Lacking(load(name), "nvmlInit_v2"))
    with pytest.raises(DeviceError, match="nvmlInit_v2"):
        NvmlSource()


def test_reasons_of_drivers_before_535(old_library, monkeypatch):
    monkeypatch.setattr(gpu_identity, "DRIVER", "libnone.so.1")
    old_library.reset()
    old_library.set("reasons", 0x04)
    source = NvmlSource(old_library.path)
    assert source.read().throttled == ("power limit",)
    source.close()
    assert old_library.open == 0


def test_a_card_without_a_power_reading(card, nvml):
    nvml.fail("nvmlDeviceGetPowerUsage", NOT_SUPPORTED)
    first, second = card.read(), card.read()
    assert first.power_w == second.power_w == {}
    assert first.temperature_c == {"gpu": 66.0}
    assert nvml.calls("nvmlDeviceGetPowerUsage") == 1  # it will not learn it
    assert card.faults == set()
    report = power_report([first, second], 0.1)
    assert report["total_power_w"] is None
    assert report["energy_per_frame_j"] is None
    assert report["throttled"] is False


def test_a_card_that_does_not_tell_of_throttling(card, nvml):
    nvml.fail("nvmlDeviceGetCurrentClocksEventReasons", NOT_SUPPORTED)
    readings = [card.read(), card.read()]
    assert [reading.throttled for reading in readings] == [None, None]
    assert power_report(readings, 0.1)["throttled"] is None


@pytest.mark.parametrize(("function", "kind", "name"), ASKED_EACH_TIME)
def test_a_failing_call_is_told_and_asked_again(card, nvml, function, kind, name):
    nvml.fail(function, GPU_IS_LOST)
    assert name not in getattr(card.read(), kind)
    assert card.faults == {function + ": GPU is lost"}
    nvml.fail(function, 0)
    assert name in getattr(card.read(), kind)


@pytest.mark.parametrize(("code", "says"), [(9, "Driver Not Loaded"), (999, "Unknown Error")])
def test_a_library_that_does_not_start(nvml, code, says):
    nvml.fail("nvmlInit_v2", code)
    with pytest.raises(DeviceError, match="nvmlInit_v2: " + says):
        NvmlSource()
    assert nvml.open == 0


def test_a_driver_without_a_card(nvml):
    nvml.set("cards", 0)
    with pytest.raises(DeviceError, match="nvmlDeviceGetHandleByIndex_v2: Invalid Argument"):
        NvmlSource()
    assert nvml.open == 0


def test_facts_that_are_missing_are_left_out(nvml):
    nvml.fail("nvmlDeviceGetName", NOT_SUPPORTED)
    nvml.fail("nvmlDeviceGetMaxClockInfo", NOT_SUPPORTED)
    source = NvmlSource()
    assert (source.name, source.limits) == ("nvml (unnamed)", {})
    source.close()
    assert nvml.open == 0


def test_no_driver():
    with pytest.raises(DeviceError, match="libnone.so.1"):
        NvmlSource("libnone.so.1")


def test_a_library_that_is_another():
    with pytest.raises(DeviceError, match="nvmlErrorString"):
        NvmlSource("libc.so.6")


@pytest.mark.parametrize(
    ("place", "card_index"), [(None, 0), ("0000:41:00.0", 1), ("0000:99:00.0", 0)]
)
def test_the_card_that_cuda_shows_first(nvml, monkeypatch, place, card_index):
    monkeypatch.setattr(power_nvml, "find_bus_id", lambda: place)
    source = NvmlSource()
    source.read()
    assert nvml.asked == card_index
    source.close()


def test_what_is_asked_after_the_end_fails_instead_of_crashing(nvml):
    source = NvmlSource()
    source.close()
    reading = source.read()
    assert reading.power_w == {}
    assert "nvmlDeviceGetPowerUsage: Uninitialized" in source.faults


def test_numbers_are_those_of_nvidias_own_binding():
    pynvml = pytest.importorskip("pynvml")
    names = {
        0x04: "SwPowerCap",
        0x08: "HwSlowdown",
        0x20: "SwThermalSlowdown",
        0x40: "HwThermalSlowdown",
        0x80: "HwPowerBrakeSlowdown",
    }
    assert set(names) == set(power_nvml.REASONS)
    for bit, name in names.items():
        assert getattr(pynvml, "nvmlClocksEventReason" + name) == bit
    assert pynvml.NVML_CLOCK_SM == power_nvml.CLOCK_OF_MULTIPROCESSORS
    assert pynvml.NVML_CLOCK_MEM == power_nvml.CLOCK_OF_MEMORY
    assert pynvml.NVML_TEMPERATURE_GPU == power_nvml.TEMPERATURE_OF_GPU
    assert pynvml.NVML_ERROR_NOT_SUPPORTED == power_nvml.NOT_SUPPORTED
