"""What memory each step of a start takes: which one is too much for a board is seen by that."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from .errors import DeviceError

if TYPE_CHECKING:
    from .cuda_memory import Cuda

# Names of the kernel's figures, which it gives in kB.
_RSS, _PEAK = "VmRSS", "VmHWM"


class MemorySteps:
    """Readings after each step, as plain JSON types in ``steps``."""

    def __init__(self) -> None:
        self.steps: List[Dict[str, Any]] = []

    def note(self, step: str, cuda: "Optional[Cuda]" = None) -> None:
        """Read what the process takes and, once CUDA is there, what the GPU has left.

        On a Jetson both are the same memory. What other programs take counts, too.
        """
        row: Dict[str, Any] = {"step": step, "rss_bytes": process_memory()["rss_bytes"]}
        row.update(gpu_free_bytes=None, gpu_total_bytes=None)
        with suppress(DeviceError):  # nothing depends on it
            if cuda is not None:
                row["gpu_free_bytes"], row["gpu_total_bytes"] = cuda.memory_free_total()
        self.steps.append(row)


def memory_report(steps: List[Dict[str, Any]]) -> Dict[str, Any]:
    """Return what the process takes now and took at most, in bytes, with the steps before."""
    return dict(process_memory(), steps=list(steps))


def memory_line(memory: Dict[str, Any]) -> str:
    """Return the report on one line, in MB of 1e6 bytes."""
    parts = []
    if memory["rss_bytes"] is not None:
        sizes = [memory[name] // 10**6 for name in ("rss_bytes", "peak_rss_bytes")]
        parts.append("process {} MB, at most {} MB".format(*sizes))
    known = [step for step in memory["steps"] if step["gpu_free_bytes"] is not None]
    if known:
        left = ["{} {}".format(s["step"], s["gpu_free_bytes"] // 10**6) for s in known]
        total = known[-1]["gpu_total_bytes"] // 10**6
        parts.append("of the GPU's {} MB free after {}".format(total, ", ".join(left)))
    return "memory: {}".format("; ".join(parts) or "not readable")


def process_memory(root: str = "/") -> "Dict[str, Optional[int]]":
    """Return ``rss_bytes`` and ``peak_rss_bytes`` of this process; None where none are told."""
    try:
        text = Path(root, "proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        text = ""
    rows = [line.replace(":", " ").split() for line in text.splitlines()]
    told = {row[0]: int(row[1]) * 1024 for row in rows if row[2:] == ["kB"]}
    return {"rss_bytes": told.get(_RSS), "peak_rss_bytes": told.get(_PEAK)}
