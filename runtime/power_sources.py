"""What tells power, temperature and clocks on this machine."""

from typing import List, NamedTuple, Optional, Union

from .errors import DeviceError
from .machine import Machine
from .power_nvml import NvmlSource
from .power_sysfs import SysfsSource
from .power_tegrastats import PROGRAM, TegrastatsSource

Polled = Union[SysfsSource, NvmlSource]


class PowerSources(NamedTuple):
    """Open sources: who takes them closes them."""

    tegrastats: Optional[TegrastatsSource]
    polled: List[Polled]
    absent: List[str]
    """Why there are no others."""


def find_sources(machine: Machine, interval_s: float) -> PowerSources:
    """Return what there is: a Jetson's tegrastats and kernel files, a card's NVML."""
    absent = []
    program = machine.which(PROGRAM)
    tegrastats = None
    if program is not None:
        tegrastats = TegrastatsSource(program, interval_s, machine.environ)
    else:
        absent.append("no tegrastats")
    polled: List[Polled] = []
    files = SysfsSource(machine, beside_tegrastats=program is not None)
    if files:
        polled.append(files)
    else:
        absent.append("no sensors in /sys")
    if program is None:  # a Jetson's NVML knows less than the board's own sensors
        try:
            polled.append(NvmlSource())
        except DeviceError as error:
            absent.append(error.found)
    return PowerSources(tegrastats, polled, absent)
