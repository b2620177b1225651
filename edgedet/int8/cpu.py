"""What this CPU has for INT8: without instructions for products of bytes it gains little."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgedet.runtime.environment import cpu_model

INT8_FLAGS = ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm")
"""Of /proc/cpuinfo: VNNI of x86 in its two widths, tiles, and the dot products of ARM."""


@dataclass(frozen=True)
class Cpu:
    """On which latency was measured."""

    name: str
    int8_flags: tuple[str, ...]
    """Those of `INT8_FLAGS` that it has; empty also where the system does not say."""

    def __str__(self) -> str:
        """Return name and instructions, for people."""
        return f"{self.name} ({', '.join(self.int8_flags) or 'no VNNI'})"


def this_cpu(root: str = "/") -> Cpu:
    """Return the CPU of this machine. root: where /proc is."""
    try:
        text = Path(root, "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    words = set()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            words.update(value.split())
    return Cpu(cpu_model(root), tuple(flag for flag in INT8_FLAGS if flag in words))
