"""What a board needs besides software: memory, swap, its power mode, steady clocks, space."""

import re
from typing import Dict, List, Optional, Tuple

from .diagnosis import OK, WARNING, Diagnosis
from .environment import power_mode
from .gpu_diagnosis import KB_PER_GB, memory_fields
from .machine import Machine

SMALL_MEMORY_GB = 6.0
"""TensorRT builds on boards with less were killed for want of memory."""
LEAST_AVAILABLE_GB = 0.8
LEAST_SWAP_GB = 2.0
LEAST_DISK_GB = 1.0
BYTES_PER_GB = 1024.0**3
ADD_SWAP = (
    "add swap on disk: sudo fallocate -l 4G /swapfile && sudo chmod 600 /swapfile && "
    "sudo mkswap /swapfile && sudo swapon /swapfile"
)
FREE_MEMORY = "close the desktop (sudo init 3) and other programs before building or measuring"
POWER_MODES = "etc/nvpmodel.conf"
DEVFREQ = "sys/class/devfreq/*"
GPU_CLOCK_NAMES = re.compile(r"gpu|gm20b|gp10b|gv11b|ga10b|gb10b")
_MODE = re.compile(r"<\s*POWER_MODEL\s+ID=(\d+)\s+NAME=(\S+)\s*>")
_FASTEST = re.compile(r"^MAXN")


def diagnose_board(machine: Machine, is_jetson: bool, folder: str) -> List[Diagnosis]:
    """Return the lines about memory, swap, power, clocks and the disk that holds `folder`."""
    lines = [_memory(machine), _swap(machine)]
    if is_jetson:
        lines += [_power_mode(machine), _clocks(machine)]
    else:
        lines.append(_profile(machine))
    lines.append(_disk(machine, folder))
    return [line for line in lines if line is not None]


def _memory(machine: Machine) -> Optional[Diagnosis]:
    fields = memory_fields(machine)
    if "MemTotal" not in fields:
        return None
    total = fields["MemTotal"] / KB_PER_GB
    free = fields.get("MemAvailable", 0) / KB_PER_GB
    found = "{:.1f} GB, {:.1f} GB available".format(total, free)
    details = {"total_gb": round(total, 2), "available_gb": round(free, 2)}
    if free < LEAST_AVAILABLE_GB:
        return Diagnosis("Memory", WARNING, found, FREE_MEMORY, details)
    return Diagnosis("Memory", OK, found, "", details)


def _swap(machine: Machine) -> Optional[Diagnosis]:
    fields = memory_fields(machine)
    if "SwapTotal" not in fields:
        return None
    rows = [line.split() for line in machine.read("proc/swaps").splitlines()[1:]]
    on_disk = sum(int(r[2]) for r in rows if len(r) > 2 and "zram" not in r[0]) / KB_PER_GB
    total = fields["SwapTotal"] / KB_PER_GB
    found = "{:.1f} GB, {:.1f} GB of it on disk".format(total, on_disk)
    details = {"total_gb": round(total, 2), "on_disk_gb": round(on_disk, 2)}
    small = fields.get("MemTotal", 0) / KB_PER_GB < SMALL_MEMORY_GB
    if small and on_disk < LEAST_SWAP_GB:
        return Diagnosis("Swap", WARNING, found, ADD_SWAP, details)
    return Diagnosis("Swap", OK, found, "", details)


def _power_mode(machine: Machine) -> Diagnosis:
    modes = {int(number): name for number, name in _MODE.findall(machine.read(POWER_MODES))}
    told = power_mode(str(machine.root)) or ""
    digits = told.rpartition(" ")[2]
    if not digits.isdigit():
        fix = "see sudo nvpmodel -q; what was measured in an unknown mode compares with nothing"
        return Diagnosis("Power mode", WARNING, "unknown", fix)
    current = int(digits)
    found = "{} ({})".format(current, modes.get(current, "unnamed"))
    fastest = _fastest(modes)
    details = {"mode": current, "name": modes.get(current), "fastest": fastest}
    if fastest is None or current == fastest:
        return Diagnosis("Power mode", OK, found, "", details)
    fix = "for full speed: sudo nvpmodel -m {} ({})".format(fastest, modes[fastest])
    return Diagnosis("Power mode", WARNING, found, fix, details)


def _fastest(modes: Dict[int, str]) -> Optional[int]:
    """Return the id of MAXN; of MAXN_SUPER where a board has both."""
    named = [(len(name), number) for number, name in modes.items() if _FASTEST.match(name)]
    return max(named)[1] if named else None


def _clocks(machine: Machine) -> Diagnosis:
    limits = _gpu_clock_limits(machine)
    if limits is None:
        fix = "see sudo jetson_clocks --show"
        return Diagnosis("Clocks", WARNING, "unknown", fix)
    low, high = limits
    details = {"gpu_min_mhz": low, "gpu_max_mhz": high}
    if low == high:
        return Diagnosis("Clocks", OK, "GPU held at {:.0f} MHz".format(high), "", details)
    found = "GPU varies from {:.0f} to {:.0f} MHz".format(low, high)
    return Diagnosis("Clocks", WARNING, found, "before measuring: sudo jetson_clocks", details)


def _gpu_clock_limits(machine: Machine) -> Optional[Tuple[float, float]]:
    """Return the least and most the governor may choose, in MHz: jetson_clocks makes them equal."""
    for folder in machine.glob(DEVFREQ):
        if not GPU_CLOCK_NAMES.search(folder.rpartition("/")[2]):
            continue
        limits = [machine.first_line("{}/{}_freq".format(folder, end)) for end in ("min", "max")]
        if all(limit.isdigit() for limit in limits):
            return int(limits[0]) / 1e6, int(limits[1]) / 1e6
    return None


def _profile(machine: Machine) -> Optional[Diagnosis]:
    profile = power_mode(str(machine.root))
    if profile is None:
        return None
    if profile == "low-power":
        fix = "for full speed: powerprofilesctl set performance"
        return Diagnosis("Power mode", WARNING, profile, fix)
    return Diagnosis("Power mode", OK, profile)


def _disk(machine: Machine, folder: str) -> Diagnosis:
    free = machine.free_bytes(folder) / BYTES_PER_GB
    found = "{:.1f} GB free at {}".format(free, folder)
    if free < LEAST_DISK_GB:
        fix = "free some: engines and their caches take up to a GB"
        return Diagnosis("Disk", WARNING, found, fix, {"free_gb": round(free, 2)})
    return Diagnosis("Disk", OK, found, "", {"free_gb": round(free, 2)})
