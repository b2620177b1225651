"""Which NVIDIA GPU is here, from the board's own files or from the driver's program."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence

from .devices import Device, Stack, device_on_board
from .diagnosis import MISSING, OK, WARNING, Diagnosis
from .machine import Machine

BOARD_MODEL = "proc/device-tree/model"
L4T_RELEASE = "etc/nv_tegra_release"
QUERY = ("name", "driver_version", "memory.total", "compute_cap")
OLD_QUERY = QUERY[:-1]
"""Drivers before 510 do not know compute_cap."""
NO_GPU = "models run on the CPU; TensorRT engines need an NVIDIA GPU and its driver"
KB_PER_GB = 1024.0 * 1024.0
_RELEASE = re.compile(r"# R(\d+) \(release\), REVISION: ([0-9.]+)")


class Gpu(NamedTuple):
    """The first GPU, and what the table knows of it."""

    model: str
    device: Optional[Device]
    is_jetson: bool
    compute_capability: str
    """Such as "8.6"; "" when unknown."""
    memory: str
    driver: str
    """Of a Jetson: its L4T release, such as 32.7.1."""


def find_gpus(machine: Machine) -> List[Gpu]:
    """Return the GPUs of a Jetson or PC; [] without one."""
    model = machine.first_line(BOARD_MODEL)
    release = l4t_release(machine)
    if release or "jetson" in model.lower():
        return [_jetson(machine, model, release)]
    for query in (QUERY, OLD_QUERY):
        ran = machine.run(["nvidia-smi", "--query-gpu=" + ",".join(query), "--format=csv,noheader"])
        if ran is not None and ran.code == 0:
            return [_card(row, query) for row in ran.out.splitlines() if row.strip()]
    return []


def l4t_release(machine: Machine) -> str:
    """Return the Linux-for-Tegra release, such as "32.7.1", or "" on another machine."""
    match = _RELEASE.search(machine.read(L4T_RELEASE))
    return "{}.{}".format(*match.groups()) if match else ""


def jetpack_stack(gpu: Gpu) -> Optional[Stack]:
    """Return what JetPack brings with the L4T release of a Jetson, or None when unknown."""
    for stack in gpu.device.stacks if gpu.device else ():
        prefix = stack.l4t.lstrip("R").rstrip("x").rstrip(".")
        if prefix and (gpu.driver + ".").startswith(prefix + "."):
            return stack
    return None


def diagnose_gpu(machine: Machine, gpus: List[Gpu]) -> List[Diagnosis]:
    """Return one line for each GPU, or one that says why there is none."""
    if gpus:
        return [_diagnosis(gpu) for gpu in gpus]
    ran = machine.run(["nvidia-smi"])
    if ran is not None and ran.code != 0:
        fix = "restart the machine, or install the driver that belongs to its kernel"
        return [Diagnosis("GPU", WARNING, "nvidia-smi fails: " + ran.last_error, fix)]
    return [Diagnosis("GPU", MISSING, "no NVIDIA GPU or no driver", NO_GPU)]


def _diagnosis(gpu: Gpu) -> Diagnosis:
    parts = [gpu.model or "unnamed"]
    if gpu.compute_capability:
        parts.append("compute capability " + gpu.compute_capability)
    parts.append(gpu.memory)
    parts.append(("L4T " if gpu.is_jetson else "driver ") + (gpu.driver or "unknown"))
    stack = jetpack_stack(gpu)
    if stack:
        parts.append("JetPack " + stack.jetpack)
    if gpu.device:
        parts.append("computes in " + ", ".join(gpu.device.precisions))
    details = dict(gpu._asdict(), device=gpu.device.name if gpu.device else None)
    found = ", ".join(part for part in parts if part)
    if not gpu.compute_capability:
        fix = "its compute capability is unknown here: name it when you build an engine"
        return Diagnosis("GPU", WARNING, found, fix, details)
    return Diagnosis("GPU", OK, found, "", details)


def _jetson(machine: Machine, model: str, release: str) -> Gpu:
    total_gb = memory_fields(machine).get("MemTotal", 0) / KB_PER_GB
    device = device_on_board(model, total_gb or None)
    capability = "{}.{}".format(*device.compute_capability) if device else ""
    memory = "{:.1f} GB shared with the CPU".format(total_gb) if total_gb else ""
    return Gpu(model, device, True, capability, memory, release)


def _card(row: str, query: Sequence[str]) -> Gpu:
    told = dict(zip(query, (value.strip() for value in row.split(","))))
    device = device_on_board(told["name"])
    capability = told.get("compute_cap", "")
    if not capability and device:
        capability = "{}.{}".format(*device.compute_capability)
    driver = told.get("driver_version", "")
    return Gpu(told["name"], device, False, capability, told.get("memory.total", ""), driver)


def memory_fields(machine: Machine) -> Dict[str, int]:
    """Return /proc/meminfo in kB by name."""
    rows = [line.split() for line in machine.read("proc/meminfo").splitlines()]
    return {r[0].rstrip(":"): int(r[1]) for r in rows if len(r) >= 2 and r[1].isdigit()}
