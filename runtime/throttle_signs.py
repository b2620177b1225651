"""Signs in the kernel's files that clocks are held down, by heat or by the power supply."""

import re
from typing import Dict, List, NamedTuple, Optional, Tuple

from .machine import Machine

COOLING = "sys/class/thermal/cooling_device*"
HOLDS_CLOCKS = re.compile(r"throttle-alert$|^(thermal-)?(cpufreq|devfreq)-")
"""Others are fans, screens, and a Jetson's hot-surface-alert, which only warns."""
PROTECTION = "sys/class/hwmon/hwmon*/oc[0-9]_event_cnt"
"""Of Orin, JetPack 5 and later: low voltage and over-current, counted since the start."""
INTEL = "sys/devices/system/cpu/cpu*/thermal_throttle/package_throttle_count"


class _Counter(NamedTuple):
    """A number that rises when clocks are held down."""

    file: str
    meaning: str


class ThrottleSigns:
    """Those that this machine has."""

    def __init__(self, machine: Machine) -> None:
        """Find them; events are counted from here on."""
        self._machine = machine
        self._states = _cooling(machine)
        self._counters = _counters(machine)
        self._counts: Dict[str, int] = {}
        self.active()

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._states) or bool(self._counters)

    def active(self) -> Optional[Tuple[str, ...]]:
        """Return why clocks are held down now, or were since the last call; None: cannot tell."""
        if not self:
            return None
        reasons = [name for file, name in self._states.items() if self._number(file)]
        for counter in self._counters:
            now = self._number(counter.file)
            if now is None:
                continue
            if now > self._counts.get(counter.file, now):
                reasons.append(counter.meaning)
            self._counts[counter.file] = now
        return tuple(sorted(set(reasons)))

    def _number(self, file: str) -> Optional[int]:
        text = self._machine.first_line(file)
        return int(text) if text.isdigit() else None


def _cooling(machine: Machine) -> Dict[str, str]:
    named = {f + "/cur_state": machine.first_line(f + "/type") for f in machine.glob(COOLING)}
    return {file: name for file, name in named.items() if HOLDS_CLOCKS.search(name)}


def _counters(machine: Machine) -> List[_Counter]:
    meaning = "low voltage or over-current (OC{})"
    found = [
        _Counter(file, meaning.format(file.rpartition("/oc")[2][0]))
        for file in machine.glob(PROTECTION)
    ]
    # Every core of a package repeats its count.
    return found + [_Counter(file, "CPU package too hot") for file in machine.glob(INTEL)[:1]]
