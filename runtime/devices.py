"""Jetson boards and RTX cards: what each can compute, hold and move.

The table is `devices.json`, made by `.ci/make_facts.py` from collected facts with their sources.
Peaks are dense and computed: multiprocessors x clock x rate. A figure named in `unverified` comes
from general knowledge and was not read again.
"""

import json
import pkgutil
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .errors import DeviceError, UsageError
from .nearest import nearest_name

_TABLE = "devices.json"
# Parts of the names that drivers and device trees give, and that the table leaves out.
_NOISE = frozenset(
    ["nvidia", "geforce", "jetson", "developer", "kit", "module", "engineering", "reference"]
)
_EXAMPLES = "name it like 'Jetson Nano 4GB' or 'RTX 3090'"
_MEMORY = re.compile(r"^(\d+/)?\d+gb$")
_NO_INT8 = frozenset([(5, 3), (6, 2)])


class Stack(NamedTuple):
    """The software of one JetPack release; "" where the facts are silent."""

    jetpack: str
    l4t: str
    tensorrt: str
    cuda: str
    cudnn: str
    python: str
    opencv: str
    ubuntu: str


class Device(NamedTuple):
    """One board or card; peaks and bandwidth are upper bounds that no program reaches."""

    name: str
    kind: str
    """"jetson" or "rtx"."""
    compute_capability: Tuple[int, int]
    arch: str
    sm_count: int
    gpu_mhz: float
    """Highest clock of a Jetson's GPU, boost clock of a card."""
    memory_gb: float
    """Of a Jetson: shared by CPU and GPU."""
    bandwidth_gbs: float
    """Memory bandwidth, 1e9 bytes a second."""
    precisions: Tuple[str, ...]
    """Of fp32, fp16, int8, bf16, fp8, fp4: what its GPU computes faster than by emulation."""
    fp32_tflops: float
    """Of the CUDA cores alone."""
    fp16_tflops: float
    """Dense, FP16 accumulation."""
    fp16_tflops_fp32_accumulate: float
    """Dense; equal to `fp16_tflops` except on GeForce cards."""
    int8_tops: Optional[float]
    """Dense, GPU alone; None where there is no INT8."""
    dla: int
    """Deep-learning accelerators beside the GPU."""
    stacks: Tuple[Stack, ...]
    """JetPack releases of a Jetson."""
    tensorrt: str
    """Releases of TensorRT that know a card, for example "10.8+,11.x"; "" for a Jetson."""
    notes: str
    unverified: Tuple[str, ...]

    def require(self, precision: str) -> None:
        """Raise DeviceError, with the reason, unless the GPU computes in `precision`."""
        if precision not in self.precisions:
            raise DeviceError(
                "{} on the {}".format(precision.upper(), self.name),
                self.why_not(precision),
                "use fp16",
            )

    def why_not(self, precision: str) -> str:
        """Return the reason why `precision` is missing."""
        sm = "sm_{}{}".format(*self.compute_capability)
        if precision == "int8" and self.compute_capability in _NO_INT8:
            return "a GPU ({}) without the DP4A instruction, where TensorRT has no INT8".format(sm)
        return "a GPU ({}) that has {}".format(sm, ", ".join(self.precisions))


def device_named(name: str) -> Device:
    """Return the device that `name` means: of the table, the driver or the device tree.

    Case, separators, and words such as NVIDIA or GeForce do not matter. Where a name leaves the
    memory open, as "nano" does, it is the board with most.

    Raises UsageError naming the nearest for a name that is none.
    """
    found = _matches(name)
    if found is None:
        close = nearest_name(_plain(name), [_plain(known) for known in device_names()])
        near = [known for known in device_names() if _plain(known) == close]
        hint = "did you mean {!r}?".format(near[0]) if near else _EXAMPLES
        raise UsageError("a device of the table", repr(name), hint)
    return found


