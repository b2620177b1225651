"""What `--device` means, and whether this machine is it."""

import pytest
from fake_machine import FakeMachine, jetson_nano, rtx_desktop

from edgedet.bench_place import gpu_here, place_named
from edgedet.runtime.errors import UsageError
from edgedet.runtime.machine import Machine


@pytest.fixture
def nano(tmp_path):
    jetson_nano(tmp_path)
    return Machine(str(tmp_path))


@pytest.fixture
def pc(tmp_path):
    rtx_desktop(tmp_path)
    return Machine(str(tmp_path))


@pytest.mark.parametrize(
    ("typed", "device"),
    [
        ("jetson", "Jetson Nano 4GB"),
        ("RTX", "RTX 3090"),
        ("nano", "Jetson Nano 4GB"),
        ("orin nano", "Jetson Orin Nano 8GB"),
        ("NVIDIA GeForce RTX 4070 Ti", "RTX 4070 Ti"),
    ],
)
def test_names_of_the_table(typed, device):
    place = place_named(typed)
    assert place.device is not None
    assert place.device.name == device


def test_the_cpu_is_no_device_of_the_table():
    assert place_named("CPU").device is None


@pytest.mark.parametrize("typed", ["jetsn", "rtx 9999", "", "cuda"])
def test_others_are_refused(typed):
    with pytest.raises(UsageError, match="--device cpu, rtx, jetson or a device of the table"):
        place_named(typed)


@pytest.mark.parametrize(
    ("typed", "here"),
    [("jetson", True), ("nano", True), ("orin nano", False), ("rtx", False), ("cpu", False)],
)
def test_a_nano_is_any_jetson_and_one_board(nano, typed, here):
    assert (gpu_here(place_named(typed), nano) is not None) is here


@pytest.mark.parametrize(
    ("typed", "here"), [("rtx", True), ("RTX 3090", True), ("RTX 3090 Ti", False), ("nano", False)]
)
def test_a_pc_is_its_card(pc, typed, here):
    assert (gpu_here(place_named(typed), pc) is not None) is here


def test_a_card_that_the_table_lacks_is_some_rtx_card(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.says("usr/bin/nvidia-smi", "NVIDIA RTX 6000 Ada Generation, 550.1, 49140 MiB, 8.9\n")
    gpu = gpu_here(place_named("rtx"), Machine(str(tmp_path)))
    assert gpu is not None
    assert gpu.device is None


def test_another_gpu_is_no_rtx_card(tmp_path):
    machine = FakeMachine(tmp_path)
    machine.says("usr/bin/nvidia-smi", "NVIDIA H200, 550.1, 143771 MiB, 9.0\n")
    assert gpu_here(place_named("rtx"), Machine(str(tmp_path))) is None
