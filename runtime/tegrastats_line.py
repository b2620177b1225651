"""One line of `tegrastats`, as JetPack 4, 5 and 6 print it.

What differs: JetPack 4 gives rails as `POM_5V_IN 900/943` (mW now / mean since the start), 5 and 6
as `VDD_IN 2763mW/2846mW`; the GPU's clock is `@76`, `@[114]` or `@[0,0]` (one a cluster), and is
left out for users that are not root on some; a date stands in front since JetPack 5; sensors are
`GPU@41C`, since JetPack 6 `gpu@49.625C`. Boards differ in which of all that they have.
"""

import re
from typing import Dict, List

from .power_reading import Reading, reading_of

_POWER = re.compile(r"(?<!\S)([A-Za-z][A-Za-z0-9_]*) (-?\d+)(?:mW)?/-?\d+(?:mW)?(?!\S)")
_TEMPERATURE = re.compile(r"(?<!\S)([A-Za-z][A-Za-z0-9_]*)@(-?\d+(?:\.\d+)?)C(?!\S)")
_GPU = re.compile(r"(?<!\S)GR3D2?_FREQ (\d+)%(?:@\[?([\d,]+)\]?)?")
_MEMORY = re.compile(r"(?<!\S)EMC_FREQ (\d+)%(?:@(\d+))?")
_CORES = re.compile(r"(?<!\S)CPU \[([^\]]*)\](?:@(\d+))?")
_LOAD = re.compile(r"(\d+)%")
_CLOCK = re.compile(r"@(\d+)")
OFF_C = -200.0
"""A part that is switched off reads -256 degrees."""
PLACEHOLDERS = ("pmic",)
"""Sensors that always give one number (50 or 100)."""
NO_RAIL = "NC"
"""A channel that nothing is wired to."""
MW_PER_W = 1000.0


def parse_tegrastats(line: str, time_s: float) -> Reading:
    """Return what a line tells; parts of it that are not understood are left out.

    The clocks are the fastest core's and GPU cluster's, the CPU's load is the mean of the cores
    that are on. tegrastats does not say whether clocks are held down.
    """
    values: Dict[str, Dict[str, float]] = {
        "power_w": {
            name: int(milliwatts) / MW_PER_W
            for name, milliwatts in _POWER.findall(line)
            if name != NO_RAIL
        },
        "temperature_c": sound_temperatures(
            {name: float(degrees) for name, degrees in _TEMPERATURE.findall(line)}
        ),
        "clock_mhz": {},
        "load_percent": {},
    }
    for name, pattern in (("gpu", _GPU), ("memory", _MEMORY)):
        found = pattern.findall(line)
        _note(values, name, [load for load, _ in found], [clocks for _, clocks in found])
    for cores, clock in _CORES.findall(line):
        _note(values, "cpu", _LOAD.findall(cores), _CLOCK.findall(cores) + [clock])
    return reading_of(time_s, values)


def sound_temperatures(named: Dict[str, float]) -> Dict[str, float]:
    """Return temperatures by plain name, without the sensors that say nothing.

    >>> sound_temperatures({"GPU-therm": 41.0, "CV0": -256.0, "PMIC-Die": 100.0})
    {'gpu': 41.0}
    """
    plain = {_plain(name): degrees for name, degrees in named.items() if degrees > OFF_C}
    return {name: value for name, value in plain.items() if not name.startswith(PLACEHOLDERS)}


def _plain(name: str) -> str:
    return re.sub(r"[-_](therm|thermal)$", "", name.lower())


def _note(
    values: Dict[str, Dict[str, float]], name: str, loads: List[str], clocks: List[str]
) -> None:
    if loads:
        values["load_percent"][name] = sum(map(float, loads)) / len(loads)
    # A part that is switched off reads 0 MHz, which is no clock.
    running = [float(mhz) for told in clocks for mhz in told.split(",") if mhz.strip("0")]
    if running:
        values["clock_mhz"][name] = max(running)
