"""Power, temperature and clocks of a real card or board; Python 3.6 runs these too."""

import time
from pathlib import Path

import pytest

from edgedet.runtime import doctor
from edgedet.runtime.errors import DeviceError
from edgedet.runtime.power_nvml import NvmlSource
from edgedet.runtime.power_watch import watch_power

pytestmark = pytest.mark.gpu

PLAUSIBLE_W = (0.5, 1500.0)
PLAUSIBLE_C = (5.0, 110.0)


def is_jetson():
    return Path("/etc/nv_tegra_release").exists()


@pytest.fixture
def nvml():
    if is_jetson():
        pytest.skip("a Jetson tells its power by tegrastats and files, not by NVML")
    source = NvmlSource()
    yield source
    source.close()


def test_nvml_reads_the_card_that_cuda_shows(nvml, gpu):
    reading = nvml.read()
    assert nvml.gpu_name == gpu.name
    assert PLAUSIBLE_W[0] < reading.power_w["gpu"] < PLAUSIBLE_W[1]
    assert PLAUSIBLE_C[0] < reading.temperature_c["gpu"] < PLAUSIBLE_C[1]
    assert 0 < reading.clock_mhz["gpu"] <= nvml.limits["gpu"]
    assert 0 <= reading.load_percent["gpu"] <= 100
    assert reading.throttled is not None


def test_a_run_is_watched(gpu):
    with watch_power() as watch:
        watch.begin()
        time.sleep(2)
    report = watch.report(frame_s=0.1)
    assert report["power"] is not None, report["power_missing"]
    assert report["power"]["readings"] >= 2
    assert report["power"]["temperature_c"]


def test_the_doctor_sees_the_gpu(gpu):
    lines = {line.name: line for line in doctor.examine()}
    assert lines["GPU"].status != "missing"
    assert lines["CUDA driver"].status == "ok"
    assert f"compute capability {gpu.compute_capability}" in lines["GPU"].found


def test_a_card_that_is_not_there_is_an_error():
    with pytest.raises(DeviceError):
        NvmlSource("libnvidia-ml-absent.so.1")
