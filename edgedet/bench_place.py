"""Where a benchmark is to run: this machine's CPU, or a board or card of the table."""

from __future__ import annotations

from typing import NamedTuple

from edgedet.runtime.devices import Device, device_named
from edgedet.runtime.errors import UsageError
from edgedet.runtime.gpu_diagnosis import Gpu, find_gpus
from edgedet.runtime.machine import Machine
from edgedet.runtime.nearest import nearest_name

CPU, RTX, JETSON = "cpu", "rtx", "jetson"
STANDS_FOR = {RTX: "RTX 3090", JETSON: "Jetson Nano 4GB"}
"""A kind of device -> the one that is meant where none is here: that of the paper."""


class Place(NamedTuple):
    """What `--device` names."""

    name: str
    """As it was typed."""
    device: Device | None
    """Of the table; None: the CPU."""
    any_of_kind: bool = False
    """Every Jetson, or every RTX card, will do."""

    def is_met_by(self, gpu: Gpu) -> bool:
        """Whether that GPU is what was asked for."""
        if self.device is None:
            return False
        if self.any_of_kind:
            return kind_of(gpu) == self.device.kind
        return gpu.device is not None and gpu.device.name == self.device.name


def place_named(name: str) -> Place:
    """Return what `cpu`, `rtx`, `jetson` or a name of the table means.

    Raises UsageError naming the nearest for a name that is none.
    """
    plain = name.strip().lower()
    if plain == CPU:
        return Place(CPU, None)
    if plain in STANDS_FOR:
        return Place(plain, device_named(STANDS_FOR[plain]), any_of_kind=True)
    try:
        return Place(name, device_named(name))
    except UsageError as error:
        expected = f"--device {CPU}, {RTX}, {JETSON} or {error.expected}"
        near = nearest_name(plain, (CPU, RTX, JETSON))
        fix = f"did you mean {near!r}?" if near else error.fix
        raise UsageError(expected, error.found, fix) from error


def kind_of(gpu: Gpu) -> str:
    """Return `jetson` or `rtx`, "" for another GPU."""
    if gpu.is_jetson:
        return JETSON
    known = gpu.device is not None and gpu.device.kind == RTX
    return RTX if known or " rtx " in f" {gpu.model.lower()} " else ""


def gpu_here(place: Place, machine: Machine | None = None) -> Gpu | None:
    """Return this machine's GPU when it is what the place means, else None."""
    gpus = find_gpus(machine or Machine())
    return next((gpu for gpu in gpus if place.is_met_by(gpu)), None)
