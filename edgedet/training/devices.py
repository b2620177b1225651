"""Where a training runs: one device, several of one machine, or those that torchrun gives."""

import os
from typing import Any, cast

import torch
from lightning.fabric import Fabric

from edgedet.runtime.errors import DeviceError, UsageError


def open_fabric(device: str, devices: int, precision: str) -> Fabric:
    """Return Fabric for `auto`, `cpu`, `cuda` or `cuda:i` on `devices` devices of each machine.

    Under torchrun the numbers of processes and machines are torchrun's. Raises UsageError for a
    device of another name and for numbers that contradict, DeviceError for one that is not there.
    """
    kind, index = _parse(device)
    started, machines = _from_torchrun()
    if devices < 1 or (started and devices not in (1, started)):
        expected = f"--devices {started}, as torchrun started" if started else "--devices 1 or more"
        raise UsageError(expected, str(devices), "leave --devices out or correct it")
    count = started or devices
    if index is not None and count > 1:
        found = f"--device {device} with {count} devices"
        raise UsageError("--device cuda for several devices", found, "drop the number")
    _check_present(kind, count, index)
    if kind == "cpu" and precision == "16-mixed":
        fix = "set bf16-mixed or 32"
        raise UsageError("a precision that a CPU has", "recipe key precision 16-mixed", fix)
    return Fabric(
        accelerator=kind,
        devices=[index] if index is not None else count,
        num_nodes=machines,
        precision=cast(Any, "32-true" if precision == "32" else precision),
        strategy="ddp" if count * machines > 1 else "auto",
    )


def _parse(device: str) -> tuple[str, int | None]:
    kind, colon, number = device.partition(":")
    if kind == "auto" and not colon:
        return ("cuda" if torch.cuda.is_available() else "cpu"), None
    if kind == "cpu" and not colon:
        return "cpu", None
    if kind == "cuda" and (not colon or number.isdecimal()):
        return "cuda", int(number) if colon else None
    raise UsageError("--device auto, cpu, cuda or cuda:0", device, "take one of these")


def _from_torchrun() -> tuple[int, int]:
    """Processes of each machine (0: not started by torchrun) and machines."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0"))
    return local, int(os.environ.get("WORLD_SIZE", "1")) // local if local else 1


def _check_present(kind: str, count: int, index: int | None) -> None:
    if kind == "cpu":
        return
    there = torch.cuda.device_count()
    if max(count, (index or 0) + 1) > there:
        wanted = f"GPU {index}" if index is not None else f"{count} GPUs"
        found = f"{there} that torch can use"
        raise DeviceError(wanted, found, "use --device cpu or install torch for your GPU")
