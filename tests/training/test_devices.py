"""What `--device` means, alone and under torchrun."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.training import devices
from edgedet.training.devices import open_fabric


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Fabric is asked for, on a machine of two GPUs."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(devices, "Fabric", lambda **settings: calls.append(settings))
    return calls


def test_one_cpu() -> None:
    fabric = open_fabric("cpu", "32", several=True)
    assert (fabric.device.type, fabric.world_size) == ("cpu", 1)


@pytest.mark.parametrize(
    ("device", "chosen", "strategy"),
    [("cuda", 1, "auto"), ("cuda:1", [1], "auto"), ("cuda:0,1", [0, 1], "ddp")],
)
def test_gpus(asked: list[dict[str, Any]], device: str, chosen: object, strategy: str) -> None:
    open_fabric(device, "32", several=True)
    assert (asked[0]["devices"], asked[0]["strategy"]) == (chosen, strategy)


@pytest.mark.parametrize(
    "device", ["gpu", "cuda:", "cuda:x", "cpu:0", "auto:1", "", "cuda:0,", "cuda:0,0", "cuda:0,00"]
)
def test_unknown_device(device: str) -> None:
    with pytest.raises(UsageError, match="--device auto, cpu"):
        open_fabric(device, "32", several=True)


@pytest.mark.parametrize("device", ["cuda:99", "cuda", "cuda:0,1"])
def test_a_gpu_that_is_not_there(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(DeviceError, match="use --device cpu"):
        open_fabric(device, "32", several=True)


def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(UsageError, match="bf16-mixed or 32"):
        open_fabric("cpu", "16-mixed")


def test_one_where_several_are_of_no_use() -> None:
    with pytest.raises(UsageError, match="one --device, found cuda:0,1"):
        open_fabric("cuda:0,1", "32")


def test_torchrun_says_how_many(
    asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    for device, chosen in (("cuda", 2), ("cuda:0,1", [0, 1]), ("cpu", 2)):
        open_fabric(device, "32", several=True)
        settings = asked.pop()
        assert (settings["devices"], settings["num_nodes"]) == (chosen, 2)
        assert settings["strategy"] == "ddp"
    with pytest.raises(UsageError, match="torchrun has started 2"):
        open_fabric("cuda:1", "32", several=True)
