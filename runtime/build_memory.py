"""Is there memory to build an engine? A board without it kills the build after half an hour."""

from pathlib import Path
from typing import Dict, NamedTuple, Optional

from .errors import DeviceError
from .tensorrt_flavour import TENSORRT, TENSORRT_RTX

MIB = 1 << 20
BASE_BYTES = {TENSORRT: 800 * MIB, TENSORRT_RTX: 512 * MIB}
"""What a build takes before it sees a model. TensorRT-RTX on a CPU: 200 MB measured, and up to
300 MB more for a plan for Turing. TensorRT: an estimate, CUDA and its libraries on a Jetson; not
measured."""
BYTES_PER_ONNX_BYTE = 4
"""What each byte of the model adds: 2.7 measured with TensorRT-RTX and 37 million weights."""
BOARD_WORKSPACE_BYTES = 256 * MIB
"""Most that the builder may try on a board whose GPU takes its memory from the same place."""
LEAST_WORKSPACE_BYTES = 16 * MIB
SHARE_FOR_WORKSPACE = 4
"""A quarter of what is left: tactics are also timed on inputs and outputs of their own."""
CARD_WORKSPACE_BYTES = 1024 * MIB
"""On a graphics card, where TensorRT has no limit of its own (8.2: 0 forbids most tactics)."""
SWAP_RECIPE = (
    "close the desktop (sudo init 3) or add swap: sudo fallocate -l 4G /swapfile && sudo chmod "
    "600 /swapfile && sudo mkswap /swapfile && sudo swapon /swapfile"
)


class Memory(NamedTuple):
    """Of this machine, in bytes."""

    available: int
    """Free or to be had by dropping caches."""
    swap_free: int


def machine_memory(root: str = "/") -> Optional[Memory]:
    """Return what is free now; None where the system does not say. root: where /proc is."""
    try:
        text = Path(root, "proc/meminfo").read_text(encoding="ascii", errors="replace")
        fields = _fields(text)
        return Memory(fields["MemAvailable"], fields.get("SwapFree", 0))
    except (OSError, KeyError, ValueError, IndexError):
        return None


def has_shared_memory(root: str = "/") -> bool:
    """Whether this is a Jetson, whose CPU and GPU share one memory."""
    try:
        compatible = Path(root, "proc/device-tree/compatible").read_bytes()
    except OSError:
        return False
    return b"nvidia,tegra" in compatible


def check_memory(memory: Optional[Memory], flavour: str, onnx_bytes: int) -> None:
    """Raise DeviceError when memory and swap together are too small for the build."""
    need = needed_bytes(flavour, onnx_bytes)
    if memory is None or memory.available + memory.swap_free >= need:
        return
    found = "{} MB of memory and {} MB of swap free".format(
        memory.available // 10**6, memory.swap_free // 10**6
    )
    expected = "about {} MB to build the engine in".format(need // 10**6)
    raise DeviceError(expected, found, SWAP_RECIPE)


def needed_bytes(flavour: str, onnx_bytes: int) -> int:
    """Return about what a build takes, without its workspace."""
    return BASE_BYTES[flavour] + BYTES_PER_ONNX_BYTE * onnx_bytes


def workspace_bytes(memory: Optional[Memory], need: int, shared: bool) -> int:
    """Return the workspace for a build that takes `need` bytes besides.

    On shared memory it follows what is free; swap does not count, a GPU cannot use it.
    """
    if not shared:
        return CARD_WORKSPACE_BYTES
    if memory is None:
        return BOARD_WORKSPACE_BYTES
    spare = (memory.available - need) // SHARE_FOR_WORKSPACE
    return max(LEAST_WORKSPACE_BYTES, min(BOARD_WORKSPACE_BYTES, spare))


def _fields(text: str) -> Dict[str, int]:
    """/proc/meminfo in bytes, by name; it counts in kB."""
    pairs = [line.partition(":") for line in text.splitlines()]
    return {name: int(value.split()[0]) * 1024 for name, colon, value in pairs if colon}
