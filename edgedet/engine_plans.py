"""Which engines a device needs, and which TensorRT builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edgedet.runtime.devices import device_named
from edgedet.runtime.engine_job import gpu_for
from edgedet.runtime.engine_options import FLOAT_PRECISIONS
from edgedet.runtime.errors import DeviceError, UsageError
from edgedet.runtime.tensorrt_flavour import TENSORRT, TENSORRT_RTX, Flavour, open_flavour

RTX, JETSON, CUDA = "rtx", "jetson", "cuda"
"""Any RTX card; the Jetson, or the graphics card, that this is."""
RTX_PLANS = {"rtx-sm75": ("7.5",), "rtx-sm80-sm120": ("8.0", "8.6", "8.9", "12.0")}
"""Turing has a plan of its own: with it in the list, every GPU's plan is four times larger."""


class Plan(NamedTuple):
    """One engine for one precision."""

    label: str
    """Part of the file's name: what it runs on."""
    compute_capabilities: tuple[str, ...]
    """Empty: the GPU that is here."""


@dataclass(frozen=True)
class Wish:
    """Which engines are wanted."""

    device: str = RTX
    """`rtx`, `jetson`, `cuda`, or the name of a device of the table."""
    precision: str | None = None
    """`fp32` or `fp16`; None: both."""


def wish_of(trt: bool, device: str | None, precision: str | None) -> Wish | None:
    """Return what the flags ask for; None without --trt, where the others are a UsageError."""
    if trt:
        return Wish(RTX if device is None else _kind_or_name(device), precision)
    given = {"--device": device, "--precision": precision}
    idle = [name for name, value in given.items() if value]
    if idle:
        found = f"{' and '.join(idle)} without --trt"
        raise UsageError("--trt with flags of engines", found, "add --trt")
    return None


def flavour_for(device: str) -> Flavour:
    """Return the TensorRT that builds for the device.

    Raises UsageError for a device that is none, DeviceError when that TensorRT is not here.
    """
    if _is_rtx(device):
        return open_flavour(TENSORRT_RTX)
    try:
        return open_flavour(TENSORRT)
    except DeviceError as error:
        raise DeviceError(
            f"TensorRT here for --device {device}: its engines fit the GPU they are built on only",
            "a machine without it",
            "export with --bundle model.pyz instead (for a Jetson Nano with --target nano-trt82), "
            "copy that to the device and run there: python3 model.pyz build",
        ) from error


def plans_for(device: str, flavour: Flavour) -> tuple[Plan, ...]:
    """Return the engines to build; one per group of GPUs that share a plan.

    DeviceError without the GPU that the flavour needs.
    """
    if device == RTX:
        return tuple(Plan(label, targets) for label, targets in RTX_PLANS.items())
    if flavour.name == TENSORRT_RTX:
        capability = ".".join(map(str, device_named(device).compute_capability))
        return (Plan(f"rtx-sm{capability.replace('.', '')}", (capability,)),)
    gpu = gpu_for(flavour)
    here = gpu.compute_capability.replace(".", "") if gpu else "any"
    return (Plan(f"trt{flavour.version}-sm{here}", ()),)


def precisions_of(asked: str | None) -> tuple[str, ...]:
    """Return the precisions to build: the one that was asked for, or all."""
    if asked is None:
        return FLOAT_PRECISIONS
    if asked not in FLOAT_PRECISIONS:
        fix = "leave it out for both"
        raise UsageError(f"--precision {' or '.join(FLOAT_PRECISIONS)}", asked, fix)
    return (asked,)


def _kind_or_name(device: str) -> str:
    """Return `rtx`, `jetson` or `cuda` however they are written, and any name as it is."""
    return device.lower() if device.lower() in (RTX, JETSON, CUDA) else device


def _is_rtx(device: str) -> bool:
    if device in (RTX, JETSON, CUDA):
        return device == RTX
    return device_named(device).kind == "rtx"
