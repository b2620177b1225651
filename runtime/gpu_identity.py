"""Which GPU this machine has, asked of the driver itself: an engine fits one kind only."""

import ctypes
import os
from typing import Any, NamedTuple, Optional

DRIVER = "libcuda.so.1"
LOADING = "CUDA_MODULE_LOADING"
"""Environment: what CUDA reads when it starts."""
NAME_BYTES = 256
BUS_ID_BYTES = 32
# CUdevice_attribute of cuda.h, the same in all versions.
COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76


def load_kernels_lazily() -> None:
    """Have CUDA load a kernel when it first runs, unless the user said otherwise.

    To be called before CUDA starts: what is not loaded takes no memory. CUDA 11.7 and newer hear
    it, and from 12.2 on do it by themselves.
    """
    os.environ.setdefault(LOADING, "LAZY")


class Gpu(NamedTuple):
    """One NVIDIA GPU."""

    name: str
    compute_capability: str
    """As `8.6`."""

    def __str__(self) -> str:
        return "{} (compute capability {})".format(self.name, self.compute_capability)


def find_gpu(driver: Optional[str] = None) -> Optional[Gpu]:
    """Return the first GPU that CUDA shows this process, or None without driver or GPU.

    driver: the library of the CUDA driver; default: `DRIVER`.
    Makes no CUDA context: asking costs no GPU memory.
    """
    load_kernels_lazily()
    try:
        cuda = ctypes.CDLL(driver or DRIVER)
    except OSError:
        return None
    device = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0):
        return None
    name = ctypes.create_string_buffer(NAME_BYTES)
    if cuda.cuDeviceGetName(name, NAME_BYTES, device):
        return None
    numbers = [
        _attribute(cuda, which, device)
        for which in (COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR)
    ]
    if None in numbers:
        return None
    return Gpu(name.value.decode("utf-8", "replace"), "{}.{}".format(*numbers))


def find_bus_id(driver: Optional[str] = None) -> Optional[str]:
    """Return where on the PCI bus that GPU is, such as 0000:01:00.0, or None without one.

    CUDA numbers GPUs by speed and hides those that CUDA_VISIBLE_DEVICES leaves out; other
    programs know a GPU by its place only. driver: default `DRIVER`.
    """
    load_kernels_lazily()
    try:
        cuda = ctypes.CDLL(driver or DRIVER)
    except OSError:
        return None
    device, place = ctypes.c_int(), ctypes.create_string_buffer(BUS_ID_BYTES)
    if cuda.cuInit(0) or cuda.cuDeviceGet(ctypes.byref(device), 0):
        return None
    if cuda.cuDeviceGetPCIBusId(place, BUS_ID_BYTES, device):
        return None
    return place.value.decode("ascii", "replace")


def _attribute(cuda: Any, which: int, device: ctypes.c_int) -> Optional[int]:
    value = ctypes.c_int()
    failed = cuda.cuDeviceGetAttribute(ctypes.byref(value), which, device)
    return None if failed else value.value
