"""What a measurement depends on besides the model: machine, clocks, software and load."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

# With one of two cores taken (a load of 0.5 per core) two threads were measured 1.6 times slower,
# 3.5 times when they spin: half of that load already spoils a latency.
BUSY_LOAD_PER_CORE = 0.25
NVIDIA_SMI_TIMEOUT_S = 5.0
GPU_FIELDS = ("name", "driver_version", "clocks.sm", "clocks.max.sm", "power.limit", "pstate")
# Import name -> the name people know it by.
PACKAGES = (
    ("numpy", "numpy"),
    ("cv2", "opencv"),
    ("onnxruntime", "onnxruntime"),
    ("tensorrt", "tensorrt"),
    ("torch", "torch"),
)


def describe_environment(threads: Optional[int] = None, root: str = "/") -> Dict[str, Any]:
    """Return what to print beside a speed, as plain JSON types; unreadable facts are None.

    threads: what the engine was given; None = its own choice. root: where /proc and /sys are.
    Versions are those of the packages this process has loaded. `machine_busy` is True when the
    load average of the last minute, taken now, exceeds `BUSY_LOAD_PER_CORE` of each usable core.
    """
    load = _load_average()
    cores = usable_cores()
    return {
        "os": operating_system(root),
        "board": _board(root),
        "cpu": cpu_model(root),
        "logical_cores": os.cpu_count(),
        "usable_cores": cores,
        "threads": threads,
        "governor": _first_line(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "clock_mhz": clock_mhz(root),
        "power_mode": power_mode(root),
        "gpu": gpus(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "load_average": load,
        "machine_busy": None if load is None else load[0] > BUSY_LOAD_PER_CORE * cores,
    }


def usable_cores() -> int:
    """Return the number of logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def operating_system(root: str = "/") -> str:
    """Return the distribution's own name (PRETTY_NAME) and the kernel."""
    kernel = "{} {} {}".format(platform.system(), platform.release(), platform.machine())
    name = dict(_fields(root, "etc/os-release", "=")).get("PRETTY_NAME")
    return "{} ({})".format(name.strip('"'), kernel) if name else kernel


def cpu_model(root: str = "/") -> str:
    """Return the CPU's name; ARM kernels give none, so then what the interpreter knows."""
    fields = dict(_fields(root, "proc/cpuinfo", ":"))
    name = fields.get("model name") or fields.get("Hardware")
    return name or platform.processor() or platform.machine()


def clock_mhz(root: str = "/") -> Optional[float]:
    """Return the highest clock of any core at this moment in MHz, or None."""
    files = Path(root, "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    lines = [_first_line(str(file.parent), file.name) for file in files]
    clocks = [float(line) / 1000.0 for line in lines if line and line.isdigit()]
    if not clocks:
        clocks = [float(v) for k, v in _fields(root, "proc/cpuinfo", ":") if k == "cpu MHz"]
    return max(clocks) if clocks else None


def power_mode(root: str = "/") -> Optional[str]:
    """Return the Jetson's nvpmodel id or the platform profile of a PC, or None.

    Both are files that any user may read; `nvpmodel -q` itself asks for root on some releases.
    """
    for word in _read(root, "var/lib/nvpmodel/status").split():
        if word.startswith("pmode:"):
            return "nvpmodel " + word[len("pmode:") :]
    return _first_line(root, "sys/firmware/acpi/platform_profile")


def gpus() -> List[Dict[str, str]]:
    """Return `GPU_FIELDS` of each NVIDIA GPU; [] when nvidia-smi is absent, fails or hangs."""
    query = ["nvidia-smi", "--query-gpu=" + ",".join(GPU_FIELDS), "--format=csv,noheader"]
    try:
        done = subprocess.run(
            query,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            timeout=NVIDIA_SMI_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = done.stdout.splitlines() if done.returncode == 0 else []
    return [_gpu(row) for row in rows if row]


def package_versions() -> Dict[str, str]:
    """Return the versions of the `PACKAGES` that are loaded: nothing is imported to ask it."""
    loaded = [(name, sys.modules.get(module)) for module, name in PACKAGES]
    return {name: str(getattr(m, "__version__", "unknown")) for name, m in loaded if m is not None}


def _gpu(row: str) -> Dict[str, str]:
    values = [value.strip() for value in row.split(",")]
    return dict(zip(GPU_FIELDS, values))


def _board(root: str) -> Optional[str]:
    line = _first_line(root, "proc/device-tree/model")
    return line or _first_line(root, "sys/class/dmi/id/product_name")


def _load_average() -> Optional[List[float]]:
    try:
        return [round(value, 2) for value in os.getloadavg()]
    except (AttributeError, OSError):  # Windows has none
        return None


def _read(root: str, path: str) -> str:
    try:
        return Path(root, path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _fields(root: str, path: str, separator: str) -> List[Tuple[str, str]]:
    pairs = [line.partition(separator) for line in _read(root, path).splitlines()]
    return [(key.strip(), value.strip()) for key, found, value in pairs if found]


def _first_line(root: str, path: str) -> Optional[str]:
    lines = _read(root, path).replace("\0", "").strip().splitlines()
    return lines[0].strip() if lines else None
