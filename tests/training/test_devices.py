"""What `--device` and `--devices` mean, alone and under torchrun."""

import pytest
import torch

from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.training.devices import open_fabric


def test_one_cpu() -> None:
    fabric = open_fabric("cpu", 1, "32")
    assert (fabric.device.type, fabric.world_size) == ("cpu", 1)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "cpu:0", "auto:1", ""])
def test_unknown_device(device: str) -> None:
    with pytest.raises(UsageError, match="--device auto, cpu"):
        open_fabric(device, 1, "32")


@pytest.mark.parametrize("device", ["cuda:99", "cuda"])
def test_a_gpu_that_is_not_there(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="use --device cpu"):
        open_fabric(device, 1, "32")


def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(UsageError, match="bf16-mixed or 32"):
        open_fabric("cpu", 1, "16-mixed")


def test_numbers_that_contradict(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="--devices 1 or more"):
        open_fabric("cpu", 0, "32")
    with pytest.raises(UsageError, match="--device cuda for several"):
        open_fabric("cuda:0", 2, "32")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match="as torchrun started"):
        open_fabric("cpu", 3, "32")