def device_on_board(model: str, memory_gb: Optional[float] = None) -> Optional[Device]:
    """Return the device that a device tree or driver calls `model`, or None when unknown.

    memory_gb: what the system sees, which decides between boards of one name.
    """
    found = _matches(model)
    if found is None or memory_gb is None:
        return found
    stem = _stem(found.name)
    same = [device for device in devices().values() if _stem(device.name) == stem]
    return min(same, key=lambda device: abs(device.memory_gb - (memory_gb or 0)))


def device_names() -> List[str]:
    """Return the names of the table in its order."""
    return list(devices())


def oldest_tensorrt(compute_capability: str) -> Tuple[int, ...]:
    """Return the first TensorRT that knows cards of that kind, such as (10, 8) for "12.0".

    () when any does, or the table has no such card.
    """
    for device in devices().values():
        first = device.tensorrt.partition(",")[0]
        if first.endswith("+") and "{}.{}".format(*device.compute_capability) == compute_capability:
            return tuple(int(number) for number in first[:-1].split("."))
    return ()


def require_int8(gpu_name: str, compute_capability: str) -> None:
    """Raise DeviceError, with the boards it is known of, for a GPU without INT8."""
    number = tuple(int(part) for part in compute_capability.split("."))
    if number not in _NO_INT8:
        return
    boards = [device for device in devices().values() if device.compute_capability == number]
    names = ", ".join(device.name for device in boards)
    raise DeviceError(
        "a GPU that computes in INT8",
        "{} ({}): {}".format(gpu_name, names, boards[0].why_not("int8")),
        "build with --precision fp16, which is the fastest there",
    )


def devices() -> Dict[str, Device]:
    """Return the whole table by name."""
    if not _cache:
        content = json.loads((pkgutil.get_data(__package__, _TABLE) or b"").decode("utf-8"))
        stacks = {name: _stack(entry) for name, entry in content["stacks"].items()}
        for name, entry in content["devices"].items():
            _cache[name] = _device(name, entry, stacks)
    return _cache


_cache: Dict[str, Device] = {}


def _stack(entry: Dict[str, str]) -> Stack:
    return Stack(*(entry.get(field, "") for field in Stack._fields))


def _device(name: str, entry: Dict[str, Any], stacks: Dict[str, Stack]) -> Device:
    fp16 = entry["fp16_tflops"]
    capability = (entry["compute_capability"][0], entry["compute_capability"][1])
    return Device(
        name=name,
        kind=entry["kind"],
        compute_capability=capability,
        arch=entry["arch"],
        sm_count=entry["sm_count"],
        gpu_mhz=entry["gpu_mhz"],
        memory_gb=entry["memory_gb"],
        bandwidth_gbs=entry["bandwidth_gbs"],
        precisions=tuple(entry["precisions"]),
        fp32_tflops=entry["fp32_tflops"],
        fp16_tflops=fp16,
        fp16_tflops_fp32_accumulate=entry.get("fp16_tflops_fp32_accumulate", fp16),
        int8_tops=entry["int8_tops"],
        dla=entry["dla"],
        stacks=tuple(stacks[jetpack] for jetpack in entry.get("stacks", ())),
        tensorrt=entry.get("tensorrt", ""),
        notes=entry.get("notes", ""),
        unverified=tuple(entry["unverified"]),
    )


def _matches(name: str) -> Optional[Device]:
    wanted = _plain(name)
    named = [device for device in devices().values() if _plain(device.name) == wanted]
    if not named:
        named = [device for device in devices().values() if _stem(device.name) == wanted]
    return max(named, key=lambda device: device.memory_gb) if named else None


def _words(name: str) -> List[str]:
    words = re.split(r"[^a-z0-9/]+", name.lower().replace(" gb", "gb"))
    return [word for word in words if word and word not in _NOISE]


def _plain(name: str) -> str:
    return "".join(_words(name))


def _stem(name: str) -> str:
    """The name without its memory size."""
    return "".join(word for word in _words(name) if not _MEMORY.match(word))
