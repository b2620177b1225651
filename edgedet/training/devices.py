"""Where a training runs: one device, several of one machine, or those that torchrun gives."""

import os
from typing import Any, cast

import torch
from lightning.fabric import Fabric

from edgedet.runtime.errors import DeviceError, UsageError


def open_fabric(device: str, precision: str, *, several: bool = False) -> Fabric:
    """Return Fabric for `auto`, `cpu`, `cuda` (one GPU), `cuda:1` (that one) or, where `several`
    are of use, `cuda:0,1` (both: a process each).

    Under torchrun the numbers of processes and machines are torchrun's. Raises UsageError for a
    device of another name and for numbers that contradict, DeviceError for one that is not there.
    """
    kind, indices = _parse(device)
    if len(indices) > 1 and not several:
        raise UsageError("one --device", device, "name one of them")
    started, machines = _from_torchrun()
    if started and indices and len(indices) != started:
        expected = f"--device {kind}, of which torchrun has started {started} processes"
        raise UsageError(expected, device, "leave the numbers out")
    count = started or len(indices) or 1
    _check_present(kind, count, indices)
    if kind == "cpu" and precision == "16-mixed":
        fix = "set bf16-mixed or 32"
        raise UsageError("a precision that a CPU has", "recipe key precision 16-mixed", fix)
    return Fabric(
        accelerator=kind,
        devices=indices or count,
        num_nodes=machines,
        precision=cast(Any, "32-true" if precision == "32" else precision),
        strategy="ddp" if count * machines > 1 else "auto",
    )


def _parse(device: str) -> tuple[str, list[int]]:
    """Return the kind of device, and the numbers of those that are asked for by number."""
    kind, colon, numbers = device.partition(":")
    if kind == "auto" and not colon:
        return ("cuda" if torch.cuda.is_available() else "cpu"), []
    if kind == "cpu" and not colon:
        return "cpu", []
    listed = numbers.split(",") if colon else []
    once = len({number.lstrip("0") for number in listed}) == len(listed)
    if kind == "cuda" and once and all(number.isdecimal() for number in listed):
        return "cuda", [int(number) for number in listed]
    raise UsageError("--device auto, cpu, cuda, cuda:0 or cuda:0,1", device, "take one of these")


def _from_torchrun() -> tuple[int, int]:
    """Processes of each machine (0: not started by torchrun) and machines."""
    local = int(os.environ.get("LOCAL_WORLD_SIZE", "0"))
    return local, int(os.environ.get("WORLD_SIZE", "1")) // local if local else 1


def _check_present(kind: str, count: int, indices: list[int]) -> None:
    if kind == "cpu":
        return
    there = torch.cuda.device_count()
    if max(count, max(indices, default=0) + 1) > there:
        listed = ", ".join(str(index) for index in indices)
        wanted = f"GPU {listed}" if indices else f"{count} GPUs"
        found = f"{there} that torch can use"
        raise DeviceError(wanted, found, "use --device cpu or install torch for your GPU")
