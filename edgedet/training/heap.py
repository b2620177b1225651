"""Memory that a step frees stays with the process, for the next step.

glibc maps every large tensor anew and gives it back when it is freed; the kernel then clears each
of its pages at the next step (docs/results/training_quality.md). PyTorch's GPU memory has its own
cache.
"""

import ctypes
import sys

# <malloc.h> of glibc.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
LARGEST_INT = 2**31 - 1
PAD_BYTES = 2**28


def keep_freed_memory() -> bool:
    """Let this process's heap grow and not shrink; return whether its C library can do so.

    Memory is held at its peak until the process ends. Without glibc (musl, macOS, Windows)
    nothing changes.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, LARGEST_INT), (M_TOP_PAD, PAD_BYTES))
    return all([mallopt(name, value) == 1 for name, value in settings])
