"""The table of boards and cards: what names mean, and that its figures agree with each other."""

import pytest

from edgedet.runtime.devices import (
    device_named,
    device_names,
    device_on_board,
    devices,
    oldest_tensorrt,
)
from edgedet.runtime.errors import DeviceError, UsageError

NO_INT8 = {"Jetson Nano 4GB", "Jetson Nano 2GB", "Jetson TX1", "Jetson TX2"}
TENSOR_CORE_RATE = 1024  # FP16 operations of a multiprocessor in a clock, GeForce


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Jetson Nano 4GB", "Jetson Nano 4GB"),
        ("nano", "Jetson Nano 4GB"),
        ("jetson-nano-2gb", "Jetson Nano 2GB"),
        ("NVIDIA Jetson Nano Developer Kit", "Jetson Nano 4GB"),
        ("NVIDIA Jetson Xavier NX Developer Kit", "Jetson Xavier NX 8/16GB"),
        ("orin nano", "Jetson Orin Nano 8GB"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super",) + (
            "Jetson Orin Nano 8GB Super",
        ),
        ("AGX Orin", "Jetson AGX Orin 64GB"),
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("rtx3060", "RTX 3060 12GB"),
        ("RTX 4070 Ti SUPER", "RTX 4070 Ti Super"),
    ],
)  # fmt: skip
def test_names(name, meant):
    assert device_named(name).name == meant


@pytest.mark.parametrize(
    ("name", "hint"),
    [("rtx 3091", "'RTX 3090'"), ("jetson nona", "'Jetson Nano"), ("zzz", "name it like")],
)
def test_a_name_that_is_none_names_the_nearest(name, hint):
    with pytest.raises(UsageError) as caught:
        device_named(name)
    assert hint in str(caught.value)


def test_a_laptop_is_not_its_desktop_namesake():
    assert device_on_board("NVIDIA GeForce RTX 4090 Laptop GPU") is None


@pytest.mark.parametrize(("seen_gb", "meant"), [(1.9, "2GB"), (3.9, "4GB"), (None, "4GB")])
def test_memory_tells_boards_of_one_name_apart(seen_gb, meant):
    found = device_on_board("NVIDIA Jetson Nano Developer Kit", seen_gb)
    assert found.name == "Jetson Nano " + meant


def test_int8_is_refused_where_there_is_none():
    without = {name for name, device in devices().items() if "int8" not in device.precisions}
    assert without == NO_INT8
    for name in NO_INT8:
        with pytest.raises(DeviceError) as caught:
            device_named(name).require("int8")
        assert "DP4A" in str(caught.value)
        device_named(name).require("fp16")
    device_named("Xavier NX").require("int8")


def test_another_missing_precision_says_what_there_is():
    with pytest.raises(DeviceError) as caught:
        device_named("RTX 3090").require("fp8")
    assert "sm_86" in str(caught.value)
    assert "int8" in str(caught.value)


@pytest.mark.parametrize("name", device_names())
def test_figures_agree(name):
    device = device_named(name)
    assert device.name == name
    assert device.compute_capability >= (5, 3)
    assert device.bandwidth_gbs > 0
    assert device.memory_gb > 0
    assert 0 < device.fp32_tflops < device.fp16_tflops
    assert (device.int8_tops is None) == ("int8" not in device.precisions)
    assert set(device.unverified) <= set(device._fields)
    if device.kind == "rtx":
        peak = device.sm_count * device.gpu_mhz * TENSOR_CORE_RATE * 1e-6
        assert device.fp16_tflops == pytest.approx(peak, rel=0.01)
        assert device.fp16_tflops_fp32_accumulate == pytest.approx(peak / 2, rel=0.01)
        assert not device.stacks
    else:
        assert device.stacks
        assert all(stack.tensorrt for stack in device.stacks)


def test_what_nobody_read_again_is_flagged():
    assert "bandwidth_gbs" in device_named("nano").unverified
    assert {"gpu_mhz", "bandwidth_gbs"} <= set(device_named("RTX 3090").unverified)


def test_the_nano_has_the_stack_of_jetpack_4_6():
    (stack,) = device_named("nano").stacks
    assert (stack.tensorrt, stack.cuda, stack.python) == ("8.2.1", "10.2", "3.6.9")


@pytest.mark.parametrize(
    ("compute_capability", "oldest"), [("12.0", (10, 8)), ("8.9", ()), ("5.3", ()), ("9.0", ())]
)
def test_which_tensorrt_a_card_needs(compute_capability, oldest):
    assert oldest_tensorrt(compute_capability) == oldest
