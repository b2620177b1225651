"""What the Python of a machine can import, asked in processes of their own.

An import may crash: numpy 1.19.5 on a Cortex-A57, OpenCV against another libc, TensorRT against
another CUDA. So none of it happens in the process that asks.
"""

import json
import signal
from typing import Any, Dict, List, NamedTuple, Tuple

from .machine import Machine

MARK = "edgedet-probe:"
PROBE = """
import importlib, json, os, sys
module = importlib.import_module(sys.argv[1])
if hasattr(module, "__path__") and not getattr(module, "__file__", None):
    raise ImportError("No module named '%s', only a folder of that name" % sys.argv[1])
told = {
    "version": str(getattr(module, "__version__", "")),
    "file": str(getattr(module, "__file__", "")),
    "python": sys.version.split()[0],
    "executable": sys.executable,
    "path": sys.path,
}
if sys.argv[1] == "cv2":
    told["build"] = module.getBuildInformation()
if sys.argv[1] == "onnxruntime":
    told["providers"] = module.get_available_providers()
try:
    with open("/proc/self/maps", "rb") as maps:  # in a C locale, text would be ASCII
        lines = [os.fsdecode(line) for line in maps.read().splitlines() if b".so" in line]
    told["libraries"] = sorted(set(line.split(None, 5)[5] for line in lines))
except OSError:
    told["libraries"] = []
print("\\n" + sys.argv[2] + json.dumps(told))
"""
ABSENT, BROKEN, CRASHED, FOUND = "absent", "broken", "crashed", "found"


class Module(NamedTuple):
    """What importing a module came to."""

    name: str
    state: str
    """FOUND, ABSENT, BROKEN (it raised) or CRASHED (its process ended)."""
    version: str
    reason: str
    """Why it was not found."""
    told: Dict[str, Any]
    """What the probe said; {} unless FOUND."""

    @property
    def found(self) -> bool:
        """Return whether it can be imported."""
        return self.state == FOUND

    @property
    def numbers(self) -> Tuple[int, ...]:
        """Return the version's leading numbers, so that 8.2.1.8 is (8, 2, 1, 8)."""
        return version_numbers(self.version)


def probe(machine: Machine, name: str) -> Module:
    """Import `name` in a process of its own and return what came of it."""
    ran = machine.run_python("-c", PROBE, name, MARK)
    if ran is None:
        return Module(name, ABSENT, "", "no python3", {})
    if ran.code == 0:
        told = _told(ran.out)
        return Module(name, FOUND, told.get("version", ""), "", told)
    if ran.code < 0:
        return Module(name, CRASHED, "", signal_name(-ran.code), {})
    absent = "No module named '{}'".format(name.partition(".")[0]) in ran.error
    return Module(name, ABSENT if absent else BROKEN, "", ran.last_error, {})


def version_numbers(version: str) -> Tuple[int, ...]:
    """Return the leading numbers of a version, () when it has none."""
    numbers: List[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)


def signal_name(number: int) -> str:
    """Return what people know a signal by."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return "signal {}".format(number)


def _told(out: str) -> Dict[str, Any]:
    for line in reversed(out.splitlines()):
        if line.startswith(MARK):
            return dict(json.loads(line[len(MARK) :]))
    return {}
