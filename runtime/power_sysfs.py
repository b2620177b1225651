"""Readings from the files of the kernel: of a Jetson's board, and of any Linux machine."""

import re
import time
from typing import Dict, List, NamedTuple, Optional, Set, Tuple

from .board_diagnosis import DEVFREQ, GPU_CLOCK_NAMES
from .machine import Machine
from .power_reading import Reading, reading_of
from .tegrastats_line import NO_RAIL, sound_temperatures
from .throttle_signs import ThrottleSigns

ZONES = "sys/class/thermal/thermal_zone*"
ZONES_OF_OTHERS = re.compile(r"acpitz|iwlwifi|pch_|nvme|BAT", re.IGNORECASE)
"""Their heat holds no clock down."""
CPU_HWMON = ("coretemp", "k10temp", "zenpower")
IIO_RAILS = "sys/bus/i2c/drivers/ina3221x/*/iio[:_]device*"
"""JetPack 4."""
HWMON_RAILS = "sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*"
"""JetPack 5 and later."""
CHANNELS = 3
"""Of one INA3221; what a driver numbers higher is a sum."""
CPU_POLICIES = "sys/devices/system/cpu/cpufreq/policy*"
MOST_POLICIES = 16
"""A server has one a core, and each costs an interrupt on that core."""


class _Sensor(NamedTuple):
    """A number in a file, or the product of several."""

    kind: str
    """Field of `Reading`."""
    name: str
    files: Tuple[str, ...]
    scale: float


class SysfsSource:
    """What there is, found once and read again at each call."""

    name = "sysfs"

    def __init__(self, machine: Machine, beside_tegrastats: bool = False) -> None:
        """beside_tegrastats: leave out what that tells, as rails take a bus transfer each."""
        self._machine = machine
        self._signs = ThrottleSigns(machine)
        self._sensors = _gpu(machine)
        if not beside_tegrastats:
            self._sensors += _rails(machine) + _temperatures(machine) + _cpu(machine)
        self.limits = _limits(machine)
        """Highest clock in MHz that is allowed, by name."""
        self.faults: Set[str] = set()

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self._sensors) or bool(self._signs)

    def read(self) -> Reading:
        """Return what the sensors say now."""
        time_s = time.monotonic()
        values: Dict[str, Dict[str, float]] = {}
        for sensor in self._sensors:
            value = self._value(sensor)
            if value is not None:
                named = values.setdefault(sensor.kind, {})
                named[sensor.name] = max(value, named.get(sensor.name, value))
        values["temperature_c"] = sound_temperatures(values.get("temperature_c", {}))
        return reading_of(time_s, values, throttled=self._signs.active())

    def close(self) -> None:
        """Nothing is held open."""

    def _value(self, sensor: _Sensor) -> Optional[float]:
        """Return what a sensor says, or None when its part is switched off."""
        value = sensor.scale
        for file in sensor.files:
            try:
                value *= float(self._machine.first_line(file))
            except ValueError:
                return None
        return value


def _gpu(machine: Machine) -> List[_Sensor]:
    found = []
    for folder in _gpu_folders(machine):
        found.append(_Sensor("clock_mhz", "gpu", (folder + "/cur_freq",), 1e-6))
        found.append(_Sensor("load_percent", "gpu", (folder + "/device/load",), 0.1))
    return [sensor for sensor in found if machine.exists(sensor.files[0])]


def _limits(machine: Machine) -> Dict[str, float]:
    hertz = [machine.first_line(folder + "/max_freq") for folder in _gpu_folders(machine)]
    mhz = [int(text) / 1e6 for text in hertz if text.isdigit()]
    return {"gpu": max(mhz)} if mhz else {}


def _gpu_folders(machine: Machine) -> List[str]:
    folders = machine.glob(DEVFREQ)
    return [folder for folder in folders if GPU_CLOCK_NAMES.search(folder.rpartition("/")[2])]


def _rails(machine: Machine) -> List[_Sensor]:
    rails = []
    for folder in machine.glob(HWMON_RAILS):
        for number in range(1, CHANNELS + 1):
            name = machine.first_line("{}/in{}_label".format(folder, number))
            millivolt, milliampere = ("{}/{}{}_input".format(folder, x, number) for x in _PRODUCT)
            rails.append(_Sensor("power_w", name, (millivolt, milliampere), 1e-6))
    for folder in machine.glob(IIO_RAILS):
        for number in range(CHANNELS):
            name = machine.first_line("{}/rail_name_{}".format(folder, number))
            file = "{}/in_power{}_input".format(folder, number)
            rails.append(_Sensor("power_w", name, (file,), 1e-3))
    return [rail for rail in rails if rail.name not in ("", NO_RAIL)]


_PRODUCT = ("in", "curr")


def _temperatures(machine: Machine) -> List[_Sensor]:
    found = []
    for zone in machine.glob(ZONES):
        name = machine.first_line(zone + "/type")
        if name and not ZONES_OF_OTHERS.search(name):
            found.append(_Sensor("temperature_c", name, (zone + "/temp",), 1e-3))
    for folder in machine.glob("sys/class/hwmon/hwmon*"):
        if machine.first_line(folder + "/name") in CPU_HWMON:
            found.append(_Sensor("temperature_c", "cpu", (folder + "/temp1_input",), 1e-3))
    return found


def _cpu(machine: Machine) -> List[_Sensor]:
    policies = machine.glob(CPU_POLICIES)[:MOST_POLICIES]
    return [_Sensor("clock_mhz", "cpu", (p + "/scaling_cur_freq",), 1e-3) for p in policies]
